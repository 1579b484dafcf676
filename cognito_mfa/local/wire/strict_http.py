"""Refuses HTTP that Python's ``http.server`` would read leniently.

This is a head or a body that another program could read in another way (request smuggling), and
whatever is too large. The library does the reading, except for chunked bodies, which it does not
support.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import BinaryIO

LONGEST_LINE = 65536
MOST_HEADERS = 100
LARGEST_BODY = 4 * 1024 * 1024
DECIMAL = re.compile(r"[0-9]{1,16}")
HEXADECIMAL = re.compile(r"[0-9A-Fa-f]{1,16}")
#: SECURITY: the library would split the line at any white space, such as a form feed.
REQUEST_LINE = re.compile(rb"[A-Za-z-]+ [!-~]+ HTTP/1\.[0-9]\r?\n")
#: Without a space before the colon, and not folded. SECURITY: the library's parser ends a line at a
#: lone carriage return as well, so that a value with one would be two headers.
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[^\r\n\0]*\r?\n")
#: Each says once who asks, for what, or how much. A second one would say something else.
UNREPEATABLE = frozenset(
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
    """A request that is refused before its content is read."""

    def __init__(self, status: int, text: str) -> None:
        """Say why a request is refused.

        Args:
            status: The HTTP status.
            text: The reason, for the response.
        """
        super().__init__(text)
        self.status = status
        self.text = text


class HeaderLines:
    """The header lines of a request, checked one by one before the library reads them."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._seen: set[str] = set()
        self._count = 0

    def readline(self, limit: int = -1) -> bytes:
        """Return the next line. Raises BadRequest for one that is no header or comes too often."""
        line = _line(self._stream, limit)
        if line in (b"\r\n", b"\n"):
            return line
        self._count += 1
        if self._count > MOST_HEADERS:
            raise BadRequest(400, "too many headers")
        match = HEADER.fullmatch(line)
        if match is None:
            raise BadRequest(400, "a line of the head is not a header")
        self._check_once(match[1].decode().lower())
        return line

    def _check_once(self, name: str) -> None:
        if name in self._seen and name in UNREPEATABLE:
            raise BadRequest(400, f"there are several headers {name}")
        self._seen.add(name)


def check_request_line(line: bytes) -> None:
    """Refuse a first line that is not a method, a target and a version. Raises BadRequest."""
    if REQUEST_LINE.fullmatch(line) is None:
        raise BadRequest(400, "not an HTTP/1.1 request")


def check_head(path: str, host: str | None) -> None:
    """Check what the library has read of a request.

    Args:
        path: What the request asks for, still quoted.
        host: Its Host header.

    Raises:
        BadRequest: The request asks for no path, or does not say by which name it came here.
    """
    if not path.startswith("/"):  # an address with a host of its own, beside the header's
        raise BadRequest(400, "what is asked for is not a path")
    if host is None:
        raise BadRequest(400, "a request needs a Host header")


def read_body(stream: BinaryIO, headers: Mapping[str, str]) -> bytes:
    """Read the body of a request.

    Args:
        stream: The connection, at the end of the head.
        headers: By lower-case name.

    Returns:
        The body, of at most ``LARGEST_BODY`` bytes; empty where the head says nothing of one.

    Raises:
        BadRequest: Its length is not clear, too large, or more than what arrived.
    """
    encoding = headers.get("transfer-encoding")
    if encoding is None:
        length = _size(headers.get("content-length", "0"), DECIMAL, 10)
        return _exactly(stream, length)
    if encoding.lower() != "chunked" or "content-length" in headers:
        raise BadRequest(400, "it is not clear where the body ends")
    return _chunked(stream)


def _chunked(stream: BinaryIO) -> bytes:
    body = bytearray()
    while size := _size(_chunk_size(stream), HEXADECIMAL, 16):
        body += _exactly(stream, size)
        if len(body) > LARGEST_BODY:
            raise BadRequest(413, "the body is too large")
        if _line(stream) not in (b"\r\n", b"\n"):
            raise BadRequest(400, "a chunk is longer than its size")
    trailers = HeaderLines(stream)
    while trailers.readline().strip():
        pass
    return bytes(body)


def _chunk_size(stream: BinaryIO) -> str:
    return _line(stream).partition(b";")[0].decode("latin-1").strip()


def _line(stream: BinaryIO, limit: int = -1) -> bytes:
    line = stream.readline(LONGEST_LINE + 1 if limit < 0 else limit)
    if len(line) > LONGEST_LINE:
        raise BadRequest(400, "a line is too long")
    if not line.endswith(b"\n"):
        raise BadRequest(400, "the request ends in the middle")
    return line


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise BadRequest(400, "the body is shorter than its head says")
    return data


def _size(text: str, digits: re.Pattern[str], base: int) -> int:
    # int() alone would take "+5", "1_0" and digits of other scripts.
    if digits.fullmatch(text) is None:
        raise BadRequest(400, "a length is not a number")
    size = int(text, base)
    if size > LARGEST_BODY:
        raise BadRequest(413, "the body is too large")
    return size
