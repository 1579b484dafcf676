"""HTTP, byte by byte: what is read and what is refused, and what becomes of connections."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from itertools import pairwise

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
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 300 + b"\r\n", 431),
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
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: " + b"x" * 70000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nA: \x0b5\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\n\r\n", 400),
        (b"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"M-SEARCH / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
        (b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 403),
        (b"DELETE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 405),
    ],
)
def test_what_is_not_spoken_is_refused(server: HttpServer, sent: bytes, status: int) -> None:
    assert raw(server, sent).startswith(f"HTTP/1.1 {status} ".encode())


#: A second request, which must not be taken for one where the first one's end is in doubt.
NEXT = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
ONE_CHUNK = b"2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize("method", [b"POST", b"GET", b"HEAD", b"OPTIONS", b"DELETE"])
@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (b"Transfer-Encoding: gzip, chunked", ONE_CHUNK, 501),
        (b"Transfer-Encoding: identity, chunked", ONE_CHUNK, 501),
        (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", ONE_CHUNK, 400),
        (b"Transfer-Encoding: chunked, gzip", ONE_CHUNK, 400),
        (b"Transfer-Encoding: chunked, chunked", ONE_CHUNK, 400),
        (b"Transfer-Encoding: identity", b"{}", 400),
        (b"Transfer-Encoding: xchunked", ONE_CHUNK, 400),
        (b"Transfer-Encoding:", b"{}", 400),
        (b"Transfer-Encoding: \x0bchunked", ONE_CHUNK, 400),
        (b"Transfer-Encoding: \xa0chunked", ONE_CHUNK, 400),
        (b"Transfer-Encoding : chunked", ONE_CHUNK, 400),
        (b"Content-Length: 2\r\nTransfer-Encoding: chunked", ONE_CHUNK, 400),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 12", ONE_CHUNK, 400),
        (b"Content-Length: 2\r\nContent-Length: 2", b"{}", 400),
        (b"Content-Length: 2\r\nContent-Length: 0", b"{}", 400),
        (b"Content-Length: 2, 2", b"{}", 400),
        (b"Content-Length:", b"{}", 400),
        (b"Content-Length: 0x2", b"{}", 400),
        (b"Content-Length: 2 ;", b"{}", 400),
        (b"Content-Length: \xa02", b"{}", 400),
        (b"Content-Length: 99999999999999999999", b"{}", 400),
        (b"Content-Length: 4194305", b"{}", 413),
        (b"Transfer-Encoding: chunked", b"400001\r\n{}", 413),
        (b"Transfer-Encoding: chunked", b"2\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"2\r\n{}\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"2;a\nb\r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"2 \r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b" 2\r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"0x2\r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"-2\r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"\r\n2\r\n{}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"2\r\n{}}\r\n0\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\nA\r\n\r\n", 400),
        (b"Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\nA: b\n\r\n", 400),
    ],
)
def test_where_the_end_is_in_doubt_the_connection_ends(
    server: HttpServer, method: bytes, head: bytes, body: bytes, status: int
) -> None:
    """One answer, and what follows is not read as a request, whatever the method."""
    sent = method + b" / HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n" + body
    answer = raw(server, sent + NEXT)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert len(answers(answer)) == 1
    assert b"Connection: close" in answer
    if method == b"HEAD":
        assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:Chunked\t",
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        b"2\r\n{}\r\n0\r\n\r\n",
        b"0002\r\n{}\r\n000\r\n\r\n",
        b'2;x="y"\r\n{}\r\n0;z\r\nTrailer: z\r\n\r\n',
        b"1 ; x\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"0\r\n\r\n",
    ],
)
def test_after_a_chunked_body_comes_the_next_request(
    server: HttpServer, head: bytes, body: bytes
) -> None:
    first = b"POST / HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n" + body
    first, second = answers(raw(server, first + NEXT))
    assert first.startswith(b"HTTP/1.1 400 ")
    assert second.startswith(b"HTTP/1.1 200 ")


def test_an_old_client_sends_no_chunks(server: HttpServer) -> None:
    """HTTP/1.0 has no transfer codings, so that a proxy of it would see another body."""
    head = b"POST / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n"
    answer = raw(server, head + b"Transfer-Encoding: chunked\r\n\r\n" + ONE_CHUNK + NEXT)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert len(answers(answer)) == 1


@pytest.mark.parametrize("lines", [b"\r\n", b"\r\n\r\n"])
def test_an_empty_line_before_a_request_is_ignored(server: HttpServer, lines: bytes) -> None:
    first, second = answers(raw(server, lines + NEXT + lines + NEXT))
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 200 ")
    assert raw(server, lines) == b""


@pytest.mark.parametrize(
    ("version", "connection", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: close, TE\r\n", False),
        (b"1.1", b"Connection: TE, Close\r\n", False),
        (b"1.1", b"Connection: te\r\nConnection: close\r\n", False),
        (b"1.1", b"Connection: close\r\nConnection: keep-alive\r\n", False),
        (b"1.1", b"Connection: keep-alive, close\r\n", False),
        (b"1.1", b"Connection: keep-alive, TE\r\n", True),
        (b"1.1", b"Connection: closed\r\n", True),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: TE, Keep-Alive\r\n", True),
        (b"1.0", b"Connection: keep-alive, close\r\n", False),
    ],
)
def test_connection_is_a_list(
    server: HttpServer, version: bytes, connection: bytes, kept: bool
) -> None:
    head = b"GET /health HTTP/" + version + b"\r\nHost: localhost\r\n" + connection + b"\r\n"
    received = answers(raw(server, head + NEXT))
    assert len(received) == (2 if kept else 1)
    assert (b"Connection: close" not in received[0]) == kept


@pytest.mark.parametrize(
    "path",
    [
        "/health",
        "/outbox",
        "/nothing",
        "/clock",
        "/logout",
        "/oauth2/authorize",
        "/oauth2/token",
        "/oauth2/userInfo",
        f"/{POOL_ID}/.well-known/jwks.json",
    ],
)
def test_head_is_get_without_the_body(server: HttpServer, path: str) -> None:
    def ask(method: str) -> bytes:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        return raw(server, head.encode())

    def names(head: bytes) -> list[bytes]:
        return [line.partition(b":")[0] for line in head.split(b"\r\n")]

    head, _, nothing = ask("HEAD").partition(b"\r\n\r\n")
    whole, _, body = ask("GET").partition(b"\r\n\r\n")
    assert nothing == b""
    assert names(head) == names(whole)
    assert (b"Content-Length: %d\r\n" % len(body)) in whole
    if path != "/clock":  # which ticks
        assert (b"Content-Length: %d\r\n" % len(body)) in head


def test_after_head_comes_the_next_answer(server: HttpServer) -> None:
    for path in (b"/health", b"/nothing", b"/outbox"):
        head = b"HEAD " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
        first, second = answers(raw(server, head + NEXT))
        assert first.endswith(b"\r\n\r\n")
        assert second.endswith(b'{"status":"ok"}')


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        (b"DELETE", b"/", b"POST, OPTIONS"),
        (b"PUT", b"/nothing", b"POST, OPTIONS"),
        (b"POST", b"/health", b"GET, HEAD, OPTIONS"),
        (b"POST", b"/outbox", b"GET, HEAD, OPTIONS"),
        (b"POST", b"/logout", b"GET, HEAD, OPTIONS"),
        (b"GET", b"/oauth2/token", b"POST, OPTIONS"),
        (b"HEAD", b"/oauth2/revoke", b"POST, OPTIONS"),
        (b"DELETE", b"/oauth2/userInfo", b"GET, POST, HEAD, OPTIONS"),
        (b"PATCH", b"/faults", b"GET, POST, DELETE, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_is_not_allowed_is_told_which_are(
    server: HttpServer, method: bytes, path: bytes, allow: bytes
) -> None:
    answer = raw(server, method + b" " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: " + allow + b"\r\n" in answer


REFUSED_EARLY = {
    "too large": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n", 413),
    "chunks too large": (
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n900000\r\n"),
        413,
    ),
    "no length": (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
    "no header": (b"POST / HTTP/1.1\r\nHost: localhost\r\nnonsense\r\n\r\n", 400),
    "no request": (b"nonsense\r\n", 400),
    "an endless request line": (b"GET /", 414),
    "an endless header": (b"GET / HTTP/1.1\r\nA: ", 431),
    "an unknown method": (b"BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n", 501),
    "an unknown coding": (
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: br, chunked\r\n\r\n",
        501,
    ),
    "the client's own end": (
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        200,
    ),
}


@pytest.mark.parametrize("name", REFUSED_EARLY)
def test_a_refusal_reaches_a_client_that_writes_everything_first(
    server: HttpServer, name: str
) -> None:
    """Without a reset, which would take the answer away before it is read."""
    head, status = REFUSED_EARLY[name]
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(head)
        for _ in range(9):
            connection.sendall(b"x" * 1_000_000)
        received = bytearray()
        while chunk := connection.recv(65536):
            received += chunk
    (only,) = answers(bytes(received))
    assert only.startswith(f"HTTP/1.1 {status} ".encode())


def test_a_body_that_is_not_wanted_is_not_asked_for(server: HttpServer) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
    answer = raw(server, head + b"Content-Length: 9000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert raw(server, head + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_it_says_that_it_is_ready(server: HttpServer) -> None:
    """For wait-on, Docker, and the like."""
    assert request(server.url, "GET", "/health").json() == {"status": "ok"}
    assert request(server.url, "HEAD", "/health").status == 200


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


def answers(received: bytes) -> list[bytes]:
    """The responses in these bytes, cut where the next one begins."""
    begins = [match.start() for match in re.finditer(rb"HTTP/1\.1 [0-9]{3} ", received)]
    return [received[begin:end] for begin, end in pairwise([*begins, len(received)])]


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
