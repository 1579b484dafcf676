"""Every error that Cognito may report has its class: the table walks botocore's own model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cognito_mfa import exceptions as ours
from cognito_mfa.cognito.errors import classify, hint_for

OPERATIONS = [
    "InitiateAuth",
    "AdminInitiateAuth",
    "RespondToAuthChallenge",
    "AdminRespondToAuthChallenge",
    "AssociateSoftwareToken",
    "VerifySoftwareToken",
    "SetUserMFAPreference",
    "AdminSetUserMFAPreference",
    "GetUser",
    "AdminGetUser",
    "AdminGetUserAuthFactors",
    "AdminDeleteSoftwareToken",
    "ListUsers",
    "GlobalSignOut",
    "AdminUserGlobalSignOut",
    "RevokeToken",
    "GetTokensFromRefreshToken",
    "GetUserPoolMfaConfig",
    "DescribeUserPoolClient",
]

# Our exception for each error that Cognito declares, where all operations agree.
EVERYWHERE = {
    "AliasExists": ours.Refused,
    "CodeMismatch": ours.BadCode,
    "ConcurrentModification": ours.ChallengeLost,
    "EnableSoftwareTokenMFA": ours.BadCode,
    "ExpiredCode": ours.BadCode,
    "FeatureUnavailableInTier": ours.Misconfigured,
    "Forbidden": ours.Misconfigured,
    "InternalError": ours.Unavailable,
    "InvalidEmailRoleAccessPolicy": ours.Misconfigured,
    "InvalidLambdaResponse": ours.TriggerFailed,
    "InvalidParameter": ours.Misconfigured,
    "InvalidPassword": ours.PasswordRejected,
    "InvalidSmsRoleAccessPolicy": ours.Misconfigured,
    "InvalidSmsRoleTrustRelationship": ours.Misconfigured,
    "InvalidUserPoolConfiguration": ours.Misconfigured,
    "MFAMethodNotFound": ours.Refused,
    "OperationNotEnabled": ours.Misconfigured,
    "PasswordHistoryPolicyViolation": ours.PasswordRejected,
    "RefreshTokenReuse": ours.TokenRejected,
    "ResourceNotFound": ours.Misconfigured,
    "TooManyRequests": ours.Busy,
    "Unauthorized": ours.PermissionMissing,
    "UnexpectedLambda": ours.TriggerFailed,
    "UnsupportedOperation": ours.Misconfigured,
    "UnsupportedTokenType": ours.Misconfigured,
    "UserLambdaValidation": ours.Refused,
}
START, ANSWER, ENROL = OPERATIONS[:2], OPERATIONS[2:4], OPERATIONS[4:6]
TOKEN = ["SetUserMFAPreference", "GetUser", "GlobalSignOut", "GetTokensFromRefreshToken"]


def expected(operation: str, name: str) -> type[ours.CognitoMFAError]:
    if name in EVERYWHERE:
        return EVERYWHERE[name]
    if operation in TOKEN and name != "SoftwareTokenMFANotFound":
        return ours.TokenRejected
    if name == "UserNotConfirmed" and operation in ANSWER + ENROL:
        return ours.ChallengeLost  # since the password was right
    if name in ("PasswordResetRequired", "UserNotConfirmed"):
        return ours.AccountActionNeeded
    if name == "SoftwareTokenMFANotFound":
        return ours.ChallengeLost if operation in ANSWER else ours.Misconfigured
    at_sign_in = ours.BadCredentials if operation in START else ours.ChallengeLost
    by_an_administrator = {"NotAuthorized": ours.PermissionMissing, "UserNotFound": ours.UserGone}
    return at_sign_in if operation in START + ANSWER + ENROL else by_an_administrator[name]


def declared() -> Iterator[tuple[str, str]]:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    model = ServiceModel(Loader().load_service_model("cognito-idp", "service-2"))
    for operation in OPERATIONS:
        if operation in model.operation_names:
            for shape in {shape.name for shape in model.operation_model(operation).error_shapes}:
                yield operation, shape


@pytest.mark.parametrize(("operation", "error"), sorted(declared()))
def test_each_declared_error_has_the_class_of_the_matrix(operation: str, error: str) -> None:
    kind = expected(operation, error.removesuffix("Exception"))
    assert type(classify(operation, error, "some text")) is kind


COMMON = {
    "ThrottlingException": ours.Busy,
    "Throttling": ours.Busy,
    "LimitExceededException": ours.Busy,
    "TooManyFailedAttemptsException": ours.Busy,
    "429": ours.Busy,
    "ServiceUnavailable": ours.Unavailable,
    "InternalFailure": ours.Unavailable,
    "InternalServerException": ours.Unavailable,
    "503": ours.Unavailable,
    "AccessDeniedException": ours.PermissionMissing,
    "UnrecognizedClientException": ours.Misconfigured,
    "InvalidClientTokenId": ours.Misconfigured,
    "InvalidSignatureException": ours.Misconfigured,
    "SignatureDoesNotMatch": ours.Misconfigured,
    "ExpiredTokenException": ours.Misconfigured,
    "MissingAuthenticationTokenException": ours.Misconfigured,
    "RequestExpired": ours.Misconfigured,
    "UnknownOperationException": ours.Misconfigured,
    "SerializationException": ours.Misconfigured,
    "BrandNewException": ours.Misconfigured,
}


@pytest.mark.parametrize("error", COMMON)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_no_model_declares_has_a_class_too(operation: str, error: str) -> None:
    assert type(classify(operation, error, "some text")) is COMMON[error]


@pytest.mark.parametrize(
    "message",
    [
        "Unable to verify secret hash for client abc",
        "SecretHash does not match for the client: abc",
        "Client abc is configured for secret but secret was not received",
        "Client abc is configured with secret but SECRET_HASH was not received",
    ],
)
@pytest.mark.parametrize("operation", START + ANSWER)
def test_a_wrong_client_secret_is_the_operators(operation: str, message: str) -> None:
    error = classify(operation, "NotAuthorizedException", message)
    assert isinstance(error, ours.Misconfigured)
    assert "CLIENT_SECRET" in error.hint


@pytest.mark.parametrize("operation", START + ANSWER)
def test_so_is_a_secret_that_the_client_does_not_have(operation: str) -> None:
    message = "App client abc is not configured for secret but secret hash was received"
    error = classify(operation, "InvalidParameterException", message)
    assert isinstance(error, ours.Misconfigured)
    assert "CLIENT_SECRET" in error.hint


@pytest.mark.parametrize(
    "typed", ["secret hash", "temporarily locked", "Access Token does not have required scopes"]
)
@pytest.mark.parametrize("operation", ANSWER + ENROL)
def test_what_a_user_typed_narrows_nothing(operation: str, typed: str) -> None:
    message = f"1 validation error detected: Value '{typed}' at 'friendlyDeviceName' failed"
    error = classify(operation, "InvalidParameterException", message)
    assert type(error) is ours.Misconfigured
    assert "CLIENT_SECRET" not in error.hint


@pytest.mark.parametrize("operation", ANSWER + ENROL)
def test_a_lock_on_codes_means_wait(operation: str) -> None:
    text = "Too many invalid credentials attempts. User temporarily locked. Please try again after few seconds."
    assert isinstance(classify(operation, "NotAuthorizedException", text), ours.Busy)
    other = "User temporarily locked. Try again soon"
    assert isinstance(classify(operation, "NotAuthorizedException", other), ours.Busy)


@pytest.mark.parametrize("operation", START)
def test_a_lock_on_passwords_is_not_told_apart(operation: str) -> None:
    error = classify(operation, "NotAuthorizedException", "Password attempts exceeded")
    assert type(error) is ours.BadCredentials


def test_the_rules_of_a_password_are_read_from_the_text() -> None:
    text = "Password did not conform with policy: Password must have uppercase characters"
    error = classify("RespondToAuthChallenge", "InvalidPasswordException", text)
    assert isinstance(error, ours.PasswordRejected)
    assert error.rules == ("uppercase",)
    history = classify("RespondToAuthChallenge", "PasswordHistoryPolicyViolationException", "x")
    assert isinstance(history, ours.PasswordRejected)
    assert history.rules == ("history",)


def test_no_exception_carries_cognitos_text() -> None:
    for error in ("NotAuthorizedException", "InvalidParameterException", "NewException"):
        raised = classify("InitiateAuth", error, "arn:aws:iam::123:user/secret", request_id="r-1")
        assert "arn:aws" not in repr(raised) + str(raised) + repr(vars(raised))
        assert raised.request_id == "r-1"


def test_operators_get_a_hint() -> None:
    assert "permission" in hint_for("AccessDeniedException")
    assert "credentials" in hint_for("NoCredentialsError")
    assert hint_for("NeverHeardOfException") == ""


STAGES = {
    ("InitiateAuth", ""),
    ("RespondToAuthChallenge", "PASSWORD_VERIFIER"),
    ("RespondToAuthChallenge", "NEW_PASSWORD_REQUIRED"),
    ("RespondToAuthChallenge", "SOFTWARE_TOKEN_MFA"),
    ("RespondToAuthChallenge", "SELECT_MFA_TYPE"),
    ("RespondToAuthChallenge", "MFA_SETUP"),
    ("VerifySoftwareToken", ""),
    ("SetUserMFAPreference", ""),
    ("AdminGetUser", ""),
}
# For each text the reason that it must have, or the class, wherever it comes.
CAUSES = {
    "Password attempts exceeded": "locked",
    "User temporarily locked. Try again soon": "locked",
    "User is disabled.": "disabled",
    "User is not enabled.": "disabled",
    "Unable to login because of security reasons.": "risk",
    "Request not allowed due to security reasons.": "risk",
    "Invalid session for the user.": "session_over",
    "Invalid session for the user, session is expired.": "timed_out",
}


@pytest.mark.parametrize("text", CAUSES)
@pytest.mark.parametrize(("operation", "challenge"), sorted(STAGES))
def test_a_known_text_never_ends_in_the_default(operation: str, challenge: str, text: str) -> None:
    error = classify(operation, "NotAuthorizedException", text, challenge=challenge)
    if operation in ("SetUserMFAPreference", "AdminGetUser"):
        return  # there it is about the token or the AWS credentials
    assert error.reason == CAUSES[text]


def test_with_srp_the_second_call_is_about_the_password() -> None:
    operation, challenge = "RespondToAuthChallenge", "PASSWORD_VERIFIER"
    text = "Incorrect username or password."
    error = classify(operation, "NotAuthorizedException", text, challenge=challenge)
    assert type(error) is ours.BadCredentials
    assert error.reason is None


def test_the_hint_fits_the_operation() -> None:
    """The flow of AUTH_FLOW has nothing to do with turning a factor off, or with a code."""
    at_password = classify("InitiateAuth", "InvalidParameterException", "x")
    assert "AUTH_FLOW" in at_password.hint
    for operation in OPERATIONS[2:]:
        assert "AUTH_FLOW" not in classify(operation, "InvalidParameterException", "x").hint
    turning_off = classify("SetUserMFAPreference", "InvalidParameterException", "x")
    assert "only factor" in turning_off.hint


def test_what_cognito_refused_is_certain_and_what_broke_inside_is_not() -> None:
    assert classify("SetUserMFAPreference", "InvalidParameterException", "x").is_definite
    assert not classify("SetUserMFAPreference", "InternalErrorException", "x").is_definite


def test_a_missing_permission_is_named_first() -> None:
    error = classify("AdminGetUserAuthFactors", "AccessDeniedException", "arn:aws:secret")
    assert "cognito-idp:AdminGetUserAuthFactors is not allowed" in str(error)
