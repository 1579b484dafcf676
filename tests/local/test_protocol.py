"""AWS JSON 1.1 over HTTP, byte by byte where no SDK looks.

The facts are in "Wire protocol" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

import pytest

from cognito_mfa.local import LocalCognito, operations
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire import service_model
from cognito_mfa.local.wire.server import HttpServer
from tests.local.caller import POOL_ID
from tests.local.raw import post

POOL = {"UserPoolId": POOL_ID}


@pytest.fixture
def server(cognito: LocalCognito, pool: LocalPool) -> Iterator[HttpServer]:
    with cognito.serve() as server:
        yield server


def test_a_success_is_json_with_a_request_id(server: HttpServer) -> None:
    answer = post(server.url, "ListUsers", POOL, signed=True)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    assert uuid.UUID(answer.headers["x-amzn-requestid"]).version == 4
    assert len(answer.json()["Users"]) == 2


def test_timestamps_are_numbers(server: HttpServer) -> None:
    """Seconds since the epoch, with a fraction."""
    answer = post(server.url, "AdminGetUser", {**POOL, "Username": "regular"}, signed=True)
    assert isinstance(answer.json()["UserCreateDate"], float)


def test_an_operation_without_output_answers_an_empty_object(server: HttpServer) -> None:
    body = {**POOL, "Username": "regular"}
    answer = post(server.url, "AdminUserGlobalSignOut", body, signed=True)
    assert (answer.status, answer.body) == (200, b"{}")


def test_an_error_is_in_the_body_and_in_the_headers(server: HttpServer) -> None:
    """botocore reads the one, other SDKs the other."""
    answer = post(server.url, "GetUser", {"AccessToken": "x"})
    assert answer.status == 400
    assert answer.json() == {
        "__type": "NotAuthorizedException",
        "message": "Invalid Access Token",
    }
    assert answer.headers["x-amzn-errortype"] == "NotAuthorizedException:"
    assert answer.headers["x-amzn-errormessage"] == "Invalid Access Token"
    assert answer.headers["x-amzn-requestid"]


def test_an_error_header_stays_ascii_whatever_the_text_holds(server: HttpServer) -> None:
    answer = post(server.url, "ListUsers", {"UserPoolId": "ä\r\nX: y"}, signed=True)
    assert answer.status == 400
    assert answer.headers["x-amzn-errormessage"].isascii()
    assert "x" not in answer.headers
    assert "\r" not in answer.headers["x-amzn-errormessage"]
    assert "ä" in answer.json()["message"]


def test_an_error_header_is_no_longer_than_clients_read(server: HttpServer) -> None:
    """Python's refuses a response with a line of 64 kilobytes, and so never sees the error."""
    answer = post(server.url, "DescribeUserPool", {"UserPoolId": "a" * 200_000}, signed=True)
    assert answer.headers["x-amzn-errormessage"].startswith("2 validation errors detected: ")
    assert len(answer.json()["message"]) > 200_000


def known(table: Iterable[str]) -> list[str]:
    """Those whose input the installed botocore describes, or another operation's input is."""
    return sorted(name for name in table if service_model.describes(name))


@pytest.mark.parametrize("operation", known(operations.IAM))
def test_admin_operations_need_a_signature(server: HttpServer, operation: str) -> None:
    """Refused before anything else is looked at; which key signed is not checked."""
    answer = post(server.url, operation, {})
    assert answer.status == 400
    assert answer.json() == {
        "__type": "MissingAuthenticationTokenException",
        "message": "Missing Authentication Token",
    }
    assert post(server.url, operation, {}, signed=True).json().get("__type") in {
        "InvalidParameterException",
        None,
    }


@pytest.mark.parametrize("operation", known(operations.PUBLIC))
def test_public_operations_need_none(server: HttpServer, operation: str) -> None:
    code = post(server.url, operation, {}).json()["__type"]
    assert code == "InvalidParameterException"


@pytest.mark.parametrize(
    "target",
    [
        "AWSCognitoIdentityProviderService.Nothing",
        "AWSCognitoIdentityProviderService.__class__",
        "AWSCognitoIdentityProviderService.",
        "DynamoDB_20120810.ListUsers",
        "ListUsers",
        "",
    ],
)
def test_what_does_not_exist_is_named(server: HttpServer, target: str) -> None:
    answer = post(server.url, "", {}, target=target, signed=True)
    assert answer.status == 400
    assert answer.json()["__type"] == "UnknownOperationException"
    assert answer.json()["message"].startswith("There is no operation ")


def test_what_is_missing_here_is_named(server: HttpServer) -> None:
    missing = min(service_model.operations() - set(operations.ALL))
    answer = post(server.url, missing, {}, signed=True)
    assert (answer.status, answer.json()["__type"]) == (400, "UnknownOperationException")
    text = f"Cognito has the operation {missing}, and the local Cognito does not play it."
    assert answer.json()["message"].startswith(text)
    assert answer.json()["message"].endswith("in docs/local-cognito-fidelity.md.")
    assert len(answer.json()["message"]) < 200


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'"text"',
        b"[1]",
        b"null",
        b"[" * 100_000,
        "{}".encode("utf-16"),
        "{}".encode("utf-32"),
        b"\xef\xbb\xbf{}",
        b'{"AccessToken": NaN}',
        b'{"AccessToken": "\xff"}',
    ],
)
def test_a_body_that_is_no_json_object(server: HttpServer, body: bytes) -> None:
    answer = post(server.url, "GetUser", body)
    assert (answer.status, answer.json()["__type"]) == (400, "SerializationException")


def test_null_is_like_absent(server: HttpServer) -> None:
    answer = post(server.url, "ListUsers", {**POOL, "Filter": None}, signed=True)
    assert answer.status == 200


def test_admin_operations_newer_than_botocore_are_answered(server: HttpServer) -> None:
    """By target alone, as a newer SDK sends them."""
    body = {**POOL, "Username": "regular"}
    factors = post(server.url, "AdminGetUserAuthFactors", body, signed=True).json()
    assert "SOFTWARE_TOKEN" in factors["ConfiguredUserAuthFactors"]
    assert post(server.url, "AdminDeleteSoftwareToken", body, signed=True).json() == {}
