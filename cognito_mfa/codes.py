"""One attempt at a code, at whatever step: counted before it is sent, and noted when it was wrong."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager

from django.http import HttpRequest

from cognito_mfa import budget, notices, signals, wrong_codes
from cognito_mfa.exceptions import BadCode
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.people import Asked

logger = logging.getLogger(__name__)


@contextmanager
def attempt(request: HttpRequest, *, asked: Asked, method: str) -> Generator[None]:
    """Send one code inside.

    Args:
        asked: whose code it is.
        method: Cognito's name of the challenge.

    Raises:
        Busy: too soon after a wrong code; nothing was sent.
        CodesStopped: too many wrong codes; nothing was sent.
    """
    failures = 0
    try:
        with budget.counted(asked.username) as failures:
            yield
    except BadCode:
        _note_refusal(request, asked.identity, method, failures)
        raise


def _note_refusal(
    request: HttpRequest, identity: CognitoIdentity | None, method: str, failures: int
) -> None:
    """Note a wrong code with the person it was meant for, when we know them."""
    if identity is not None:
        wrong_codes.note(identity, method, in_a_row=failures)
        _tell_of_stop(identity, failures)
    logger.info(
        "code_rejected: user %s, method %s", identity.user_id if identity else "new", method
    )
    signals.code_rejected.send_robust(
        sender=CognitoIdentity, request=request, identity=identity, method=method
    )


def _tell_of_stop(identity: CognitoIdentity, failures: int) -> None:
    """Write to who must turn to the people who run the site from now on."""
    if failures == budget.HARD_STOP:
        MFAEvent.objects.record(MFAEvent.Kind.CODES_STOPPED, identity)
        logger.warning("codes_stopped: user %s", identity.user_id)
        notices.send("codes_stopped", identity)
