"""One attempt at a code, at whatever step: counted before it is sent, and noted when it was wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import contextmanager

from django.http import HttpRequest

from cognito_mfa import signals
from cognito_mfa.authenticator import code_attempts, notifications, people, wrong_codes
from cognito_mfa.authenticator.people import Asked
from cognito_mfa.cognito import admin_api
from cognito_mfa.cognito.types import MFA_SETUP
from cognito_mfa.exceptions import BadCode, Busy, CodeAttemptsLocked, CognitoMFAError, UserGone
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.values import clocks

logger = logging.getLogger(__name__)

ASK_EVERY = 300  # seconds between two questions about the same person, in each process
MOST_REMEMBERED = 1000  # people
_last_asked: dict[int, tuple[str, float]] = {}  # row: sub, and when by the monotonic clock


@contextmanager
def attempt(request: HttpRequest, *, asked: Asked, method: str) -> Generator[None]:
    """Send one code inside.

    Args:
        asked: whose code it is.
        method: Cognito's name of the challenge.

    Raises:
        Busy: too soon after a wrong code; nothing was sent.
        CodeAttemptsLocked: too many wrong codes; nothing was sent.
    """
    asked = _without_predecessor(asked, method)
    count = code_attempts.Attempt(0, 0, 0)
    try:
        with code_attempts.count_attempt(
            asked.username, sub=_counted_by(asked, method), shown_secret=method == MFA_SETUP
        ) as count:
            yield
    except BadCode:
        _note_refusal(request, _meant(asked, method), method, count)
        raise


def _meant(asked: Asked, method: str) -> CognitoIdentity | None:
    """Return the row that a wrong code is written down with; None where it is a predecessor's.

    By a name alone, somebody who had the name before would be written to. Cognito knows whether they are gone, where
    this site may ask it. Where nobody knows, a warning too many does less harm than one too few.
    """
    identity = asked.identity
    if asked.sub or identity is None:
        return identity
    if method == MFA_SETUP or (_may_be_gone(asked, identity) and _is_gone(identity)):
        return None
    return identity


def _counted_by(asked: Asked, method: str) -> str:
    """Return the ``sub`` whose counter it is; empty for that of the name.

    At a set-up whose person only a name tells, a row of that name may be a predecessor's, whose wrong codes are
    no fault of who is there now. Nothing is lost by a counter of its own: the page shows the secret.
    """
    if asked.sub or method == MFA_SETUP or asked.identity is None:
        return asked.sub
    return asked.identity.sub


def _without_predecessor(asked: Asked, method: str) -> Asked:
    """Return who is asked, once the counter of a predecessor of the same name would refuse them.

    Cognito knows whether that ``sub`` is gone, where this site may ask it. It is asked then and only then.
    """
    if asked.sub or asked.identity is None or method == MFA_SETUP:
        return asked
    try:
        code_attempts.ensure_allowed(asked.username, sub=asked.identity.sub)
    except (Busy, CodeAttemptsLocked):
        if _may_be_gone(asked, asked.identity) and _is_gone(asked.identity):
            return people.named(asked.username, asked.device)
    return asked


def _may_be_gone(asked: Asked, identity: CognitoIdentity) -> bool:
    """Tell whether the row may be a predecessor's: Cognito asks for another authenticator, or told of it long ago."""
    token = identity.software_token
    if token is None or token.cognito_name != asked.device or identity.checked_at is None:
        return True
    since = clocks.seconds_since(identity.checked_at)
    return since is None or since > ASK_EVERY


def _is_gone(identity: CognitoIdentity) -> bool:
    """Ask Cognito whether it has no such person any more, and write that down; never twice in a few minutes."""
    now, last = time.monotonic(), _last_asked.get(identity.pk)
    if last is not None and last[0] == identity.sub and now - last[1] < ASK_EVERY:
        return False
    if len(_last_asked) >= MOST_REMEMBERED:
        _last_asked.clear()
    _last_asked[identity.pk] = (identity.sub, now)
    try:
        admin_api.read_factors(identity.sub)
    except UserGone:
        people.retire(identity)
        logger.info("predecessor_gone: user %s", identity.user_id)
        return True
    except CognitoMFAError as error:  # no credentials, no answer: then nobody knows
        logger.info("predecessor_unknown: user %s, %s", identity.user_id, error)
    return False


def _note_refusal(
    request: HttpRequest,
    identity: CognitoIdentity | None,
    method: str,
    count: code_attempts.Attempt,
) -> None:
    """Note a wrong code with the person it was meant for, when we know them."""
    if identity is not None:
        wrong_codes.note(identity, method, in_a_row=count.failures)
        _tell_of_stop(identity, count)
    logger.info(
        "code_rejected: user %s, method %s", identity.user_id if identity else "new", method
    )
    signals.code_rejected.send_robust(
        sender=CognitoIdentity, request=request, identity=identity, method=method
    )


def _tell_of_stop(identity: CognitoIdentity, count: code_attempts.Attempt) -> None:
    """Write to who must turn to the people who run the site from now on."""
    if count.is_last:
        MFAEvent.objects.record(MFAEvent.Kind.CODES_STOPPED, identity)
        logger.warning("codes_stopped: user %s", identity.user_id)
        notifications.send("codes_stopped", identity)
