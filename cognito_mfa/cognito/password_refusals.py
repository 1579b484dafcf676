"""The meaning of Cognito's errors when a password is forgotten, reset, or changed.

SECURITY: for a forgotten password most of them say something about one user: that there is none, that it is disabled,
signs in elsewhere, or has no verified address. Each becomes the one answer that an unknown user gets. Only what concerns
the whole site, or how often something was tried, is told apart. See "Forgotten passwords" in
``docs/cognito-behavior.md``.
"""

from __future__ import annotations

from cognito_mfa.exceptions import (
    BadCode,
    BadCredentials,
    Busy,
    CognitoMFAError,
    TokenRejected,
    Unavailable,
)

FORGOT, CONFIRM, CHANGE = "ForgotPassword", "ConfirmForgotPassword", "ChangePassword"
HOUR = 3600  # seconds; the limits of both operations are counted by the hour
LONGEST_LOCK = 900  # seconds after wrong passwords
# About one user, or about sending to one user; the site's operator reads of them in the log.
_ABOUT_ONE_USER = frozenset(
    {
        "NotAuthorized", "UserNotFound", "UserNotConfirmed", "PasswordResetRequired", "InvalidParameter",
        "CodeDeliveryFailure", "UserLambdaValidation", "UnexpectedLambda", "InvalidLambdaResponse",
        "InvalidSmsRoleAccessPolicy", "InvalidSmsRoleTrustRelationship", "InvalidEmailRoleAccessPolicy",
        "AliasExists", "UnsupportedUserState",
    }
)  # fmt: skip
# Reuse of an earlier password is among them: it is unknown whether Cognito checks the code first, and without it
# a stranger could find out who exists, and try passwords, past the lock on wrong ones.
_WRONG_CODE = frozenset(
    {
        "CodeMismatch", "ExpiredCode", "NotAuthorized", "UserNotFound", "UserNotConfirmed", "InvalidParameter",
        "PasswordResetRequired", "AliasExists", "UnsupportedUserState", "PasswordHistoryPolicyViolation",
    }
)  # fmt: skip
# The trigger that runs last fails after the password was set, the one that runs first before.
_TRIGGERS = frozenset({"UserLambdaValidation", "UnexpectedLambda", "InvalidLambdaResponse"})
_TOKEN = frozenset({"UserNotFound", "UserNotConfirmed", "PasswordResetRequired"})
_LIMITS = frozenset({"LimitExceeded", "TooManyFailedAttempts"})
_SECRET_HASH = ("secret hash", "secrethash", "secret_hash", "configured for secret")


def refusal(operation: str, error: str, text: str, request_id: str) -> CognitoMFAError | None:
    """Return (not raise) the exception for a refusal by one of the three operations; None for any other.

    Args:
        operation: the API operation.
        error: Cognito's name of the error.
        text: Cognito's text in lower case; read, never kept.
        request_id: the id that AWS gave the request.
    """
    if operation not in (FORGOT, CONFIRM, CHANGE) or any(words in text for words in _SECRET_HASH):
        return None
    name = error.removesuffix("Exception")
    if name in _LIMITS:
        wait = LONGEST_LOCK if operation == CHANGE else HOUR
        return Busy(operation, error, request_id=request_id, retry_after=wait)
    if operation == CONFIRM and name in _TRIGGERS:
        return Unavailable(operation, error, request_id=request_id, sent="unknown")
    kind = _kind(operation, name, text)
    return kind(operation, error, request_id=request_id) if kind else None


def _kind(operation: str, name: str, text: str) -> type[CognitoMFAError] | None:
    if operation == FORGOT:
        return BadCredentials if name in _ABOUT_ONE_USER else None
    if operation == CONFIRM:
        return BadCode if name in _WRONG_CODE else None
    if name == "NotAuthorized":  # the old password, or the access token
        return BadCredentials if "incorrect" in text else TokenRejected
    return TokenRejected if name in _TOKEN else None
