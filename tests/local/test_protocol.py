"""AWS JSON 1.1 over HTTP, byte by byte where no SDK looks.

The facts are in "Wire protocol" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import socket
import uuid
from collections.abc import Iterator

import pytest

from cognito_mfa.local import LocalCognito, operations
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.server import HttpServer
from tests.local.caller import POOL_ID
from tests.local.raw import connect, post, request

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


@pytest.mark.parametrize("operation", sorted(operations.IAM))
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


@pytest.mark.parametrize("operation", sorted(operations.PUBLIC))
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
    answer = post(server.url, "CreateUserPoolDomain", {}, signed=True)
    assert (answer.status, answer.json()["__type"]) == (400, "UnknownOperationException")
    text = "Cognito has the operation CreateUserPoolDomain, and the local Cognito does not play it."
    assert answer.json()["message"].startswith(text)
    assert "VerifySoftwareToken" in answer.json()["message"]


@pytest.mark.parametrize(
    "body", [b"{", b"nonsense", b"\xff\xfe", b'"text"', b"[1]", b"null", b"[" * 100_000]
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


class TestHttp:
    """The transport itself."""

    def test_a_connection_is_kept_alive(self, server: HttpServer) -> None:
        connection = connect(server.url)
        for _ in range(3):
            connection.request("POST", "/", "{}", {"X-Amz-Target": "x"})
            answer = connection.getresponse()
            answer.read()
            assert answer.getheader("connection") == "keep-alive"
        connection.close()

    def test_a_client_may_end_it(self, server: HttpServer) -> None:
        answer = request(server.url, "POST", "/", "{}", {"Connection": "close"})
        assert answer.headers["connection"] == "close"

    def test_an_old_client_is_not_kept(self, server: HttpServer) -> None:
        answer = raw(server, b"POST / HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"Connection: close" in answer

    def test_a_chunked_body(self, server: HttpServer) -> None:
        head = (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
            b"Connection: close\r\n"
            b"X-Amz-Target: AWSCognitoIdentityProviderService.GetUser\r\n\r\n"
        )
        chunks = b'10\r\n{"AccessToken":"\r\n3;x=y\r\nx"}\r\n0\r\nTrailer: z\r\n\r\n'
        assert b"Invalid Access Token" in raw(server, head + chunks)

    def test_a_client_that_waits_is_told_to_go_on(self, server: HttpServer) -> None:
        head = (
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
        )
        answer = raw(server, head + b"Connection: close\r\n\r\n{}")
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400")

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            (b"nonsense\r\n\r\n", 400),
            (b"POST / HTTP/2\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{}", 400),
            (
                b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                400,
            ),
            (b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 300 + b"\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
            (b"GET /../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\n folded: x\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: b\rOrigin: x\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: localhost\r\nA : b\r\n\r\n", 400),
            (b"GET\x0c/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (b"GET /\xa0x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
            (b"GET /\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n{}", 400),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0_2\r\n\r\n{}", 400),
            (
                (
                    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                ),
                400,
            ),
            (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
            (
                (
                    b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    b"1\r\nxx\r\n0\r\n\r\n"
                ),
                400,
            ),
            (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 403),
            (b"DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405),
        ],
    )
    def test_what_is_not_spoken_is_refused(
        self, server: HttpServer, sent: bytes, status: int
    ) -> None:
        assert raw(server, sent).startswith(f"HTTP/1.1 {status} ".encode())

    def test_a_client_that_leaves_disturbs_nobody(self, server: HttpServer) -> None:
        raw(server, b"POST / HTTP/1.1\r\nContent-Le")
        assert post(server.url, "ListUsers", POOL, signed=True).status == 200

    def test_the_outbox_can_be_read(self, cognito: LocalCognito, server: HttpServer) -> None:
        """Whoever runs the server without Python needs the codes. Which pages may read what is in
        tests/security/test_local_server.py and tests/browser/test_local_cognito.py."""
        address = [{"Name": "email", "Value": "ivy@example.com"}]
        body = {**POOL, "Username": "ivy", "UserAttributes": address}
        post(server.url, "AdminCreateUser", body, signed=True)
        answer = request(server.url, "GET", "/outbox")
        (message,) = answer.json()["messages"]
        assert message["code"] == cognito.outbox[0].code
        assert message["destination"] == "ivy@example.com"

    def test_the_door_closes_with_connections_open(self, cognito: LocalCognito) -> None:
        with cognito.serve() as server:
            connection = connect(server.url)
            connection.request("GET", "/")
            connection.getresponse().read()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", server.port), timeout=1)
        connection.close()

    def test_a_taken_port_is_an_error(self, cognito: LocalCognito) -> None:
        with cognito.serve() as server, pytest.raises(OSError, match="in use"):
            cognito.serve(server.port)


def raw(server: HttpServer, sent: bytes) -> bytes:
    """Everything that comes back for these bytes, our side closed for writing after them."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
        return bytes(received)
