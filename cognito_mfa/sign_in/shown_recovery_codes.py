"""Recovery codes on a page, encrypted in the session for a few minutes until the user saved them.

So a page that is loaded again, printed, or downloaded shows the same codes. The database has only their hashes.
"""

from __future__ import annotations

import time
from functools import partial

from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest

from cognito_mfa.authenticator import recovery_codes
from cognito_mfa.authenticator.recovery_codes import CodeSet
from cognito_mfa.enforcement.proof import PREFIX
from cognito_mfa.exceptions import ChallengeLost, ChallengeLostReason
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.values.clocks import seconds_since
from cognito_mfa.values.secret_text import SecretText

KEY = f"{PREFIX}recovery_codes"
TTL = 10 * 60  # seconds


def create(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Create a new set of codes, and let the user's pages show it for some minutes.

    Args:
        request: of the user, whose session keeps them.
        identity: the user's.

    Raises:
        Busy: too many sets in the last hour.
        ChallengeLost: a reset, another change, or the end of the session came first; the old set is valid.
    """
    recovery_codes.create(request, identity, keep=partial(_keep_now, request, identity))


def _keep_now(request: HttpRequest, identity: CognitoIdentity, created: CodeSet) -> None:
    keep(request, identity, created)
    try:
        request.session.save()
    except UpdateError:
        raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN) from None


def keep(request: HttpRequest, identity: CognitoIdentity, created: CodeSet) -> None:
    """Let the user's pages show the codes of ``created`` for some minutes.

    Args:
        request: whose session keeps them.
        identity: the user's.
        created: the set; another request may have replaced it already, and then no page shows it.
    """
    payload = {
        "codes": created.codes,
        "set": created.id,
        "identity": identity.pk,
        "at": time.time(),
    }
    request.session[KEY] = encrypt(payload)


def load(request: HttpRequest, identity: CognitoIdentity | None) -> list[SecretText]:
    """Return the codes that may be shown to the user; none when they are old, or no longer the user's set.

    Args:
        request: whose session keeps them.
        identity: the user's.
    """
    if KEY not in request.session:
        return []
    payload = decrypt(request.session[KEY])
    if identity is None or payload is None or not _is_current(payload, identity):
        forget(request)
        return []
    codes: list[SecretText] = payload["codes"]
    return codes


def forget(request: HttpRequest) -> None:
    """Stop showing the codes."""
    request.session.pop(KEY, None)


def _is_current(payload: dict[str, object], identity: CognitoIdentity) -> bool:
    try:
        at, of, batch = payload["at"], payload["identity"], payload["set"]
        codes = payload["codes"]
    except KeyError:  # of another version of this app, minutes ago
        return False
    if not (isinstance(codes, list) and all(isinstance(code, SecretText) for code in codes)):
        return False
    ago = seconds_since(at) if isinstance(at, float) else None
    in_time = ago is not None and ago < TTL
    return in_time and of == identity.pk and batch == recovery_codes.set_id(identity)
