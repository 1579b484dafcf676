"""The meaning of each of Cognito's errors, in one table whose first matching row applies.

The name of an error is not enough: ``NotAuthorizedException`` and ``InvalidParameterException`` have a dozen causes
each. The purpose of the call (``Stage``) and a part of Cognito's text tell them apart. The text is never passed on.
An unknown name becomes ``Misconfigured``, because a new botocore may have new ones. An unknown text has a reason of
its own, so that no user is told a wrong cause. See "Error texts" in ``docs/cognito-behavior.md``, and
``docs/troubleshooting.md`` for what users and operators see.
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
    SELECT_CHALLENGE,
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
    TokenRejectedReason,
    TriggerFailed,
    Unavailable,
    UserGone,
)
from cognito_mfa.values.untrusted import shown


class Stage(Enum):
    """The purpose of a call, because the same error has different meanings."""

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
    SELECT_CHALLENGE: Stage.PASSWORD,
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
# The password was right, so a true error message discloses nothing.
LATER = frozenset({Stage.NEW_PASSWORD, Stage.CODE, Stage.CHOICE, Stage.SETUP, Stage.SETUP_END})
TOKEN = frozenset({Stage.TOKEN, Stage.PREFERENCE})
ADMIN = frozenset({Stage.ADMIN, Stage.ADMIN_PREFERENCE})
PREFERENCE = frozenset({Stage.PREFERENCE, Stage.ADMIN_PREFERENCE})
LOCK_SECONDS = 10
MAX_MESSAGE = 300  # characters of a trigger's message


class Meaning(NamedTuple):
    """The meaning of an error at some stages.

    Attributes:
        errors: Cognito's names of the error, without "Exception".
        stages: the stages at which it has this meaning.
        kind: our exception.
        texts: parts of Cognito's text in lower case, one of which must occur; empty for any text.
        reason: a detail for the log, from the enum of ``kind``.
        hint: the key of the hint for the operator.
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
# Of the service itself, whatever it was asked.
SERVICE_FAILURES = (
    "InternalError", "InternalServer", "InternalServerError", "InternalFailure", "ServiceUnavailable", "500", "502",
    "503", "504",
)  # fmt: skip

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
    Meaning(_NOT_AUTHORIZED, PASSWORD | LATER, ChallengeLost, ("session is expired",), ChallengeLostReason.TIMED_OUT),
    Meaning(_NOT_AUTHORIZED, PASSWORD | LATER, ChallengeLost, ("session can only be used once",), ChallengeLostReason.USED_ALREADY),
    Meaning(_NOT_AUTHORIZED, PASSWORD | LATER, ChallengeLost, ("invalid session",), ChallengeLostReason.SESSION_OVER),
    Meaning(_NOT_AUTHORIZED, PASSWORD, BadCredentials, ("incorrect username or password", "incorrect user name or password")),
    Meaning(_NOT_AUTHORIZED, PASSWORD, BadCredentials, reason=BadCredentialsReason.UNRECOGNIZED),
    Meaning(_NOT_AUTHORIZED, TOKEN | {Stage.SETUP}, ScopeMissing, ("required scopes",), hint="Scope"),
    Meaning(_NOT_AUTHORIZED, LATER, Busy, ("temporarily locked", "too many invalid credentials", "attempts exceeded"), BusyReason.LOCKED, "Attempts"),
    Meaning(_NOT_AUTHORIZED, LATER, Refused, ("is disabled", "is not enabled"), RefusedReason.DISABLED, "Disabled"),
    Meaning(_NOT_AUTHORIZED, TOKEN | {Stage.SETUP}, TokenRejected, ("access token has expired",), TokenRejectedReason.TIMED_OUT),
    Meaning(_NOT_AUTHORIZED, TOKEN | {Stage.SETUP}, TokenRejected, ("access token has been revoked",), TokenRejectedReason.REVOKED),
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
    # ------------------------------------------------------------------------- firewall and triggers
    Meaning(("Forbidden",), EVERYWHERE, Misconfigured, hint="Forbidden"),
    Meaning(("UserLambdaValidation",), EVERYWHERE, Refused, reason=RefusedReason.TRIGGER, hint="Trigger"),
    Meaning(("UnexpectedLambda", "InvalidLambdaResponse"), EVERYWHERE, TriggerFailed, hint="TriggerFailed"),
    # ------------------------------------------------------------------------------ limits, failures
    Meaning((*THROTTLED, "429"), EVERYWHERE, Busy, reason=BusyReason.THROTTLED, hint="Throttled"),
    Meaning(("LimitExceeded", "TooManyFailedAttempts"), EVERYWHERE, Busy, hint="Attempts"),
    Meaning(("ConcurrentModification",), frozenset({Stage.SETUP}), ChallengeLost, reason=ChallengeLostReason.STARTED_TWICE),
    Meaning(("ConcurrentModification",), EVERYWHERE, Busy),
    Meaning(SERVICE_FAILURES, EVERYWHERE, Unavailable),
    Meaning(("InvalidSmsRoleAccessPolicy", "InvalidSmsRoleTrustRelationship", "InvalidEmailRoleAccessPolicy", "CodeDeliveryFailure"), EVERYWHERE, Misconfigured, hint="Delivery"),
    Meaning(("AccessDenied", "Unauthorized"), EVERYWHERE, PermissionMissing, hint="AccessDenied"),
)  # fmt: skip

_HINTS = {
    "EndpointRefused": "The endpoint is not a host of AWS and not set for Cognito, or it does not use TLS. Set ENDPOINT_URL to "
    "an https URL, or unset AWS_ENDPOINT_URL.",
    "LocalCognitoRefused": "The local Cognito emulator must not be used in production. Remove CLIENT_FACTORY, or set DEBUG to True on "
    "your own machine.",
    "ResourceNotFound": "The user pool or the app client does not exist. Check USER_POOL_ID, CLIENT_ID, and REGION.",
    "SoftwareTokenMFANotFound": "Enable authenticator apps (software token MFA) in the user pool.",
    "InvalidUserPoolConfiguration": "Check the pool's MFA, email, and SMS configuration.",
    "OperationNotEnabled": "This operation is not available for the pool or its Region. Is it a replica pool?",
    "FeatureUnavailableInTier": "The pool's feature plan does not include this feature.",
    "AccessDenied": "Add the permissions that cognito_mfa_doctor --iam-policy prints.",
    "NoCredentials": "This operation needs AWS credentials, but none were found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
    "give this machine a role.",
    **dict.fromkeys(
        ("ExpiredToken", "UnrecognizedClient", "InvalidClientTokenId", "MissingAuthenticationToken", "IncompleteSignature",
         "PartialCredentials", "CredentialRetrieval", "TokenRetrieval", "SSO", "SSOTokenLoad", "UnauthorizedSSOToken"),
        "The AWS credentials are incomplete, have expired, or could not be loaded.",
    ),
    "ProfileNotFound": "AWS_PROFILE names a profile that does not exist on this machine.",
    "ParamValidation": "Cognito does not accept these parameters. Check the username in the user pool.",
    "SecretHash": "CLIENT_SECRET does not match CLIENT_ID.",
    "Flow": "Add the flow in AUTH_FLOW to the app client's ExplicitAuthFlows.",
    "Forbidden": "AWS WAF blocks calls from this site. Check the rules and rate limits of the user pool's web ACL.",
    "Trigger": "A Lambda trigger of the user pool refused this. Check its CloudWatch logs.",
    "TriggerFailed": "A Lambda trigger of the user pool failed, or Cognito is not allowed to call it. Check its CloudWatch logs.",
    "Risk": "Threat protection of the user pool blocked this. Check the user's event history, and CLIENT_ADDRESS.",
    "NoMethod": "The pool requires a factor, but this user has none that works. Check the pool's MFA methods and the "
    "user's phone number and email address.",
    "Context": "The app client does not accept the browser's address. Enable propagation of user context data, which needs a secret.",
    "Delivery": "The pool cannot send codes. Check its SMS role and its email configuration.",
    "Attempts": "Cognito limits the attempts of this user. Wait until the limit ends.",
    "Throttled": "The AWS account makes too many calls of this kind. Check the quotas of Cognito user pools.",
    "Disabled": "The user is disabled in the user pool.",
    "TemporaryPassword": "The temporary password has expired. Send the invitation again (AdminCreateUser with RESEND).",
    "LastFactor": "Cognito does not turn off the only factor that the user has, for example if passkeys count as MFA.",
    "UnknownOperation": "This Region, partition, or emulator does not support the operation yet.",
    "InvalidAction": "This Region, partition, or emulator does not support the operation yet.",
    "Scope": "Allow the scope aws.cognito.signin.user.admin on the app client, and request it at the sign-in.",
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
    """Return the purpose of a call.

    Args:
        operation: the API operation.
        challenge: Cognito's name of the challenge that the call answers; empty for none.
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
        error: Cognito's name of the error, or an HTTP status if there is none.
        message: Cognito's text, which is read but never stored.
        challenge: Cognito's name of the challenge that was answered; empty for none.
        request_id: the id that AWS gave the request; empty when there is none.
    """
    stage = stage_of(operation, challenge)
    # Apart from a new password and its attributes, no answer to a challenge is the user's own text.
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
        stage: the purpose of the call.
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
    """Return the hint for the operator about an error of Cognito or botocore; may be empty."""
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
    """Return a Lambda trigger's message on one line, cut; empty unless TRIGGER_MESSAGES is True."""
    if not get_conf().TRIGGER_MESSAGES:
        return ""
    found = _TRIGGER_WORDS.fullmatch(message)
    return shown(found["words"], MAX_MESSAGE) if found else ""


def _broken_rules(error: str, text: str) -> tuple[str, ...]:
    if error.startswith("PasswordHistory"):
        return ("history",)
    return tuple(rule for words, rule in _PASSWORD_RULES.items() if words in text)
