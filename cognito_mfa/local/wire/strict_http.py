"""Refuses HTTP that Python's ``http.server`` would read leniently.

This is a head or a body that another program could read in another way (request smuggling), and
whatever is too large. The library does the reading, except for chunked bodies, which it does not
support.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 65536
MOST_EMPTY_LINES = 4
MOST_HEADERS = 100
LARGEST_BODY = 4 * 1024 * 1024
DECIMAL = re.compile(r"[0-9]{1,16}")
#: SECURITY: the library would split the line at any white space, such as a form feed.
REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [!-~]+ HTTP/1\.[0-9]\r\n")
#: Without a space before the colon, without control characters, and not folded. SECURITY: the
#: library's parser ends a line at a lone carriage return as well, so that a value with one would be
#: two headers.
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t -~\x80-\xff]*\r\n")
#: The line before each piece of a chunked body: its size, and extensions that mean nothing here.
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[\t ]*;[\t -~\x80-\xff]*)?\r\n")
LINE_END = b"\r\n"
BLANKS = " \t"
CHUNKED = "chunked"
OLD_VERSION = "HTTP/1.0"
#: Each says once who asks, for what, or how much. A second one would say something else.
UNREPEATABLE = frozenset(
    {
        "authorization",
        "content-length",
        "content-type",
        "expect",
        "host",
        "origin",
        "sec-fetch-site",
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
        if line == LINE_END:
            return line
        self._count += 1
        if self._count > MOST_HEADERS:
            raise BadRequest(431, "too many headers")
        match = HEADER.fullmatch(line)
        if match is None:
            raise BadRequest(400, "a line of the head is not a header")
        self._check_once(match[1].decode().lower())
        return line

    def _check_once(self, name: str) -> None:
        if name in self._seen and name in UNREPEATABLE:
            raise BadRequest(400, f"there are several headers {name}")
        self._seen.add(name)


def skip_empty_lines(line: bytes, stream: BinaryIO) -> bytes:
    """Return the first line of a request that is not empty; old clients send one after a body.

    Args:
        line: The line that was read.
        stream: The connection, behind that line.

    Returns:
        The line; empty where the connection ends.
    """
    for _ in range(MOST_EMPTY_LINES):
        if line != LINE_END:
            break
        line = stream.readline(LONGEST_LINE + 1)
    return line


def check_request_line(line: bytes) -> None:
    """Refuse a first line that is not a method, a target and a version. Raises BadRequest."""
    if len(line) > LONGEST_LINE:
        raise BadRequest(414, "the request line is too long")
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


def persists(version: str, connection: Sequence[str]) -> bool:
    """Return whether a connection stays open after a request.

    Args:
        version: ``HTTP/1.0`` or newer, as the request line says.
        connection: Its Connection headers, each of which is a list.

    Returns:
        Whether it does.
    """
    options = {one.strip(BLANKS).lower() for text in connection for one in text.split(",")}
    if "close" in options:
        return False
    return version != OLD_VERSION or "keep-alive" in options


@dataclass(frozen=True, slots=True)
class Framing:
    """Where the body of a request ends: after ``length`` bytes, or with its last chunk."""

    chunked: bool
    length: int

    @property
    def is_empty(self) -> bool:
        """Return whether there is no body."""
        return not self.chunked and self.length == 0

    def read(self, stream: BinaryIO) -> bytes:
        """Return the body. Raises BadRequest where it is too large, or not all of it arrives."""
        return _chunked(stream) if self.chunked else _exactly(stream, self.length)


def framing(version: str, headers: Mapping[str, str]) -> Framing:
    """Return where the body of a request ends.

    Args:
        version: ``HTTP/1.0`` or newer, as the request line says.
        headers: By lower-case name.

    Returns:
        The framing; of an empty body where the head says nothing of one.

    Raises:
        BadRequest: It is not clear, or the body is longer than ``LARGEST_BODY``.
    """
    encoding = headers.get("transfer-encoding")
    if encoding is None:
        return Framing(chunked=False, length=_length(headers.get("content-length", "0")))
    codings = [one.strip(BLANKS).lower() for one in encoding.split(",")]
    if codings[-1] != CHUNKED or CHUNKED in codings[:-1]:
        raise BadRequest(400, "it is not clear where the body ends")
    if "content-length" in headers or version == OLD_VERSION:
        raise BadRequest(400, "it is not clear where the body ends")
    if len(codings) > 1:
        raise BadRequest(501, f"the transfer coding {codings[0]} is not understood")
    return Framing(chunked=True, length=0)


def _chunked(stream: BinaryIO) -> bytes:
    body = bytearray()
    while size := _chunk_size(stream):
        body += _exactly(stream, size)
        if len(body) > LARGEST_BODY:
            raise BadRequest(413, "the body is too large")
        if _line(stream) != LINE_END:
            raise BadRequest(400, "a chunk is longer than its size")
    trailers = HeaderLines(stream)
    while trailers.readline() != LINE_END:
        pass
    return bytes(body)


def _chunk_size(stream: BinaryIO) -> int:
    match = CHUNK.fullmatch(_line(stream))
    if match is None:
        raise BadRequest(400, "a chunk does not begin with its size")
    return _bounded(int(match[1], 16))


def _line(stream: BinaryIO, limit: int = -1) -> bytes:
    line = stream.readline(LONGEST_LINE + 1 if limit < 0 else limit)
    if len(line) > LONGEST_LINE:
        raise BadRequest(431, "a line is too long")
    if not line.endswith(b"\n"):
        raise BadRequest(400, "the request ends in the middle")
    return line


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise BadRequest(400, "the body is shorter than its head says")
    return data


def _length(text: str) -> int:
    # int() alone would take "+5", "1_0" and digits of other scripts.
    if DECIMAL.fullmatch(text) is None:
        raise BadRequest(400, "a length is not a number")
    return _bounded(int(text))


def _bounded(size: int) -> int:
    if size > LARGEST_BODY:
        raise BadRequest(413, "the body is too large")
    return size
