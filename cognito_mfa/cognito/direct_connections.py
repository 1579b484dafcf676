"""Sockets for direct calls, with a botocore client's timeouts and certificates.

urllib3 and ``http.client.HTTPConnection`` take several times the processor time for sending a request and reading its
answer, and two packets for the request (``benchmarks/README.md``). urllib3 also knows proxies and client certificates:
where a client uses one of them, there are no direct calls.
"""

from __future__ import annotations

import io
import re
import socket
import ssl
import weakref
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

PORTS = {"https": 443, "http": 80}
AT_ONCE = 65_536  # bytes to read, and those of the longest headers that are read here
# The statuses that Cognito has, none of which is without a body or followed by another answer.
STATUS = re.compile(rb"HTTP/1\.1 ([2345][0-9]{2})(?: [^\x00-\x1f]*)?")
END = re.compile(rb"\r?\n\r?\n")  # of the headers
BODILESS = (204, 205, 304)
HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f]*)")
LENGTH = re.compile(r"[0-9]{1,6}")  # no longer than ``integrity`` allows


class RawAnswer(NamedTuple):
    """An answer as it came: its status, its headers by their names in lower case, and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Head(NamedTuple):
    """What precedes the body of an answer whose length it says."""

    status: int
    headers: Mapping[str, str]
    length: int


class Connections:
    """Connections to one address. Each carries one request at a time and is kept for the next one.

    There are no more of them than calls at a time, which ``deadline`` limits.
    """

    def __init__(self, url: str, *, timeouts: tuple[float, float], cafile: str | None) -> None:
        """Connect to nothing yet.

        Args:
            url: of the address.
            timeouts: seconds to connect, and for each packet of an answer.
            cafile: with the certificates of those who may vouch for the address; None where it does not use TLS.
        """
        parts = urlsplit(url)
        self._host = str(parts.hostname)
        self._port = parts.port or PORTS[parts.scheme]
        self._url, self._timeouts = url, timeouts
        self._tls = None if cafile is None else _tls(cafile)
        self._idle: list[socket.socket] = []
        weakref.finalize(self, _close_all, self._idle)

    def send(self, request: bytes) -> RawAnswer:
        """Send ``request``, a POST with its headers and its body, and return the answer.

        Raises:
            BotoCoreError: the one that a client of botocore raises.
        """
        connection = self._take()
        try:
            connection.sendall(request)
            answer, ends = _read(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, (OSError, HTTPException)):
                raise self._lost(error) from None
            raise
        if ends:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close the connections that carry no request."""
        _close_all(self._idle)

    def _take(self) -> socket.socket:
        """Return a connection that is open, the last one used if there is any."""
        from urllib3.util import wait_for_read

        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            # What can be read before anything was asked is the end of the connection.
            if not wait_for_read(connection, timeout=0):
                return connection
            connection.close()
        try:
            return self._connect()
        except OSError as error:
            raise self._not_connected(error) from None

    def _connect(self) -> socket.socket:
        to_connect, to_read = self._timeouts
        connection = socket.create_connection((self._host, self._port), to_connect)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_hostname=self._host)
            connection.settimeout(to_read)
        except BaseException:
            connection.close()
            raise
        return connection

    def _not_connected(self, error: OSError) -> Exception:
        from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, SSLError

        kind: Any = EndpointConnectionError
        if isinstance(error, TimeoutError):
            kind = ConnectTimeoutError
        elif isinstance(error, ssl.SSLError):
            kind = SSLError
        found: Exception = kind(endpoint_url=self._url, error=error)
        return found

    def _lost(self, error: OSError | HTTPException) -> Exception:
        from botocore.exceptions import ConnectionClosedError, HTTPClientError, ReadTimeoutError

        if isinstance(error, TimeoutError):
            return ReadTimeoutError(endpoint_url=self._url, error=error)
        if isinstance(error, ConnectionError):
            return ConnectionClosedError(endpoint_url=self._url, error=error)
        return HTTPClientError(error=error)


def _tls(cafile: str) -> ssl.SSLContext:
    """Return botocore's own way to use TLS; urllib3 compares names in certificates itself."""
    from botocore.httpsession import create_urllib3_context

    context: ssl.SSLContext = create_urllib3_context()
    context.check_hostname, context.verify_mode = True, ssl.CERT_REQUIRED
    context.load_verify_locations(cafile)
    return context


def _read(connection: socket.socket) -> tuple[RawAnswer, bool]:
    """Return the answer, and whether the connection ends with it."""
    came = bytearray()
    while (end := END.search(came)) is None:
        more = connection.recv(AT_ONCE)
        came += more
        if not more or len(came) > AT_ONCE:
            return _read_any(connection, came)
    head = _head(bytes(came[: end.start()]))
    if head is None:
        return _read_any(connection, came)
    del came[: end.end()]
    while len(came) < head.length:
        more = connection.recv(AT_ONCE)
        if not more:
            raise IncompleteRead(bytes(came), head.length - len(came))
        came += more
    # What follows an answer that no one asked for is no answer to the next request.
    ends = len(came) > head.length or "close" in head.headers.get("connection", "").lower()
    return RawAnswer(head.status, head.headers, bytes(came[: head.length])), ends


def _head(text: bytes) -> Head | None:
    """Return what ``text`` says; None where ``http.client`` has to decide what it means."""
    first, *lines = text.split(b"\r\n")
    status, found = STATUS.fullmatch(first), [HEADER.fullmatch(line) for line in lines]
    if status is None or int(status[1]) in BODILESS or None in found:
        return None
    pairs = [(one[1].decode("ascii").lower(), one[2].decode("latin-1")) for one in found if one]
    headers = {name: value.rstrip(" \t") for name, value in pairs}
    length = headers.get("content-length", "")
    is_odd = len(headers) < len(pairs) or "transfer-encoding" in headers
    if is_odd or LENGTH.fullmatch(length) is None:
        return None
    return Head(int(status[1]), headers, int(length))


def _read_any(connection: socket.socket, came: bytearray) -> tuple[RawAnswer, bool]:
    """Return the answer as ``http.client`` reads it.

    Args:
        connection: that it comes on.
        came: what was read of it already.
    """
    again = cast(socket.socket, _Again(connection, came))
    with HTTPResponse(again, method="POST") as response:
        response.begin()
        body = response.read()
        names = dict.fromkeys(name.lower() for name in response.headers)
        headers = {name: ", ".join(response.headers.get_all(name, [])) for name in names}
        return RawAnswer(response.status, headers, body), response.will_close


class _Again(io.RawIOBase):
    """A connection from which what was read already is read again."""

    def __init__(self, connection: socket.socket, came: bytearray) -> None:
        self._connection, self._came = connection, came

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._came:
            return self._connection.recv_into(buffer)
        count = min(len(buffer), len(self._came))
        buffer[:count] = self._came[:count]
        del self._came[:count]
        return count


def _close_all(idle: list[socket.socket]) -> None:
    while idle:
        idle.pop().close()
