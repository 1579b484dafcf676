"""HTTP, byte by byte: what is read and what is refused, and what becomes of connections."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.server import HttpServer
from tests.local.caller import POOL_ID
from tests.local.raw import connect, post, request

POOL = {"UserPoolId": POOL_ID}


@pytest.fixture
def server(cognito: LocalCognito, pool: LocalPool) -> Iterator[HttpServer]:
    with cognito.serve() as server:
        yield server


def test_a_connection_is_kept_alive(server: HttpServer) -> None:
    connection = connect(server.url)
    for _ in range(3):
        connection.request("POST", "/", "{}", {"X-Amz-Target": "x"})
        answer = connection.getresponse()
        answer.read()
        assert answer.getheader("connection") == "keep-alive"
    connection.close()


def test_a_client_may_end_it(server: HttpServer) -> None:
    answer = request(server.url, "POST", "/", "{}", {"Connection": "close"})
    assert answer.headers["connection"] == "close"


def test_an_old_client_is_not_kept(server: HttpServer) -> None:
    answer = raw(server, b"POST / HTTP/1.0\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"Connection: close" in answer


def test_a_chunked_body(server: HttpServer) -> None:
    head = (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Connection: close\r\n"
        b"X-Amz-Target: AWSCognitoIdentityProviderService.GetUser\r\n\r\n"
    )
    chunks = b'10\r\n{"AccessToken":"\r\n3;x=y\r\nx"}\r\n0\r\nTrailer: z\r\n\r\n'
    assert b"Invalid Access Token" in raw(server, head + chunks)


def test_a_client_that_waits_is_told_to_go_on(server: HttpServer) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"
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
def test_what_is_not_spoken_is_refused(server: HttpServer, sent: bytes, status: int) -> None:
    assert raw(server, sent).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_client_that_leaves_disturbs_no_one(server: HttpServer) -> None:
    raw(server, b"POST / HTTP/1.1\r\nContent-Le")
    assert post(server.url, "ListUsers", POOL, signed=True).status == 200


def test_the_outbox_can_be_read(cognito: LocalCognito, server: HttpServer) -> None:
    """Anyone who runs the server without Python needs the codes. Which pages may read what is in
    tests/security/test_local_server.py and tests/browser/test_local_cognito.py."""
    address = [{"Name": "email", "Value": "ivy@example.com"}]
    body = {**POOL, "Username": "ivy", "UserAttributes": address}
    post(server.url, "AdminCreateUser", body, signed=True)
    answer = request(server.url, "GET", "/outbox")
    (message,) = answer.json()["messages"]
    assert message["code"] == cognito.outbox[0].code
    assert message["destination"] == "ivy@example.com"


def test_the_server_closes_with_connections_open(cognito: LocalCognito) -> None:
    with cognito.serve() as server:
        connection = connect(server.url)
        connection.request("GET", "/")
        connection.getresponse().read()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", server.port), timeout=60)
    connection.close()


def test_a_taken_port_is_an_error(cognito: LocalCognito) -> None:
    with cognito.serve() as server, pytest.raises(OSError, match="in use"):
        cognito.serve(server.port)


def raw(server: HttpServer, sent: bytes) -> bytes:
    """Everything that comes back for these bytes, our side closed for writing after them."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = bytearray()
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            pass
        return bytes(received)
