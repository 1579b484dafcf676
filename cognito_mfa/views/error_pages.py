"""How each error is shown: the template, the status, and the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from cognito_mfa.views import error_texts

BLOCKED = "cognito_mfa/blocked.html"
UNAVAILABLE = "cognito_mfa/unavailable.html"
SAME_PAGE = "same page"  # the step's own, with the text on its form
# Redirects: to the first step, to the page that asks for a new sign-in elsewhere, to the user's own page.
RESTART, SIGN_IN_AGAIN, DEVICE = "restart", "sign in again", "device"


class ErrorPage(NamedTuple):
    """How one kind of error is answered.

    Attributes:
        template: of the page, or one of the words above.
        status: of the response. Where the step cannot be tried again, the sign-in restarts instead of 200.
        text: returns the text of the page, given the error; given the reference in the log for ``ServiceError``.
        field: of the form, for ``SAME_PAGE``; None for the whole form.
    """

    template: str
    status: int
    text: Callable[[Any], Any]
    field: str | None = None


BAD_CREDENTIALS = ErrorPage(SAME_PAGE, 200, error_texts.bad_credentials)
# The entry of the nearest class applies.
ERROR_PAGES: Mapping[type[CognitoMFAError], ErrorPage] = {
    CognitoMFAError: ErrorPage(RESTART, 302, error_texts.not_completed),
    BadCredentials: BAD_CREDENTIALS,
    BadCode: ErrorPage(SAME_PAGE, 200, error_texts.wrong_code, field="code"),
    PasswordRejected: ErrorPage(
        SAME_PAGE, 200, error_texts.password_rejected, field="new_password1"
    ),
    AttributesRejected: ErrorPage(SAME_PAGE, 200, error_texts.attribute_rejected),
    ChallengeLost: ErrorPage(RESTART, 302, error_texts.challenge_lost),
    TokenRejected: ErrorPage(RESTART, 302, error_texts.token_rejected),
    SignInAgain: ErrorPage(SIGN_IN_AGAIN, 302, error_texts.sign_in_again),
    RemovalNotAllowed: ErrorPage(DEVICE, 302, error_texts.removal_not_allowed),
    Refused: ErrorPage(BLOCKED, 403, error_texts.refused),
    LinkRefused: ErrorPage(BLOCKED, 403, error_texts.link_refused),
    AccountActionNeeded: ErrorPage(BLOCKED, 403, error_texts.password_reset_needed),
    ChallengeNotSupported: ErrorPage(BLOCKED, 403, error_texts.challenge_not_supported),
    CodeAttemptsLocked: ErrorPage(BLOCKED, 403, error_texts.code_attempts_locked),
    Busy: ErrorPage(UNAVAILABLE, 429, error_texts.busy),
    ServiceError: ErrorPage(UNAVAILABLE, 503, error_texts.failed_for_good),
}


def page_for(error: CognitoMFAError) -> ErrorPage:
    """Return how ``error`` is answered."""
    # SECURITY: Cognito says that an account is unconfirmed before it looks at the password. Shown, it would tell
    # a stranger who exists. That a password must be reset it says only with the right password.
    if isinstance(error, AccountActionNeeded) and error.action == "confirm":
        return BAD_CREDENTIALS
    return next(ERROR_PAGES[kind] for kind in type(error).__mro__ if kind in ERROR_PAGES)
