"""HTTP/1.1 as it arrives: one request read from a stream, or the reason why it is none. What could be
read in two ways is refused, since somebody else would read it in the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

LONGEST_LINE = 65536
MOST_HEADERS = 200
LARGEST_BODY = 4 * 1024 * 1024
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Each says once who asks, for what, or how much; a second one would say something else.
STANDS_ONCE = frozenset(
    {
        "authorization",
        "content-length",
        "content-type",
        "host",
        "origin",
        "transfer-encoding",
        "x-amz-target",
    }
)


class BadRequest(Exception):
    """What came is not HTTP as we speak it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """``path`` and ``query`` are as they came, still quoted."""

    method: str
    path: str
    query: str = field(repr=False)
    version: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def host(self) -> str:
        """By which name, and port, the client knows us."""
        return self.headers["host"]

    @property
    def keeps_alive(self) -> bool:
        modern = self.version == "HTTP/1.1"
        return modern and self.headers.get("connection", "").lower() != "close"


def read_request(stream: BinaryIO, on_expect: Callable[[], None]) -> HttpRequest | None:
    """None at the end of the connection. ``on_expect`` tells a client that waits for it to send
    its body. Raises BadRequest."""
    line = _line(stream)
    if not line:
        return None
    method, _, rest = line.partition(" ")
    target, _, version = rest.rpartition(" ")
    if not target or not version.startswith("HTTP/1."):
        raise BadRequest(400, "not an HTTP/1.1 request")
    if not target.startswith("/"):  # an address with a host of its own, beside the header's
        raise BadRequest(400, "what is asked for is not a path")
    headers = _headers(stream)
    if "host" not in headers:
        raise BadRequest(400, "a request needs a Host header")
    if headers.get("expect", "").lower() == "100-continue":
        on_expect()
    path, _, query = target.partition("?")
    return HttpRequest(method, path, query, version, headers, _body(stream, headers))


def _line(stream: BinaryIO) -> str:
    line = stream.readline(LONGEST_LINE + 1)
    if len(line) > LONGEST_LINE:
        raise BadRequest(400, "a line is too long")
    return line.decode("latin-1").rstrip("\r\n")


def _headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = _line(stream)
        if not line:
            return headers
        name, colon, value = line.partition(":")
        if not colon:
            raise BadRequest(400, "a header has no colon")
        if not HEADER_NAME.fullmatch(name):  # a space before the colon, or a folded line
            raise BadRequest(400, "a header's name is none")
        name = name.lower()
        if name in headers and name in STANDS_ONCE:
            raise BadRequest(400, f"there are several headers {name}")
        headers[name] = value.strip()
    raise BadRequest(400, "too many headers")


def _body(stream: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunked(stream)
    length = _size(headers.get("content-length", "0"), 10)
    body = stream.read(length)
    if len(body) < length:
        raise BadRequest(400, "the body is shorter than its Content-Length")
    return body


def _chunked(stream: BinaryIO) -> bytes:
    body = bytearray()
    while size := _size(_line(stream).partition(";")[0], 16):
        body += stream.read(size)
        _size(str(len(body)), 10)
        _line(stream)
    while _line(stream):
        pass  # trailers
    return bytes(body)


def _size(text: str, base: int) -> int:
    try:
        size = int(text, base)
    except ValueError:
        size = -1
    if size < 0:
        raise BadRequest(400, "a length is not a number")
    if size > LARGEST_BODY:
        raise BadRequest(413, "the body is too large")
    return size
