"""A client that costs almost nothing: JSON over one open socket.

Every local Cognito accepts its signature. The work of an SDK or of ``http.client`` would hide the differences that the
benchmarks measure: on two processors, the client takes processor time from the servers.
"""

from __future__ import annotations

import json
import re
import socket
import time
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

#: Seconds after which a server may have closed a connection; Node.js does after five.
IDLE = 3.0
PATIENCE = 60.0
HEAD = (
    "POST / HTTP/1.1\r\n"
    "Host: {host}\r\n"
    "Accept-Encoding: identity\r\n"
    "Content-Type: application/x-amz-json-1.1\r\n"
    "Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/cognito-idp/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64 + "\r\n"
    "X-Amz-Date: 20260101T000000Z\r\n"
    "X-Amz-Target: AWSCognitoIdentityProviderService.{operation}\r\n"
    "Content-Length: {length}\r\n\r\n"
)
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code
        self.message = message


class Client:
    """One connection, opened at the first call; not for several threads at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        self._host = parts.netloc
        self._socket: socket.socket | None = None
        self._read = b""
        self._used_at = 0.0

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._close()

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Raises Refused, and OSError where nobody answers."""
        status, text = self.exchange(operation, parameters)
        try:
            answer = json.loads(text or b"{}")
        except ValueError:
            raise Refused(operation, f"HTTP {status}", text[:200].decode("latin-1")) from None
        if status != HTTPStatus.OK:
            code = str(answer.get("__type", f"HTTP {status}")).rpartition("#")[2]
            raise Refused(operation, code, str(answer.get("message", answer.get("Message", ""))))
        return dict(answer)

    def exchange(self, operation: str, parameters: dict[str, Any]) -> tuple[int, bytes]:
        """The status and the body, whatever they are."""
        body = json.dumps(parameters)
        head = HEAD.format(host=self._host, operation=operation, length=len(body))
        try:
            self._connected().sendall((head + body).encode())
            return self._response()
        except OSError:
            self._close()
            raise

    def _connected(self) -> socket.socket:
        now = time.monotonic()
        if now - self._used_at > IDLE:
            self._close()
        self._used_at = now
        if self._socket is None:
            self._socket = socket.create_connection(self._address, PATIENCE)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _response(self) -> tuple[int, bytes]:
        while (end := self._read.find(b"\r\n\r\n")) < 0:
            self._more()
        head, self._read = self._read[: end + 2], self._read[end + 4 :]
        status = int(head[9:12])
        if status == HTTPStatus.CONTINUE:
            return self._response()
        length = LENGTH.search(head)
        if length is not None:
            body = self._exactly(int(length[1]))
        else:
            body = self._chunks() if CHUNKED.search(head) else self._rest()
        if CLOSES.search(head) or head.startswith(b"HTTP/1.0"):
            self._close()
        return status, body

    def _exactly(self, size: int) -> bytes:
        while len(self._read) < size:
            self._more()
        data, self._read = self._read[:size], self._read[size:]
        return data

    def _chunks(self) -> bytes:
        body = b""
        while True:
            while (end := self._read.find(b"\r\n")) < 0:
                self._more()
            size = int(self._exactly(end + 2).split(b";")[0], 16)
            body += self._exactly(size + 2)[:-2]
            if size == 0:
                return body

    def _rest(self) -> bytes:
        try:
            while True:
                self._more()
        except ConnectionError:
            data = self._read
            self._close()
            return data

    def _more(self) -> None:
        assert self._socket is not None
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._read += data

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket, self._read = None, b""
