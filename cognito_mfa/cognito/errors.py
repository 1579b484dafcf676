"""Which of our exceptions stands for which of Cognito's errors.

The operation and the error's name decide. The message only narrows ``NotAuthorizedException``, which
Cognito uses for a dozen causes, and errors about the client's secret. It is never passed on. A name that is
not listed becomes ``Misconfigured``: a new botocore may bring new ones, and a test walks its model.
See "Error texts" in ``docs/cognito-behavior.md``.
"""

from __future__ import annotations

from cognito_mfa.cognito import input_refusals, password_refusals
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    BadCode,
    BadCredentials,
    Busy,
    ChallengeLost,
    CognitoMFAError,
    Misconfigured,
    PasswordRejected,
    Refused,
    ScopeMissing,
    TokenRejected,
    Unavailable,
    UserGone,
)

START = frozenset({"InitiateAuth", "AdminInitiateAuth"})
ANSWER = frozenset({"RespondToAuthChallenge", "AdminRespondToAuthChallenge"})
ENROLL = frozenset({"AssociateSoftwareToken", "VerifySoftwareToken"})
WITH_TOKEN = frozenset(
    {
        "GetUser",
        "GetUserAuthFactors",
        "SetUserMFAPreference",
        "GlobalSignOut",
        "GetTokensFromRefreshToken",
    }
)

_EVERYWHERE: dict[str, type[CognitoMFAError]] = {
    **dict.fromkeys(("CodeMismatch", "EnableSoftwareTokenMFA", "ExpiredCode"), BadCode),
    **dict.fromkeys(("InvalidPassword", "PasswordHistoryPolicyViolation"), PasswordRejected),
    **dict.fromkeys(("Forbidden", "UserLambdaValidation", "AliasExists"), Refused),
    **dict.fromkeys(("ConcurrentModification", "MFAMethodNotFound"), ChallengeLost),
    **dict.fromkeys(("UserNotConfirmed", "PasswordResetRequired"), AccountActionNeeded),
    **dict.fromkeys(
        ("TooManyRequests", "Throttling", "ThrottledRequest", "RequestThrottled", "LimitExceeded",
         "RequestLimitExceeded", "TooManyFailedAttempts", "SlowDown", "429"),
        Busy,
    ),
    **dict.fromkeys(
        ("InternalError", "InternalServer", "InternalServerError", "InternalFailure", "ServiceUnavailable",
         "500", "502", "503", "504"),
        Unavailable,
    ),
    "RefreshTokenReuse": TokenRejected,
}  # fmt: skip

_AT_START: dict[str, type[CognitoMFAError]] = {
    "NotAuthorized": BadCredentials,
    "UserNotFound": BadCredentials,
}
_AT_ENROLLMENT: dict[str, type[CognitoMFAError]] = {
    "NotAuthorized": ChallengeLost,
    "UserNotFound": ChallengeLost,
}
_AT_ANSWER = {**_AT_ENROLLMENT, "SoftwareTokenMFANotFound": ChallengeLost}
# The token, or the account behind it, is no longer good.
_WITH_TOKEN: dict[str, type[CognitoMFAError]] = {
    "NotAuthorized": TokenRejected,
    "UserNotFound": TokenRejected,
    "UserNotConfirmed": TokenRejected,
    "PasswordResetRequired": TokenRejected,
}

# Text inside NotAuthorizedException that narrows it. Trailing words vary between reports.
_LOCKED = ("temporarily locked", "too many invalid credentials")
_SECRET_HASH = ("secret hash", "secrethash", "secret_hash", "configured for secret")
_SCOPE = "required scopes"
# InvalidParameterException also quotes what users typed, so this is the whole of its fixed text.
_NO_SECRET = "is not configured for secret but secret hash was received"  # noqa: S105 - Cognito's words
LOCK_SECONDS = 10

_HINTS = {
    "EndpointRefused": "The endpoint is neither AWS's nor named for Cognito, or has no TLS: name it in ENDPOINT_URL, with "
    "https, or unset AWS_ENDPOINT_URL for this process.",
    "ResourceNotFound": "The pool or the app client does not exist: compare USER_POOL_ID, CLIENT_ID and the region.",
    "InvalidParameter": "Is the flow of AUTH_FLOW among the app client's ExplicitAuthFlows?",
    "SoftwareTokenMFANotFound": "Switch authenticator apps (software token MFA) on in the user pool.",
    "InvalidUserPoolConfiguration": "Look at the pool's MFA, e-mail and SMS configuration.",
    "OperationNotEnabled": "This operation is not available for the pool or its region (a replica pool?).",
    "FeatureUnavailableInTier": "The pool's feature plan does not include what was asked for.",
    "AccessDenied": "The AWS credentials lack the permission for this operation.",
    "NotAuthorized": "The AWS credentials lack the permission for this operation.",
    "NoCredentials": "No AWS credentials were found; this operation needs them.",
    **dict.fromkeys(
        ("ExpiredToken", "UnrecognizedClient", "MissingAuthenticationToken", "IncompleteSignature",
         "PartialCredentials", "CredentialRetrieval", "TokenRetrieval", "SSO", "SSOTokenLoad", "UnauthorizedSSOToken"),
        "The AWS credentials are incomplete, have expired, or could not be fetched.",
    ),
    "ProfileNotFound": "AWS_PROFILE names a profile that this machine does not have.",
    "ParamValidation": "What was to be sent is not what Cognito takes: look at the user's name in the pool.",
    "SecretHash": "CLIENT_SECRET does not fit CLIENT_ID.",
    "Scope": "Allow the scope aws.cognito.signin.user.admin on the app client, and ask for it at the sign-in.",
    "RequestExpired": "This machine's clock is wrong.",
    "InvalidSignature": "This machine's clock or its AWS secret key is wrong.",
    "SignatureDoesNotMatch": "This machine's clock or its AWS secret key is wrong.",
}  # fmt: skip
_PASSWORD_RULES = {
    "not long enough": "length",
    "uppercase": "uppercase",
    "lowercase": "lowercase",
    "numeric": "number",
    "symbol": "symbol",
}


def classify(operation: str, error: str, message: str, *, request_id: str = "") -> CognitoMFAError:
    """Return (not raise) the exception for Cognito's ``error`` at ``operation``.

    Args:
        operation: the API operation, such as ``RespondToAuthChallenge``.
        error: Cognito's name of the error, or an HTTP status where there was none.
        message: Cognito's text; read, never kept.
        request_id: the id that AWS gave the request; empty when there is none.
    """
    name = error.removesuffix("Exception")
    text = message.lower()
    if name == "InvalidParameter" and _NO_SECRET in text:
        return Misconfigured(operation, error, request_id=request_id, hint=hint_for("SecretHash"))
    given = (operation, error, text, request_id)
    refused = input_refusals.refusal(*given) or password_refusals.refusal(*given)
    if refused:
        return refused
    if name == "NotAuthorized":
        narrowed = _narrowed(operation, error, text, request_id)
        if narrowed:
            return narrowed
    kind = _at(operation).get(name) or _EVERYWHERE.get(name) or Misconfigured
    return _build(kind, operation, error, text, request_id)


def hint_for(error: str) -> str:
    """Return what the operator should check when Cognito (or botocore) reports ``error``; may be empty."""
    return _HINTS.get(error.removesuffix("Exception").removesuffix("Error"), "")


def _at(operation: str) -> dict[str, type[CognitoMFAError]]:
    """Return the exceptions that ``operation`` raises for names which mean something else elsewhere."""
    for operations, kinds in (
        (START, _AT_START),
        (ANSWER, _AT_ANSWER),
        (ENROLL, _AT_ENROLLMENT),
        (WITH_TOKEN, _WITH_TOKEN),
    ):
        if operation in operations:
            return kinds
    return {"UserNotFound": UserGone}  # administrators' operations


def _narrowed(operation: str, error: str, text: str, request_id: str) -> CognitoMFAError | None:
    if any(words in text for words in _SECRET_HASH):
        # Cognito compares the hash before it looks for the user, so this discloses nothing about the user.
        return Misconfigured(operation, error, request_id=request_id, hint=hint_for("SecretHash"))
    if operation in WITH_TOKEN | ENROLL and _SCOPE in text:
        return ScopeMissing(operation, error, request_id=request_id, hint=hint_for("Scope"))
    if operation in ANSWER | ENROLL and any(words in text for words in _LOCKED):
        return Busy(operation, error, request_id=request_id, retry_after=LOCK_SECONDS)
    return None


def _build(
    kind: type[CognitoMFAError], operation: str, error: str, text: str, request_id: str
) -> CognitoMFAError:
    if kind is PasswordRejected:
        return PasswordRejected(
            operation, error, request_id=request_id, rules=_broken_rules(error, text)
        )
    if kind is Misconfigured:
        return Misconfigured(operation, error, request_id=request_id, hint=hint_for(error))
    if kind is Unavailable:
        return Unavailable(operation, error, request_id=request_id, sent="yes")
    return kind(operation, error, request_id=request_id)


def _broken_rules(error: str, text: str) -> tuple[str, ...]:
    if error.startswith("PasswordHistory"):
        return ("history",)
    return tuple(rule for words, rule in _PASSWORD_RULES.items() if words in text)
