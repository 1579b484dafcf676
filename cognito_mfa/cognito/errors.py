"""What each of Cognito's errors means: one table, read from the top.

The error's name is not enough: ``NotAuthorizedException`` stands for a dozen causes and ``InvalidParameterException``
for as many. What a call was for (``Stage``) and a part of Cognito's text narrow them. The text is never passed on.
A name that is not listed becomes ``Misconfigured``: a new botocore may bring new ones, and a test walks its model.
A text that is not listed gets a reason of its own, so that nobody is told the cause of another one.
See "Error texts" in ``docs/cognito-behavior.md``, and ``docs/troubleshooting.md`` for what people and operators see.
"""

from __future__ import annotations

import re
from enum import Enum, StrEnum
from typing import NamedTuple

from cognito_mfa.cognito import input_refusals, password_refusals
from cognito_mfa.cognito.types import (
    MFA_SETUP,
    NEW_PASSWORD_REQUIRED,
    PASSWORD_VERIFIER,
    SELECT_MFA_TYPE,
)
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    BadCode,
    BadCredentials,
    BadCredentialsReason,
    Busy,
    BusyReason,
    ChallengeLost,
    ChallengeLostReason,
    CognitoMFAError,
    Misconfigured,
    MisconfiguredReason,
    PasswordRejected,
    PermissionMissing,
    Refused,
    RefusedReason,
    ScopeMissing,
    TokenRejected,
    TriggerFailed,
    Unavailable,
    UserGone,
)
from cognito_mfa.values.untrusted import shown


class Stage(Enum):
    """What a call is for: the same error means something else at each."""

    PASSWORD = "password"  # noqa: S105 - the first step of a sign-in, with SRP the second call as well
    NEW_PASSWORD = "new password"  # noqa: S105
    CODE = "code"
    CHOICE = "choice of a factor"
    SETUP = "setup"
    SETUP_END = "end of a setup"
    TOKEN = "access token"  # noqa: S105 - what the user does with it
    PREFERENCE = "preference of a factor"  # likewise
    ADMIN = "administrator"
    ADMIN_PREFERENCE = "preference of a factor, by an administrator"


_CHALLENGES = {
    PASSWORD_VERIFIER: Stage.PASSWORD,
    NEW_PASSWORD_REQUIRED: Stage.NEW_PASSWORD,
    SELECT_MFA_TYPE: Stage.CHOICE,
    MFA_SETUP: Stage.SETUP_END,
}
_OPERATIONS = {
    **dict.fromkeys(("InitiateAuth", "AdminInitiateAuth"), Stage.PASSWORD),
    **dict.fromkeys(("AssociateSoftwareToken", "VerifySoftwareToken"), Stage.SETUP),
    **dict.fromkeys(
        ("GetUser", "GetUserAuthFactors", "GlobalSignOut", "GetTokensFromRefreshToken"),
        Stage.TOKEN,
    ),
    "SetUserMFAPreference": Stage.PREFERENCE,
    "AdminSetUserMFAPreference": Stage.ADMIN_PREFERENCE,
}  # fmt: skip
_ANSWERS = frozenset({"RespondToAuthChallenge", "AdminRespondToAuthChallenge"})

EVERYWHERE = frozenset(Stage)
PASSWORD = frozenset({Stage.PASSWORD})
# After the password was right: nothing is given away any more by the truth.
LATER = frozenset({Stage.NEW_PASSWORD, Stage.CODE, Stage.CHOICE, Stage.SETUP, Stage.SETUP_END})
TOKEN = frozenset({Stage.TOKEN, Stage.PREFERENCE})
ADMIN = frozenset({Stage.ADMIN, Stage.ADMIN_PREFERENCE})
PREFERENCE = frozenset({Stage.PREFERENCE, Stage.ADMIN_PREFERENCE})
LOCK_SECONDS = 10
MAX_MESSAGE = 300  # characters of a trigger's words


class Meaning(NamedTuple):
    """What an error means at some stages.

    Attributes:
        errors: Cognito's names of it, without "Exception".
        stages: where it means this.
        kind: our exception.
        texts: parts of Cognito's text, in lower case; any of them. Empty for every text.
        reason: what the log says besides, from the enum of ``kind``.
        hint: key of what the operator should look at.
    """

    errors: tuple[str, ...]
    stages: frozenset[Stage]
    kind: type[CognitoMFAError]
    texts: tuple[str, ...] = ()
    reason: StrEnum | None = None
    hint: str = ""


_NOT_AUTHORIZED = ("NotAuthorized",)
_INVALID = ("InvalidParameter",)
THROTTLED = ("TooManyRequests", "Throttling", "ThrottledRequest", "RequestThrottled", "RequestLimitExceeded",
             "SlowDown")  # fmt: skip

MEANINGS: tuple[Meaning, ...] = (
    # Cognito compares the secret hash before it looks for the user, so this discloses nothing about the user.
    Meaning(_NOT_AUTHORIZED, EVERYWHERE, Misconfigured, ("secret hash", "secrethash", "secret_hash", "configured for secret"), hint="SecretHash"),
    # InvalidParameterException also quotes what users typed, so this is the whole of its fixed text.
    Meaning(_INVALID, EVERYWHERE, Misconfigured, ("is not configured for secret but secret hash was received", "missing required parameter secret_hash"), hint="SecretHash"),
    # ----------------------------------------------------------------------------- NotAuthorized
    Meaning(_NOT_AUTHORIZED, EVERYWHERE, PermissionMissing, ("is not authorized to perform",), hint="AccessDenied"),
    Meaning(_NOT_AUTHORIZED, PASSWORD | LATER, Refused, ("security reasons",), RefusedReason.RISK, "Risk"),
    Meaning(_NOT_AUTHORIZED, PASSWORD, BadCredentials, ("attempts exceeded", "temporarily locked"), BadCredentialsReason.LOCKED),
    Meaning(_NOT_AUTHORIZED, PASSWORD, BadCredentials, ("is disabled", "is not enabled"), BadCredentialsReason.DISABLED, "Disabled"),
    Meaning(_NOT_AUTHORIZED, PASSWORD, BadCredentials, ("temporary password has expired", "account has expired"), BadCredentialsReason.TEMPORARY_PASSWORD_EXPIRED, "TemporaryPassword"),
    Meaning(_NOT_AUTHORIZED, PASSWORD | LATER, ChallengeLost, ("invalid session", "session is expired", "session can only be used once"), ChallengeLostReason.SESSION_OVER),
    Meaning(_NOT_AUTHORIZED, PASSWORD, BadCredentials, ("incorrect username or password", "incorrect user name or password")),
    Meaning(_NOT_AUTHORIZED, PASSWORD, BadCredentials, reason=BadCredentialsReason.UNRECOGNIZED),
    Meaning(_NOT_AUTHORIZED, TOKEN | {Stage.SETUP}, ScopeMissing, ("required scopes",), hint="Scope"),
    Meaning(_NOT_AUTHORIZED, LATER, Busy, ("temporarily locked", "too many invalid credentials", "attempts exceeded"), BusyReason.LOCKED, "Attempts"),
    Meaning(_NOT_AUTHORIZED, LATER, Refused, ("is disabled", "is not enabled"), RefusedReason.DISABLED, "Disabled"),
    Meaning(_NOT_AUTHORIZED, frozenset({Stage.SETUP}), TokenRejected, ("access token",)),
    Meaning(_NOT_AUTHORIZED, LATER, ChallengeLost, reason=ChallengeLostReason.UNRECOGNIZED),
    Meaning(_NOT_AUTHORIZED, TOKEN, TokenRejected),
    Meaning(_NOT_AUTHORIZED, ADMIN, PermissionMissing, hint="AccessDenied"),
    # -------------------------------------------------------------------------- InvalidParameter
    Meaning(_INVALID, EVERYWHERE, Misconfigured, ("usercontextdata", "contextdata", "context data", "ipaddress"), MisconfiguredReason.CONTEXT, "Context"),
    Meaning(_INVALID, PASSWORD, BadCredentials, ("at 'username'", "at 'password'", "at 'authparameters'"), BadCredentialsReason.FORM),
    Meaning(_INVALID, PASSWORD, Misconfigured, hint="Flow"),
    Meaning(_INVALID, PREFERENCE, Misconfigured, hint="LastFactor"),
    # ------------------------------------------------------------------------------- the account
    Meaning(("UserNotFound",), PASSWORD, BadCredentials),
    Meaning(("UserNotFound", "UserNotConfirmed"), LATER, ChallengeLost, reason=ChallengeLostReason.ACCOUNT_CHANGED),
    Meaning(("UserNotFound", "UserNotConfirmed", "PasswordResetRequired", "RefreshTokenReuse"), TOKEN, TokenRejected),
    Meaning(("UserNotFound",), ADMIN, UserGone),
    Meaning(("UserNotConfirmed", "PasswordResetRequired"), EVERYWHERE, AccountActionNeeded),
    Meaning(("MFAMethodNotFound",), EVERYWHERE, Refused, reason=RefusedReason.NO_METHOD, hint="NoMethod"),
    Meaning(("SoftwareTokenMFANotFound",), frozenset({Stage.CODE, Stage.CHOICE}), ChallengeLost, reason=ChallengeLostReason.FACTOR_GONE, hint="SoftwareTokenMFANotFound"),
    Meaning(("AliasExists",), EVERYWHERE, Refused, reason=RefusedReason.TAKEN),
    # --------------------------------------------------------------------------- what was entered
    Meaning(("CodeMismatch", "EnableSoftwareTokenMFA", "ExpiredCode"), EVERYWHERE, BadCode),
    Meaning(("InvalidPassword", "PasswordHistoryPolicyViolation"), EVERYWHERE, PasswordRejected),
    # -------------------------------------------------------------------- what stands before Cognito
    Meaning(("Forbidden",), EVERYWHERE, Misconfigured, hint="Forbidden"),
    Meaning(("UserLambdaValidation",), EVERYWHERE, Refused, reason=RefusedReason.TRIGGER, hint="Trigger"),
    Meaning(("UnexpectedLambda", "InvalidLambdaResponse"), EVERYWHERE, TriggerFailed, hint="TriggerFailed"),
    # ------------------------------------------------------------------------------ limits, failures
    Meaning((*THROTTLED, "429"), EVERYWHERE, Busy, reason=BusyReason.THROTTLED, hint="Throttled"),
    Meaning(("LimitExceeded", "TooManyFailedAttempts"), EVERYWHERE, Busy, hint="Attempts"),
    Meaning(("ConcurrentModification",), frozenset({Stage.SETUP}), ChallengeLost, reason=ChallengeLostReason.STARTED_TWICE),
    Meaning(("ConcurrentModification",), EVERYWHERE, Busy),
    Meaning(("InternalError", "InternalServer", "InternalServerError", "InternalFailure", "ServiceUnavailable", "500", "502", "503", "504"), EVERYWHERE, Unavailable),
    Meaning(("InvalidSmsRoleAccessPolicy", "InvalidSmsRoleTrustRelationship", "InvalidEmailRoleAccessPolicy", "CodeDeliveryFailure"), EVERYWHERE, Misconfigured, hint="Delivery"),
    Meaning(("AccessDenied", "Unauthorized"), EVERYWHERE, PermissionMissing, hint="AccessDenied"),
)  # fmt: skip

_HINTS = {
    "EndpointRefused": "The endpoint is neither AWS's nor named for Cognito, or has no TLS: name it in ENDPOINT_URL, with "
    "https, or unset AWS_ENDPOINT_URL for this process.",
    "ResourceNotFound": "The pool or the app client does not exist: compare USER_POOL_ID, CLIENT_ID and the region.",
    "SoftwareTokenMFANotFound": "Switch authenticator apps (software token MFA) on in the user pool.",
    "InvalidUserPoolConfiguration": "Look at the pool's MFA, e-mail and SMS configuration.",
    "OperationNotEnabled": "This operation is not available for the pool or its region (a replica pool?).",
    "FeatureUnavailableInTier": "The pool's feature plan does not include what was asked for.",
    "AccessDenied": "The AWS credentials lack the permission for this operation: see cognito_mfa_doctor --iam-policy.",
    "NoCredentials": "No AWS credentials were found; this operation needs them.",
    **dict.fromkeys(
        ("ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId", "MissingAuthenticationToken", "IncompleteSignature",
         "PartialCredentials", "CredentialRetrieval", "TokenRetrieval", "SSO", "SSOTokenLoad", "UnauthorizedSSOToken"),
        "The AWS credentials are incomplete, have expired, or could not be fetched.",
    ),
    "ProfileNotFound": "AWS_PROFILE names a profile that this machine does not have.",
    "ParamValidation": "What was to be sent is not what Cognito takes: look at the user's name in the pool.",
    "SecretHash": "CLIENT_SECRET does not fit CLIENT_ID.",
    "Flow": "Is the flow of AUTH_FLOW among the app client's ExplicitAuthFlows?",
    "Forbidden": "AWS WAF blocks this site's calls: look at the rules of the web ACL at the user pool, its rate limits above all.",
    "Trigger": "A Lambda trigger of the user pool says no: look at its log in CloudWatch.",
    "TriggerFailed": "A Lambda trigger of the user pool broke, or Cognito may not call it: look at its log in CloudWatch.",
    "Risk": "Threat protection of the user pool blocked it: look at the user's event history, and see CLIENT_ADDRESS.",
    "NoMethod": "The pool asks this user for a factor and finds none that works: look at the pool's MFA methods, and at "
    "the user's phone number and email address.",
    "Context": "The app client takes no address of the browser: enable propagation of user context data, which needs a secret.",
    "Delivery": "The pool cannot send codes: look at its SMS role or its email configuration.",
    "Attempts": "Cognito limits attempts for this user. It ends by itself.",
    "Throttled": "The AWS account makes too many calls of this kind: compare the quotas of Cognito user pools.",
    "Disabled": "The user is disabled in the user pool.",
    "TemporaryPassword": "The user's temporary password has expired: send the invitation again (AdminCreateUser with RESEND).",
    "LastFactor": "Cognito does not turn off the only factor that the user has left, such as where passkeys count as MFA.",
    "UnknownOperation": "This Region, partition or emulator does not have the operation yet.",
    "InvalidAction": "This Region, partition or emulator does not have the operation yet.",
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
_TRIGGER_WORDS = re.compile(r"\w+ failed with error (?P<words>.+?)\.?\s*", re.DOTALL)


def stage_of(operation: str, challenge: str = "") -> Stage:
    """Return what a call of ``operation`` is for.

    Args:
        operation: the API operation.
        challenge: Cognito's name of the challenge that it answers; empty for none.
    """
    if operation in _ANSWERS:
        return _CHALLENGES.get(challenge, Stage.CODE)
    return _OPERATIONS.get(operation, Stage.ADMIN)


def classify(
    operation: str, error: str, message: str, *, challenge: str = "", request_id: str = ""
) -> CognitoMFAError:
    """Return (not raise) the exception for Cognito's ``error`` at ``operation``.

    Args:
        operation: the API operation, such as ``RespondToAuthChallenge``.
        error: Cognito's name of the error, or an HTTP status where there was none.
        message: Cognito's text; read, never kept.
        challenge: Cognito's name of the challenge that was answered; empty for none.
        request_id: the id that AWS gave the request; empty when there is none.
    """
    stage = stage_of(operation, challenge)
    # Nothing but a new password and the fields beside it is the user's own input.
    if stage is Stage.NEW_PASSWORD or operation not in _ANSWERS:
        given = (operation, error, message.lower(), request_id)
        refused = input_refusals.refusal(*given) or password_refusals.refusal(*given)
        if refused:
            return refused
    meaning = meaning_of(stage, error, message)
    answer = _build(meaning, operation, error, message, request_id)
    answer.sent, answer.hint = "yes", hint_for(meaning.hint or error)
    return answer


def meaning_of(stage: Stage, error: str, message: str) -> Meaning:
    """Return the first row of ``MEANINGS`` that applies.

    Args:
        stage: what the call was for.
        error: Cognito's name of the error.
        message: Cognito's text.
    """
    name, text = error.removesuffix("Exception"), message.lower()
    for meaning in MEANINGS:
        if name in meaning.errors and stage in meaning.stages and _applies(meaning, text):
            return meaning
    return Meaning((name,), EVERYWHERE, Misconfigured)


def _applies(meaning: Meaning, text: str) -> bool:
    return not meaning.texts or any(words in text for words in meaning.texts)


def hint_for(error: str) -> str:
    """Return what the operator should check when Cognito (or botocore) reports ``error``; may be empty."""
    return _HINTS.get(error.removesuffix("Exception").removesuffix("Error"), "")


def _build(
    meaning: Meaning, operation: str, error: str, message: str, request_id: str
) -> CognitoMFAError:
    kind = meaning.kind
    if kind is PasswordRejected:
        rules = _broken_rules(error, message.lower())
        return PasswordRejected(operation, error, request_id=request_id, rules=rules)
    if kind is Busy:
        return _busy(meaning, operation, error, request_id)
    answer = kind(operation, error, reason=meaning.reason, request_id=request_id)
    if isinstance(answer, Refused) and meaning.reason is RefusedReason.TRIGGER:
        answer.message = _trigger_words(message)
    return answer


def _busy(meaning: Meaning, operation: str, error: str, request_id: str) -> Busy:
    reason = meaning.reason if isinstance(meaning.reason, BusyReason) else None
    if reason is BusyReason.LOCKED:
        return Busy(
            operation, error, reason=reason, request_id=request_id, retry_after=LOCK_SECONDS
        )
    return Busy(operation, error, reason=reason, request_id=request_id)


def _trigger_words(message: str) -> str:
    """Return a Lambda trigger's own words, where the site lets them through: cut, on one line."""
    if not get_conf().TRIGGER_MESSAGES:
        return ""
    found = _TRIGGER_WORDS.fullmatch(message)
    return shown(found["words"], MAX_MESSAGE) if found else ""


def _broken_rules(error: str, text: str) -> tuple[str, ...]:
    if error.startswith("PasswordHistory"):
        return ("history",)
    return tuple(rule for words, rule in _PASSWORD_RULES.items() if words in text)
