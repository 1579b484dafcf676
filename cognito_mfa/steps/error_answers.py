"""The one table of errors: what pages and the API answer to each of them, and the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from http import HTTPStatus
from typing import Any, NamedTuple

from cognito_mfa.exceptions import (
    AccountActionNeeded,
    AttributesRejected,
    BadCode,
    BadCredentials,
    Busy,
    ChallengeLost,
    ChallengeNotSupported,
    CodeAttemptsLocked,
    CognitoMFAError,
    LinkRefused,
    PasswordRejected,
    Refused,
    RemovalNotAllowed,
    ServiceError,
    SignInAgain,
    TokenRejected,
)
from cognito_mfa.steps import error_texts


class End(Enum):
    """What happens to the step after an error."""

    SAME_STEP = "the same step, with the text at its field"
    RESTART = "the first step"
    SIGN_IN_AGAIN = "a new sign-in where the user signed in"
    OWN_PAGE = "the user's own page"
    BLOCKED = "no further step: someone else has to act"
    LATER = "the same step, later"


class ErrorAnswer(NamedTuple):
    """How one kind of error is answered.

    Attributes:
        end: what becomes of the step. One that cannot be tried again ends in a restart.
        status: of the response to scripts. Pages answer 200 for 400, and redirect for 401 and 409.
        code: of the API's problem document; frozen.
        text: returns the text, given the error; given the reference in the log for ``ServiceError``.
        field: of the form, for ``SAME_STEP``; None for the whole form.
    """

    end: End
    status: HTTPStatus
    code: str
    text: Callable[[Any], Any]
    field: str | None = None


BAD_CREDENTIALS = ErrorAnswer(
    End.SAME_STEP, HTTPStatus.BAD_REQUEST, "bad_credentials", error_texts.bad_credentials
)
RESTART = ErrorAnswer(End.RESTART, HTTPStatus.CONFLICT, "start_again", error_texts.not_completed)
# The entry of the nearest class applies.
ERROR_ANSWERS: Mapping[type[CognitoMFAError], ErrorAnswer] = {
    CognitoMFAError: RESTART,
    BadCredentials: BAD_CREDENTIALS,
    BadCode: ErrorAnswer(
        End.SAME_STEP, HTTPStatus.BAD_REQUEST, "bad_code", error_texts.wrong_code, field="code"
    ),
    PasswordRejected: ErrorAnswer(
        End.SAME_STEP,
        HTTPStatus.BAD_REQUEST,
        "password_rejected",
        error_texts.password_rejected,
        field="new_password1",
    ),
    AttributesRejected: ErrorAnswer(
        End.SAME_STEP,
        HTTPStatus.BAD_REQUEST,
        "attributes_rejected",
        error_texts.attribute_rejected,
    ),
    ChallengeLost: RESTART._replace(text=error_texts.challenge_lost),
    TokenRejected: RESTART._replace(text=error_texts.token_rejected),
    SignInAgain: ErrorAnswer(
        End.SIGN_IN_AGAIN, HTTPStatus.UNAUTHORIZED, "sign_in_again", error_texts.sign_in_again
    ),
    RemovalNotAllowed: ErrorAnswer(
        End.OWN_PAGE,
        HTTPStatus.FORBIDDEN,
        "removal_not_allowed",
        error_texts.removal_not_allowed,
    ),
    Refused: ErrorAnswer(End.BLOCKED, HTTPStatus.FORBIDDEN, "refused", error_texts.refused),
    LinkRefused: ErrorAnswer(
        End.BLOCKED, HTTPStatus.FORBIDDEN, "link_refused", error_texts.link_refused
    ),
    AccountActionNeeded: ErrorAnswer(
        End.BLOCKED,
        HTTPStatus.FORBIDDEN,
        "password_reset_required",
        error_texts.password_reset_needed,
    ),
    ChallengeNotSupported: ErrorAnswer(
        End.BLOCKED,
        HTTPStatus.FORBIDDEN,
        "challenge_not_supported",
        error_texts.challenge_not_supported,
    ),
    CodeAttemptsLocked: ErrorAnswer(
        End.BLOCKED, HTTPStatus.FORBIDDEN, "code_entry_locked", error_texts.code_attempts_locked
    ),
    Busy: ErrorAnswer(End.LATER, HTTPStatus.TOO_MANY_REQUESTS, "slow_down", error_texts.busy),
    ServiceError: ErrorAnswer(
        End.LATER, HTTPStatus.SERVICE_UNAVAILABLE, "try_later", error_texts.failed_for_good
    ),
}


def answer_to(error: CognitoMFAError) -> ErrorAnswer:
    """Return how ``error`` is answered."""
    # SECURITY: Cognito says that an account is unconfirmed before it looks at the password. Shown, it would tell
    # a stranger who exists. That a password must be reset it says only with the right password.
    if isinstance(error, AccountActionNeeded) and error.action == "confirm":
        return BAD_CREDENTIALS
    return next(ERROR_ANSWERS[kind] for kind in type(error).__mro__ if kind in ERROR_ANSWERS)


def entry_text(error: CognitoMFAError) -> str:
    """Return what to say about the entry in the app that stays valid; empty where there is none."""
    confirmed = isinstance(error, Refused) and error.has_authenticator
    return error_texts.entry_stays_valid() if confirmed else ""
