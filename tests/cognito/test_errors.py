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
    "Forbidden": ours.Refused,
    "InternalError": ours.Unavailable,
    "InvalidEmailRoleAccessPolicy": ours.Misconfigured,
    "InvalidLambdaResponse": ours.Misconfigured,
    "InvalidParameter": ours.Misconfigured,
    "InvalidPassword": ours.PasswordRejected,
    "InvalidSmsRoleAccessPolicy": ours.Misconfigured,
    "InvalidSmsRoleTrustRelationship": ours.Misconfigured,
    "InvalidUserPoolConfiguration": ours.Misconfigured,
    "MFAMethodNotFound": ours.ChallengeLost,
    "OperationNotEnabled": ours.Misconfigured,
    "PasswordHistoryPolicyViolation": ours.PasswordRejected,
    "RefreshTokenReuse": ours.TokenRejected,
    "ResourceNotFound": ours.Misconfigured,
    "TooManyRequests": ours.Busy,
    "Unauthorized": ours.Misconfigured,
    "UnexpectedLambda": ours.Misconfigured,
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
    if name in ("PasswordResetRequired", "UserNotConfirmed"):
        return ours.AccountActionNeeded
    if name == "SoftwareTokenMFANotFound":
        return ours.ChallengeLost if operation in ANSWER else ours.Misconfigured
    at_sign_in = ours.BadCredentials if operation in START else ours.ChallengeLost
    by_an_administrator = {"NotAuthorized": ours.Misconfigured, "UserNotFound": ours.UserGone}
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
    "AccessDeniedException": ours.Misconfigured,
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
def test_what_somebody_typed_narrows_nothing(operation: str, typed: str) -> None:
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
