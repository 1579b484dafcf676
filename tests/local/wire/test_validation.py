"""The model's limits in Cognito's words, which botocore leaves to the server.

The facts are in "Limits of input" and "Errors on the wire" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local.errors import InvalidParameterException, SerializationException
from cognito_mfa.local.wire import service_model
from cognito_mfa.local.wire.validation import validate

GOOD = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "exampleclient"}
POOL = {"UserPoolId": "us-east-1_Example00"}


#: 2,048 until botocore 1.43, 4,096 since.
LONGEST_SESSION = service_model.shape("SessionType")["max"]


def complaint(operation: str, **parameters: Any) -> str:
    with pytest.raises(InvalidParameterException) as caught:
        validate(operation, parameters)
    return caught.value.message


def test_what_is_right_passes() -> None:
    validate("InitiateAuth", {**GOOD, "AuthParameters": {"USERNAME": "ada"}, "Unknown": 1})


def test_a_missing_member() -> None:
    assert complaint("InitiateAuth", ClientId="exampleclient") == (
        "1 validation error detected: Value null at 'authFlow' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_several_complaints_in_one_text() -> None:
    """Pattern first, then length; the value is masked since the field is sensitive."""
    assert complaint("VerifySoftwareToken", UserCode="Aaaa") == (
        "2 validation errors detected: "
        "Value at 'userCode' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [0-9]+; "
        "Value at 'userCode' failed to satisfy constraint: "
        "Member must have length greater than or equal to 6"
    )


def test_a_value_that_is_not_sensitive_is_shown() -> None:
    assert complaint("ListUsers", UserPoolId="nowhere") == (
        "1 validation error detected: Value 'nowhere' at 'userPoolId' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+"
    )


def test_an_enum() -> None:
    text = complaint("SetUserPoolMfaConfig", **POOL, MfaConfiguration="MAYBE")
    assert "'mfaConfiguration'" in text
    assert "Member must satisfy enum value set: [OFF, ON, OPTIONAL]" in text


@pytest.mark.parametrize(
    ("limit", "word"), [(61, "less than or equal to 60"), (-1, "greater than or equal to 0")]
)
def test_a_number(limit: int, word: str) -> None:
    text = complaint("ListUsers", **POOL, Limit=limit)
    assert text.endswith(
        f"Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value {word}"
    )


def test_a_place_inside_a_list() -> None:
    attributes = [{"Name": "name", "Value": "Ada"}, {"Name": "x" * 33, "Value": ""}]
    text = complaint("AdminCreateUser", **POOL, Username="ada", UserAttributes=attributes)
    assert "at 'userAttributes.2.member.name' failed" in text


def test_a_place_inside_a_structure() -> None:
    text = complaint("CreateUserPoolClient", **POOL, ClientName="web", RefreshTokenRotation={})
    assert "Value null at 'refreshTokenRotation.feature'" in text


def test_nothing_that_a_sensitive_value_holds_is_shown() -> None:
    secret = "hunter2" * 20000
    text = complaint("InitiateAuth", **GOOD, AuthParameters={"PASSWORD": secret})
    assert "hunter2" not in text
    assert "Value at 'authParameters.PASSWORD.value'" in text


@pytest.mark.parametrize(
    ("operation", "member", "value", "accepted"),
    [
        ("AdminGetUser", "Username", "ada", True),
        ("AdminGetUser", "Username", "ädä-€-漢-1.!", True),
        ("AdminGetUser", "Username", "a" * 128, True),
        ("AdminGetUser", "Username", "a" * 129, False),
        ("AdminGetUser", "Username", "", False),
        ("AdminGetUser", "Username", "two words", False),
        ("AdminGetUser", "Username", "tab\t", False),
        ("AdminGetUser", "Username", "nul\x00", False),
        ("AdminGetUser", "Username", "no-break\u00a0space", False),
        ("AdminGetUser", "Username", "combining\u0301", True),
        ("AdminGetUser", "Username", "😀" * 64, True),
        ("AdminGetUser", "Username", "😀" * 65, False),
        ("AdminSetUserPassword", "Password", "x" * 256, True),
        ("AdminSetUserPassword", "Password", "x" * 257, False),
        ("AdminSetUserPassword", "Password", "two words", True),
        ("AdminSetUserPassword", "Password", "tab\tinside", True),
        ("AdminSetUserPassword", "Password", " outside", False),
        ("AdminSetUserPassword", "Password", "outside ", False),
        ("AdminSetUserPassword", "Password", "two\nlines", False),
        ("AdminSetUserPassword", "Password", "x", False),
        ("GetUser", "AccessToken", "a-b_c=d.e", True),
        ("GetUser", "AccessToken", "a b", False),
        ("GetUser", "AccessToken", "a+b", False),
        ("VerifySoftwareToken", "UserCode", "123456", True),
        ("VerifySoftwareToken", "UserCode", "12345", False),
        ("VerifySoftwareToken", "UserCode", "1234567", False),
        ("VerifySoftwareToken", "UserCode", "١٢٣٤٥٦", False),
        ("VerifySoftwareToken", "UserCode", "12345\n", False),
        ("VerifySoftwareToken", "FriendlyDeviceName", "x" * 131072, True),
        ("VerifySoftwareToken", "FriendlyDeviceName", "x" * 131073, False),
        ("AssociateSoftwareToken", "Session", "x" * LONGEST_SESSION, True),
        ("AssociateSoftwareToken", "Session", "x" * (LONGEST_SESSION + 1), False),
        ("AssociateSoftwareToken", "Session", "x" * 19, False),
        ("DescribeUserPool", "UserPoolId", "us-east-1_Example00", True),
        ("DescribeUserPool", "UserPoolId", "us-east-1-Example00", False),
        ("DescribeUserPool", "UserPoolId", "us-east-1_" + "x" * 46, False),
        ("CreateUserPool", "PoolName", "my pool", True),
        ("CreateUserPool", "PoolName", "my/pool", False),
    ],
)
def test_lengths_and_patterns(operation: str, member: str, value: str, accepted: bool) -> None:
    """Java's patterns: \\w and \\S are ASCII, \\p{L} is not, and the whole value must match."""
    others = {
        "AdminGetUser": POOL,
        "AdminSetUserPassword": {**POOL, "Username": "ada"},
        "VerifySoftwareToken": {"UserCode": "123456"},
    }.get(operation, {})
    parameters = {**others, member: value}
    if accepted:
        validate(operation, parameters)
    else:
        complaint(operation, **parameters)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({**GOOD, "ClientId": 5}, "NUMBER_VALUE can not be converted to a String"),
        ({**GOOD, "ClientId": True}, "TRUE_VALUE can not be converted to a String"),
        ({**GOOD, "ClientId": ["a"]}, "START_ARRAY can not be converted to a String"),
        ({**GOOD, "AuthParameters": "a"}, "Unrecognized collection type for map: STRING_VALUE"),
        ({**GOOD, "AuthParameters": {"A": None}}, "NULL_VALUE can not be converted to a String"),
        ({**GOOD, "AuthParameters": {"A": {}}}, "START_OBJECT can not be converted to a String"),
        ({**GOOD, "Session": "\ud800" * 20}, "Invalid UTF-8: a lone surrogate"),
    ],
)
def test_another_json_type(parameters: dict[str, Any], text: str) -> None:
    """SerializationException, before any constraint."""
    with pytest.raises(SerializationException) as caught:
        validate("InitiateAuth", parameters)
    assert caught.value.message == text


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1, 10**30])
def test_a_number_has_32_bits(value: int) -> None:
    text = "NUMBER_VALUE can not be converted to a Integer"
    with pytest.raises(SerializationException, match=text):
        validate("ListUsers", {"UserPoolId": "us-east-1_Example00", "Limit": value})


@pytest.mark.parametrize("value", [True, 1.5, "60"])
def test_a_number_is_an_integer(value: Any) -> None:
    with pytest.raises(SerializationException):
        validate("ListUsers", {**POOL, "Limit": value})


@pytest.mark.parametrize("operation", sorted(service_model.SAME_INPUT))
def test_operations_newer_than_some_botocore_have_the_input_we_say(operation: str) -> None:
    if operation not in service_model.operations():
        pytest.skip("the installed botocore does not know it")
    same = service_model.input_shape(service_model.SAME_INPUT[operation])
    shape = service_model.input_shape(operation)
    assert (shape["members"], shape["required"]) == (same["members"], same["required"])
