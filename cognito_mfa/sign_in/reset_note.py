"""What a browser remembers of a password it reset, where the site could not ask Cognito whose it was.

A reset shows no ``sub``, and a name may mean another user by now. The next sign-in of this browser does show it: then
the event is recorded, the email sent, and the sessions that the old password opened end.
"""

from __future__ import annotations

import time

from django.http import HttpRequest

from cognito_mfa.authenticator import password_changes
from cognito_mfa.enforcement import proof
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.values import clocks
from cognito_mfa.values.comparison import same

KEY = f"{proof.PREFIX}password_reset"
TTL = 15 * 60  # seconds


def remember(request: HttpRequest, username: str, *, certain: bool) -> None:
    """Remember a reset until the next sign-in.

    Args:
        request: of the browser.
        username: as it was typed.
        certain: whether Cognito confirmed it, and not only may have done it.
    """
    note = {"username": username, "certain": certain, "at": time.time()}
    request.session[KEY] = encrypt(note)


def settle(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Record the reset that this browser remembers, if it was that of who signs in now.

    Args:
        request: of the sign-in.
        identity: of who signs in, by the ``sub``.
    """
    if KEY not in request.session:
        return
    note = decrypt(request.session.pop(KEY)) or {}
    ago = clocks.seconds_since(note.get("at", 0.0))
    if ago is None or ago > TTL or not _is_of(str(note.get("username")), identity):
        return
    ended = proof.signed_out_since(request.session.get(proof.SIGN_OUTS_KEY), identity)
    if note.get("certain"):
        password_changes.record_reset(request, identity)
    else:
        password_changes.end_sessions(identity)
    if not ended:  # this session stays
        proof.record_sign_outs(request.session, identity.sign_outs)


def _is_of(username: str, identity: CognitoIdentity) -> bool:
    names = (identity.username, identity.sub, identity.email)
    return any(same(username, name) for name in names)
