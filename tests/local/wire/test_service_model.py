"""botocore's model, which the local Cognito enforces, says what docs/cognito-behavior.md says.

A newer botocore may say more, and none has said less yet.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore import xform_name  # noqa: TID253

from cognito_mfa.local import operations
from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.wire import service_model
from cognito_mfa.local.wire.validation import validate

USER_POOL = {"UserPoolId": "us-east-1_Example00"}
CLIENT = {"ClientId": "exampleclient0000000000000"}
BEGIN = {**CLIENT, "AuthFlow": "USER_PASSWORD_AUTH"}
ANSWER = {**CLIENT, "ChallengeName": "SMS_MFA"}
MAKE_CLIENT = {**USER_POOL, "ClientName": "web"}
RESET = {**CLIENT, "Username": "ada", "ConfirmationCode": "1", "Password": "Correct-Horse-7"}
WHO = {**USER_POOL, "Username": "ada"}
LONG = 131072

FLOWS = [
    "USER_SRP_AUTH",
    "REFRESH_TOKEN_AUTH",
    "REFRESH_TOKEN",
    "CUSTOM_AUTH",
    "ADMIN_NO_SRP_AUTH",
    "USER_PASSWORD_AUTH",
    "ADMIN_USER_PASSWORD_AUTH",
    "USER_AUTH",
]
CHALLENGES = [
    "SMS_MFA",
    "EMAIL_OTP",
    "SOFTWARE_TOKEN_MFA",
    "SELECT_MFA_TYPE",
    "MFA_SETUP",
    "PASSWORD_VERIFIER",
    "CUSTOM_CHALLENGE",
    "SELECT_CHALLENGE",
    "DEVICE_SRP_AUTH",
    "DEVICE_PASSWORD_VERIFIER",
    "ADMIN_NO_SRP_AUTH",
    "NEW_PASSWORD_REQUIRED",
    "SMS_OTP",
    "PASSWORD",
    "WEB_AUTHN",
    "PASSWORD_SRP",
]


def accepted(operation: str, parameters: dict[str, Any]) -> bool:
    try:
        validate(operation, parameters)
    except InvalidParameterException:
        return False
    return True


@pytest.mark.parametrize(
    ("operation", "others", "member", "good", "bad"),
    [
        ("InitiateAuth", BEGIN, "ClientId", ["a" * 128, "a+b_1"], ["a" * 129, "a-b", ""]),
        ("RevokeToken", {**CLIENT, "Token": "x"}, "ClientSecret", ["a" * 24, "a" * 64],
         ["a" * 65, "a-" * 20]),
        ("ConfirmForgotPassword", RESET, "SecretHash", ["a+/=", "a" * 128], ["a" * 129, "a-b"]),
        ("ConfirmForgotPassword", RESET, "ConfirmationCode", ["x" * 2048], ["x" * 2049, "1 2", ""]),
        ("ConfirmForgotPassword", RESET, "Password", ["x" * 256, "a b"], ["x" * 257, "a ", " b"]),
        ("GetTokensFromRefreshToken", CLIENT, "RefreshToken", ["a-b_c=.d"], ["a b", "a+b"]),
        ("RevokeToken", CLIENT, "Token", ["a-b_c=.d"], ["a b", "a+b"]),
        ("InitiateAuth", BEGIN, "AuthParameters", [{"k": "v" * LONG}],
         [{"k": "v" * (LONG + 1)}, {"k" * (LONG + 1): "v"}]),
        ("RespondToAuthChallenge", ANSWER, "ChallengeResponses", [{"k": "v" * LONG}],
         [{"k": "v" * (LONG + 1)}]),
        ("InitiateAuth", BEGIN, "ClientMetadata", [{"k": "v" * LONG}], [{"k": "v" * (LONG + 1)}]),
        ("InitiateAuth", BEGIN, "AuthFlow", FLOWS, ["USER_MAGIC_AUTH", ""]),
        ("RespondToAuthChallenge", ANSWER, "ChallengeName", CHALLENGES, ["EMAIL_MFA", ""]),
        ("SetUserPoolMfaConfig", USER_POOL, "MfaConfiguration", ["OFF", "ON", "OPTIONAL"],
         ["on", "REQUIRED"]),
        ("ListUsers", USER_POOL, "Limit", [0, 60], [-1, 61]),
        ("ListUsers", USER_POOL, "Filter", ["x" * 256], ["x" * 257]),
        ("ListUsers", USER_POOL, "PaginationToken", ["x"], ["", "a b"]),
        ("ListUsers", USER_POOL, "AttributesToGet", [["x" * 32]], [["x" * 33], [""]]),
        ("AdminUpdateUserAttributes", WHO, "UserAttributes",
         [[{"Name": "x" * 32, "Value": "x" * 2048}]],
         [[{"Name": "x" * 33}], [{"Name": "x", "Value": "x" * 2049}]]),
        ("CreateUserPoolClient", MAKE_CLIENT, "AuthSessionValidity", [3, 15], [2, 16]),
        ("CreateUserPoolClient", MAKE_CLIENT, "RefreshTokenValidity", [0, 315360000],
         [-1, 315360001]),
        ("CreateUserPoolClient", MAKE_CLIENT, "AccessTokenValidity", [1, 86400], [0, 86401]),
        ("CreateUserPoolClient", MAKE_CLIENT, "IdTokenValidity", [1, 86400], [0, 86401]),
        ("CreateUserPoolClient", MAKE_CLIENT, "TokenValidityUnits",
         [{"AccessToken": unit} for unit in ("seconds", "minutes", "hours", "days")],
         [{"AccessToken": "weeks"}]),
        ("CreateUserPoolClient", MAKE_CLIENT, "RefreshTokenRotation",
         [{"Feature": "ENABLED", "RetryGracePeriodSeconds": seconds} for seconds in (0, 60)],
         [{"Feature": "ENABLED", "RetryGracePeriodSeconds": 61}, {"Feature": "SOMETIMES"}]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_a_member_may_be(
    operation: str, others: dict[str, Any], member: str, good: list[Any], bad: list[Any]
) -> None:
    assert [value for value in good if not accepted(operation, {**others, member: value})] == []
    assert [value for value in bad if accepted(operation, {**others, member: value})] == []


def test_a_status_is_one_of_these() -> None:
    expected = {
        "UNCONFIRMED", "CONFIRMED", "ARCHIVED", "COMPROMISED", "UNKNOWN", "RESET_REQUIRED",
        "FORCE_CHANGE_PASSWORD", "EXTERNAL_PROVIDER",
    }  # fmt: skip
    assert expected <= set(service_model.shape("UserStatusType")["enum"])


def test_a_secret_code_has_sixteen_characters_at_least() -> None:
    shape = service_model.shape("SecretCodeType")
    assert (shape["min"], shape["pattern"]) == (16, "[A-Za-z0-9]+")


CODES = {
    "RNF": "ResourceNotFound", "IP": "InvalidParameter", "NA": "NotAuthorized",
    "TMR": "TooManyRequests", "IE": "InternalError", "ONE": "OperationNotEnabled",
    "FB": "Forbidden", "UNF": "UserNotFound", "UNC": "UserNotConfirmed",
    "PRR": "PasswordResetRequired", "IUPC": "InvalidUserPoolConfiguration",
    "UL": "UnexpectedLambda", "ULV": "UserLambdaValidation", "ILR": "InvalidLambdaResponse",
    "STNF": "SoftwareTokenMFANotFound", "ESTM": "EnableSoftwareTokenMFA", "CM": "CodeMismatch",
    "EC": "ExpiredCode", "MMNF": "MFAMethodNotFound", "IPW": "InvalidPassword",
    "PHV": "PasswordHistoryPolicyViolation", "SMSA": "InvalidSmsRoleAccessPolicy",
    "SMST": "InvalidSmsRoleTrustRelationship", "EMLA": "InvalidEmailRoleAccessPolicy",
    "AE": "AliasExists", "LE": "LimitExceeded", "TMFA": "TooManyFailedAttempts",
    "CDF": "CodeDeliveryFailure", "CMOD": "ConcurrentModification", "UE": "UsernameExists",
    "FUT": "FeatureUnavailableInTier", "UO": "UnsupportedOperation",
    "UTT": "UnsupportedTokenType", "UNA": "Unauthorized", "RTR": "RefreshTokenReuse",
    "PNM": "PreconditionNotMet", "UUS": "UnsupportedUserState", "UPT": "UserPoolTagging",
}  # fmt: skip
#: The errors that botocore 1.43.11 declares for each operation.
DECLARED = {
    "InitiateAuth": "UO RNF IP NA TMR UL IUPC ULV ILR PRR UNF UNC IE SMSA EMLA SMST FB",
    "AdminInitiateAuth": "RNF UO IP NA TMR IE UL IUPC ULV ILR MMNF SMSA EMLA SMST PRR UNF UNC",
    "RespondToAuthChallenge": "RNF IP NA CM EC UL ULV IPW PHV ILR TMR IUPC MMNF PRR UNF UNC SMSA "
    "SMST EMLA AE IE STNF FB",
    "AdminRespondToAuthChallenge": "RNF IP NA CM EC UL IPW PHV ULV ILR TMR IUPC IE MMNF EMLA SMSA "
    "SMST AE PRR UNF UNC STNF",
    "AssociateSoftwareToken": "CMOD IP NA RNF IE STNF FB",
    "VerifySoftwareToken": "IP RNF IUPC NA TMR PRR UNF UNC IE ESTM STNF CM FB",
    "SetUserMFAPreference": "RNF IP NA PRR UNF UNC IE FB",
    "AdminSetUserMFAPreference": "RNF IP NA PRR UNF UNC IE",
    "GetUser": "RNF IP NA TMR PRR UNF UNC IE FB",
    "AdminGetUser": "RNF IP TMR NA UNF IE",
    "ListUsers": "IP RNF TMR NA IE",
    "GetUserPoolMfaConfig": "IP TMR RNF NA IE",
    "SetUserPoolMfaConfig": "IP TMR CMOD RNF SMSA SMST NA IE",
    "DescribeUserPool": "RNF IP TMR NA UPT IE",
    "DescribeUserPoolClient": "RNF IP TMR NA IE",
    "GlobalSignOut": "RNF IP NA TMR PRR UNC IE FB",
    "AdminUserGlobalSignOut": "RNF IP TMR NA UNF IE",
    "RevokeToken": "TMR IE UNA IP UO UTT FB",
    "GetTokensFromRefreshToken": "RNF IP NA TMR UNF UL ULV ILR FB RTR IE",
    "AdminCreateUser": "RNF IP UNF UE IPW CDF UL ULV ILR PNM SMSA SMST TMR NA UUS IE",
    "AdminSetUserPassword": "RNF NA UNF IE TMR IP IPW PHV",
    "ForgotPassword": "RNF IP UL ULV NA ILR TMR LE SMSA SMST EMLA CDF UNF IE FB",
    "ConfirmForgotPassword": "RNF UL ULV IP IPW PHV NA CM EC TMFA ILR TMR LE UNF UNC IE FB",
    "SignUp": "RNF IP UL ULV NA IPW ILR UE TMR IE LE SMSA SMST EMLA CDF FB",
    "ConfirmSignUp": "RNF IP UL ULV NA TMFA CM EC ILR AE TMR LE UNF IE FB",
    "AdminDeleteSoftwareToken": "RNF IP NA TMR UNF UNC IE",
    "AdminGetUserAuthFactors": "RNF IP NA TMR UNF IE",
    "GetUserAuthFactors": "RNF IP NA TMR PRR UNF UNC IE FB",
}


@pytest.mark.parametrize("operation", DECLARED)
def test_these_errors_are_declared(cognito_model: Any, operation: str) -> None:
    """The referee holds every error of the local Cognito against the same list."""
    if operation not in cognito_model.operation_names:
        pytest.skip(f"this botocore does not know {operation}")
    shapes = cognito_model.operation_model(operation).error_shapes
    declared = {shape.name.removesuffix("Exception") for shape in shapes}
    assert {CODES[code] for code in DECLARED[operation].split()} - declared == set()


#: The members of each answer.
ANSWERS = {
    "InitiateAuth": "ChallengeName Session ChallengeParameters AuthenticationResult",
    "AdminInitiateAuth": "ChallengeName Session ChallengeParameters AuthenticationResult",
    "RespondToAuthChallenge": "ChallengeName Session ChallengeParameters AuthenticationResult",
    "AdminRespondToAuthChallenge": "ChallengeName Session ChallengeParameters AuthenticationResult",
    "AssociateSoftwareToken": "SecretCode Session",
    "VerifySoftwareToken": "Status Session",
    "GetUser": "Username UserAttributes MFAOptions PreferredMfaSetting UserMFASettingList",
    "AdminGetUser": "Username UserAttributes UserCreateDate UserLastModifiedDate Enabled UserStatus "
    "MFAOptions PreferredMfaSetting UserMFASettingList",
    "ListUsers": "Users PaginationToken",
    "GetUserPoolMfaConfig": "SmsMfaConfiguration SoftwareTokenMfaConfiguration "
    "EmailMfaConfiguration MfaConfiguration WebAuthnConfiguration",
    "SignUp": "UserConfirmed UserSub CodeDeliveryDetails Session",
    "ConfirmSignUp": "Session",
    "ForgotPassword": "CodeDeliveryDetails",
    "GetTokensFromRefreshToken": "AuthenticationResult",
    "GetUserAuthFactors": "Username PreferredMfaSetting UserMFASettingList "
    "ConfiguredUserAuthFactors",
    "SetUserMFAPreference": "",
    "AdminSetUserMFAPreference": "",
    "GlobalSignOut": "",
    "AdminUserGlobalSignOut": "",
    "RevokeToken": "",
    "AdminSetUserPassword": "",
    "ConfirmForgotPassword": "",
}


@pytest.mark.parametrize("operation", ANSWERS)
def test_an_answer_has_these_members(cognito_model: Any, operation: str) -> None:
    """The referee holds every answer against them."""
    shape = cognito_model.operation_model(operation).output_shape
    known = set(shape.members) if shape is not None else set()
    assert set(ANSWERS[operation].split()) - known == set()


def test_public_operations_are_those_that_aws_does_not_sign(cognito_model: Any) -> None:
    for operation in operations.ALL:
        if operation in cognito_model.operation_names:
            unsigned = cognito_model.operation_model(operation).auth_type == "none"
            assert unsigned is (operation in operations.PUBLIC), operation


def test_each_operation_has_a_function_that_boto3_names_the_same() -> None:
    """So a reader finds it by its name."""
    for operation, function in operations.ALL.items():
        assert function.__name__ == xform_name(operation)


def test_no_operation_is_in_two_tables() -> None:
    assert operations.PUBLIC.keys().isdisjoint(operations.IAM)
