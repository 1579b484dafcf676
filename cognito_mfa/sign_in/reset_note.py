"""A note in the session about a password that this browser reset, until the site knows whose it was.

A reset shows no ``sub``, and a name may mean another user by now. The next sign-in of this browser does show it: then
the event is recorded, the email sent, and the sessions that the old password opened end. It is remembered before Cognito is
asked, because the process may end when Cognito has just set the password.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest

from cognito_mfa.authenticator import password_changes
from cognito_mfa.enforcement import proof
from cognito_mfa.exceptions import ChallengeLost, ChallengeLostReason, CognitoMFAError
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


@contextmanager
def sending(request: HttpRequest, username: str) -> Generator[None]:
    """Note that the block sends a new password; until the outcome is known, it counts as set.

    Written for every username, so that the time it takes says nothing about the user.

    Args:
        request: of the browser.
        username: as it was typed.

    Raises:
        ChallengeLost: another request of the browser has ended its session; nothing was sent.
    """
    before = request.session.get(KEY)
    remember(request, username, certain=False)
    _save_now(request)
    try:
        yield
    except CognitoMFAError as error:
        if not password_changes.is_in_doubt(error):
            _put_back(request, before)
        raise
    _put_back(request, before)


def _save_now(request: HttpRequest) -> None:
    try:
        request.session.save()
    except UpdateError:
        raise ChallengeLost(reason=ChallengeLostReason.NOTHING_PENDING) from None


def _put_back(request: HttpRequest, note: str | None) -> None:
    """Restore the earlier note."""
    del request.session[KEY]
    if note is not None:
        request.session[KEY] = note


def settle(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Record the new password of the user who signs in now, if it is not recorded yet.

    It was set by a reset that this browser remembers, or by a change whose outcome no process recorded.

    Args:
        request: of the sign-in.
        identity: of the user who signs in, found by the ``sub``.
    """
    note = _pop_note(request, identity)
    if not (note or identity.password_sent_at):
        return
    ended = proof.signed_out_since(request.session.get(proof.SIGN_OUTS_KEY), identity)
    if note.get("certain"):
        password_changes.record_reset(request, identity)
    else:
        password_changes.end_sessions(identity)
    if not ended:  # this session stays
        proof.record_sign_outs(request.session, identity.sign_outs)


def _pop_note(request: HttpRequest, identity: CognitoIdentity) -> dict[str, Any]:
    """Return this browser's note, and forget it; empty if it is old, or about another user."""
    if KEY not in request.session:
        return {}
    note = decrypt(request.session.pop(KEY)) or {}
    ago = clocks.seconds_since(note.get("at", 0.0))
    in_time = ago is not None and ago <= TTL
    return note if in_time and _is_of(str(note.get("username")), identity) else {}


def _is_of(username: str, identity: CognitoIdentity) -> bool:
    names = (identity.username, identity.sub, identity.email)
    return any(same(username, name) for name in names)
