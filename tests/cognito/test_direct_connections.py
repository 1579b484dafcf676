"""Answers in all the forms that HTTP allows, as ``http.client`` and botocore read them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse

import pytest

from cognito_mfa.cognito import direct_connections
from cognito_mfa.cognito.direct_connections import Connections, RawAnswer

REQUEST = b"POST / HTTP/1.1\r\n\r\n"
BODY = b'{"a": 1}'
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = b"Content-Length: 8\r\n"
CHUNKS = (
    b"Transfer-Encoding: chunked\r\n\r\n3\r\n"
    + BODY[:3]
    + b"\r\n5\r\n"
    + BODY[3:]
    + b"\r\n0\r\n\r\n"
)

# An answer, whether its connection is kept, and whether it is read here.
ANSWERS = {
    "as Cognito's": (OK + b"x-amzn-RequestId: a-1\r\n" + LENGTH + b"\r\n" + BODY, True, True),
    "that says that the connection is kept": (
        OK + LENGTH + b"Connection: keep-alive\r\n\r\n" + BODY, True, True,
    ),
    "that says that it is not": (OK + LENGTH + b"Connection: Close\r\n\r\n" + BODY, False, True),
    "an error": (b"HTTP/1.1 400 Bad Request\r\n" + LENGTH + b"\r\n" + BODY, True, True),
    "without a reason": (b"HTTP/1.1 503\r\n" + LENGTH + b"\r\n" + BODY, True, True),
    "with blanks": (OK + b"Content-Length: \t8 \t\r\nX-Empty:\r\n\r\n" + BODY, True, True),
    "of no bytes": (OK + b"Content-Length: 0\r\n\r\n", True, True),
    "with Latin letters": (OK + b"X-Name: \xe9\r\n" + LENGTH + b"\r\n" + BODY, True, True),
    "in chunks": (OK + CHUNKS, True, False),
    "in chunks with a length": (OK + LENGTH + CHUNKS, True, False),
    "that the connection ends": (OK + b"\r\n" + BODY, False, False),
    "of HTTP/1.0": (b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY, False, False),
    "after one that is to be continued": (
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + b"\r\n" + BODY, True, False,
    ),
    "with short line ends": (OK.replace(b"\r", b"") + b"Content-Length: 8\n\n" + BODY, True, False),
    "with both line ends": (OK + b"X-A: b\nContent-Length: 8\r\n\r\n" + BODY, True, False),
    "with a header on two lines": (OK + b"X-A: b\r\n c\r\n" + LENGTH + b"\r\n" + BODY, True, False),
    "with the same header twice": (
        OK + b"X-A: b\r\nX-A: c\r\n" + LENGTH + b"\r\n" + BODY, True, False,
    ),
    "with the length twice": (OK + LENGTH * 2 + b"\r\n" + BODY, True, False),
    "without a body": (b"HTTP/1.1 204 No Content\r\n\r\n", True, False),
}  # fmt: skip


@contextmanager
def answering(*answers: bytes, part: int = 7) -> Iterator[Connections]:
    """Return connections of which one is open; each request gets the next answer.

    After the last one its server ends it.

    Args:
        answers: as they are sent.
        part: bytes that are sent at a time.
    """
    connections = Connections("http://127.0.0.1:9", timeouts=(1, 20), cafile=None)
    kept, server = socket.socketpair()

    def answer() -> None:
        with server, suppress(ConnectionError):
            for one in answers:
                assert server.recv(1000) == REQUEST
                for first in range(0, len(one), part):
                    server.sendall(one[first : first + part])

    thread = threading.Thread(target=answer)
    thread.start()
    connections._idle.append(kept)
    try:
        yield connections
    finally:
        connections.close()
        kept.close()
        thread.join()


def referee(answer: bytes) -> RawAnswer:
    """Return the answer as ``http.client`` reads it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        with HTTPResponse(ours, method="POST") as response:
            response.begin()
            names = {name.lower() for name in response.headers}
            headers = {name: ", ".join(response.headers.get_all(name, [])) for name in names}
            bare = {name: value.strip(" \t") for name, value in headers.items()}
            return RawAnswer(response.status, bare, response.read())


@pytest.fixture
def read_by_others(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Return what came of the answers that ``http.client`` is given."""
    found: list[bytes] = []
    read: Callable[..., object] = direct_connections._read_any

    def note(connection: socket.socket, came: bytearray) -> object:
        found.append(bytes(came))
        return read(connection, came)

    monkeypatch.setattr(direct_connections, "_read_any", note)
    return found


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_as_http_client_reads_it(name: str, read_by_others: list[bytes]) -> None:
    answer, is_kept, is_ours = ANSWERS[name]
    with answering(answer) as connections:
        assert connections.send(REQUEST) == referee(answer)
        assert len(connections._idle) == is_kept
    assert (not read_by_others) == is_ours


def test_one_connection_carries_answers_of_each_form() -> None:
    kept = [answer for answer, is_kept, _ in ANSWERS.values() if is_kept]
    with answering(*kept) as connections:
        assert [connections.send(REQUEST) for _ in kept] == [referee(answer) for answer in kept]


def test_what_was_not_asked_for_is_no_answer_to_the_next_request() -> None:
    forged = OK + LENGTH + b"\r\n" + b'{"b": 2}'
    with answering(OK + LENGTH + b"\r\n" + BODY + forged, part=1000) as connections:
        assert connections.send(REQUEST).body == BODY
        assert not connections._idle


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        OK[:9],
        OK + LENGTH,
        OK + LENGTH + b"\r\n" + BODY[:-1],
        OK + CHUNKS[:-8],
        b"SSH-2.0-OpenSSH\r\n\r\n",
        OK + b"X-Long: " + b"x" * 70_000,
    ],
)
def test_an_answer_that_is_cut_short_is_lost(answer: bytes) -> None:
    """And not known to be unsent, since the request went out."""
    from botocore.exceptions import HTTPClientError

    with answering(answer) as connections:
        with pytest.raises(HTTPClientError):
            connections.send(REQUEST)
        assert not connections._idle
