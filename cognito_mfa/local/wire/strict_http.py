"""Reads the head and the body of a request more strictly than Python's ``http.server``.

It refuses requests that another program could read differently (request smuggling), and requests that
are too large. The library checks less, and takes longer to read a request than an operation takes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 65536
MOST_EMPTY_LINES = 4
MOST_HEADERS = 100
LARGEST_BODY = 4 * 1024 * 1024
DECIMAL = re.compile(r"[0-9]{1,16}")
#: SECURITY: a request line is split only at single spaces, not at other white space such as a form feed.
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) (HTTP/1\.[0-9])\r\n")
#: No space before the colon, no control characters, and no folding. SECURITY: some programs also end a
#: line at a carriage return without a line feed, so that they would read two headers.
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)\r\n")
#: The line before each piece of a chunked body: its size, and extensions, which are ignored.
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[\t ]*;[\t -~\x80-\xff]*)?\r\n")
LINE_END = b"\r\n"
BLANKS = " \t"
CHUNKED = "chunked"
OLD_VERSION = "HTTP/1.0"
#: Headers that must not be repeated, because programs could disagree about which one applies.
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
        """Create the error that refuses a request.

        Args:
            status: The HTTP status.
            text: The reason, for the response.
        """
        super().__init__(text)
        self.status = status
        self.text = text


def read_headers(stream: BinaryIO) -> dict[str, str]:
    """Return the headers up to the empty line by lower-case name, repeated ones as a list.

    Raises:
        BadRequest: A line is not a header, or there are too many.
    """
    headers: dict[str, str] = {}
    count = 0
    while (line := _line(stream)) != LINE_END:
        count += 1
        if count > MOST_HEADERS:
            raise BadRequest(431, "too many headers")
        match = HEADER.fullmatch(line)
        if match is None:
            raise BadRequest(400, "a line of the head is not a header")
        name, value = match[1].decode().lower(), match[2].decode("latin-1").strip(BLANKS)
        if name in headers:
            if name in UNREPEATABLE:
                raise BadRequest(400, f"there are several headers {name}")
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def skip_empty_lines(line: bytes, stream: BinaryIO) -> bytes:
    """Return the first line that is not empty, because old clients send an empty line after a body.

    Args:
        line: The line that was read.
        stream: The connection, after that line.

    Returns:
        The line; empty if the connection ended.
    """
    for _ in range(MOST_EMPTY_LINES):
        if line != LINE_END:
            break
        line = stream.readline(LONGEST_LINE + 1)
    return line


def read_request_line(line: bytes) -> tuple[str, str, str]:
    """Return the method, the target (still quoted), and the version.

    Raises:
        BadRequest: It is not a request line, or too long.
    """
    if len(line) > LONGEST_LINE:
        raise BadRequest(414, "the request line is too long")
    match = REQUEST_LINE.fullmatch(line)
    if match is None:
        raise BadRequest(400, "not an HTTP/1.1 request")
    method, target, version = (part.decode() for part in match.groups())
    return method, target, version


def check_head(path: str, headers: Mapping[str, str]) -> None:
    """Check the parts of a head together.

    Args:
        path: The target of the request, still quoted.
        headers: By lower-case name.

    Raises:
        BadRequest: The target is not a path, or there is no Host header.
    """
    if not path.startswith("/"):  # a full URL, whose host could differ from the header's
        raise BadRequest(400, "what is asked for is not a path")
    if "host" not in headers:
        raise BadRequest(400, "a request needs a Host header")


def persists(version: str, connection: str) -> bool:
    """Return whether a connection stays open after a request.

    Args:
        version: ``HTTP/1.0`` or newer, as the request line says.
        connection: The values of its Connection header.

    Returns:
        True if it does.
    """
    options = {one.strip(BLANKS).lower() for one in connection.split(",")}
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
        """Return the body. Raises BadRequest if it is too large or incomplete."""
        return _chunked(stream) if self.chunked else _exactly(stream, self.length)


def framing(version: str, headers: Mapping[str, str]) -> Framing:
    """Return where the body of a request ends.

    Args:
        version: ``HTTP/1.0`` or newer, as the request line says.
        headers: By lower-case name.

    Returns:
        The framing; that of an empty body if the head does not mention one.

    Raises:
        BadRequest: It is ambiguous, or the body is longer than ``LARGEST_BODY``.
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
    read_headers(stream)  # the trailers, which are ignored
    return bytes(body)


def _chunk_size(stream: BinaryIO) -> int:
    match = CHUNK.fullmatch(_line(stream))
    if match is None:
        raise BadRequest(400, "a chunk does not begin with its size")
    return _bounded(int(match[1], 16))


def _line(stream: BinaryIO) -> bytes:
    line = stream.readline(LONGEST_LINE + 1)
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
    # int() also accepts "+5", "1_0", and digits of other scripts.
    if DECIMAL.fullmatch(text) is None:
        raise BadRequest(400, "a length is not a number")
    return _bounded(int(text))


def _bounded(size: int) -> int:
    if size > LARGEST_BODY:
        raise BadRequest(413, "the body is too large")
    return size
