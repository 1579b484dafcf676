"""The door over HTTP/1.1: a thread per connection, kept alive, without delay. It reads requests,
hands them to the protocol and writes what comes back, faults included, on the real socket. It is
written for one developer's machine and must never face a network."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, BinaryIO, Protocol
from urllib.parse import parse_qsl

from cognito_mfa.local.wire import (
    Answer,
    Disruption,
    NoAnswer,
    WebRequest,
    WireRequest,
    WireResponse,
    respond,
)

logger = logging.getLogger(__name__)

NO_CONTENT = 204
LONGEST_LINE = 65536
MOST_HEADERS = 200
WELL_KNOWN = "/.well-known/"
LARGEST_BODY = 4 * 1024 * 1024
INTERNAL_ERROR = "The local Cognito failed; its log has the traceback."
REASONS = {200: "OK", 204: "No Content", 302: "Found", 400: "Bad Request", 404: "Not Found"}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
#: Browsers call Cognito directly (facts section 10).
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date",
}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "POST,GET,OPTIONS",
    # SECURITY: "*" leaves out Authorization, so a page that a developer happens to visit cannot
    # call the IAM operations, which believe any signature.
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "600",
}


class Application(Protocol):
    """What stands behind the door."""

    def answer(self, request: WireRequest) -> WireResponse: ...

    def document(self, path: str, base: str) -> Mapping[str, Any] | None:
        """What a GET of this path shows; None is 404. ``base`` is how the client names us."""
        ...

    def web(self, request: WebRequest) -> WireResponse | None:
        """The answer of managed login; None where it has no such page."""
        ...


class BadRequest(Exception):
    """What came is not HTTP as we speak it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: str
    path: str
    version: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def keeps_alive(self) -> bool:
        modern = self.version == "HTTP/1.1"
        return modern and self.headers.get("connection", "").lower() != "close"


class HttpDoor:
    """A listening socket and the threads behind it, as a context manager."""

    def __init__(self, application: Application, *, host: str, port: int) -> None:
        self._application = application
        self._host = host
        self._connections: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._listener = self._listen(port)
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    def __enter__(self) -> HttpDoor:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Closes everything and waits for the threads."""
        self._stopping.set()
        self._close_all()
        for thread in list(self._threads):
            thread.join(timeout=5)

    @contextmanager
    def down(self) -> Generator[None]:
        """Nobody listens: connections are refused until the end of the block."""
        self.stop()
        try:
            yield
        finally:
            self._stopping.clear()
            self._listener = self._listen(self.port)
            self._start(self._accept)

    def _listen(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        return socket.create_server((self._host, port), family=family, backlog=128)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=self._run, args=[work], daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            if self._stopping.is_set():  # came in just as everything was being closed
                self._forget(connection)
                return
            self._start(Connection(self._application, connection, self._forget).serve)

    def _forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)
        connection.close()

    def _close_all(self) -> None:
        with suppress(OSError):
            # Wakes accept(), which close() alone does not do everywhere.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Connection:
    """One client's connection, request after request."""

    def __init__(
        self,
        application: Application,
        connection: socket.socket,
        forget: Callable[[socket.socket], None],
    ) -> None:
        self._application = application
        self._socket = connection
        self._forget = forget

    def serve(self) -> None:
        try:
            with self._socket.makefile("rb") as stream:
                while self._serve_one(stream):
                    pass
        except OSError:
            pass  # the client went away, or the door is closing
        finally:
            self._forget(self._socket)

    def _serve_one(self, stream: BinaryIO) -> bool:
        """Whether the connection goes on."""
        try:
            request = read_request(stream, lambda: self._socket.sendall(CONTINUE))
        except BadRequest as error:
            self._send(_text(error.status, error.text), keeps_alive=False)
            return False
        if request is None:
            return False
        try:
            response = self._respond(request)
        except NoAnswer:
            self._wait_until_given_up(stream)
            return False
        except Disruption:
            self._reset()
            return False
        return self._send(response, keeps_alive=request.keeps_alive)

    def _respond(self, request: HttpRequest) -> WireResponse:
        try:
            return self._route(request)
        except Disruption:
            raise
        except Exception:
            logger.exception("the local Cognito failed")
            return Answer.failure("InternalErrorException", INTERNAL_ERROR, 500).response()

    def _route(self, request: HttpRequest) -> WireResponse:
        page = self._application.web(_web_request(request))
        if page is not None:
            return page
        if request.method == "POST":
            return _with_cors(self._application.answer(_wire_request(request)))
        if request.method == "OPTIONS":
            return WireResponse(204, PREFLIGHT, b"")
        if request.method != "GET":
            return _text(405, f"{request.method} is not spoken here")
        base = f"http://{request.headers.get('host', 'localhost')}"
        document = self._application.document(request.path, base)
        if document is None:
            return _text(404, "The local Cognito has nothing here. Its API takes POST requests.")
        headers = {"Content-Type": "application/json"}
        response = respond(200, json.dumps(document).encode(), headers)
        # SECURITY: a page in a browser may read public documents and nothing else, above all not
        # the outbox.
        return _with_cors(response) if WELL_KNOWN in request.path else response

    def _send(self, response: WireResponse, *, keeps_alive: bool) -> bool:
        delimited = response.cut is None and "Content-Length" in response.headers
        keeps_alive = keeps_alive and (delimited or response.status == NO_CONTENT)
        lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Error')}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines += ["Connection: " + ("keep-alive" if keeps_alive else "close"), "", ""]
        head = "\r\n".join(lines).encode("latin-1", "replace")
        for piece in response.pieces():
            self._socket.sendall(head + piece)
            head = b""
        return keeps_alive

    def _wait_until_given_up(self, stream: BinaryIO) -> None:
        while stream.read(1):
            pass

    def _reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def read_request(stream: BinaryIO, on_expect: Callable[[], None]) -> HttpRequest | None:
    """None at the end of the connection. ``on_expect`` tells a client that waits for it to send
    its body. Raises BadRequest."""
    line = _line(stream)
    if not line:
        return None
    method, _, rest = line.partition(" ")
    path, _, version = rest.rpartition(" ")
    if not path or not version.startswith("HTTP/1."):
        raise BadRequest(400, "not an HTTP/1.1 request")
    headers = _headers(stream)
    if headers.get("expect", "").lower() == "100-continue":
        on_expect()
    return HttpRequest(method, path, version, headers, _body(stream, headers))


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
        headers[name.strip().lower()] = value.strip()
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


def _wire_request(request: HttpRequest) -> WireRequest:
    headers = request.headers
    return WireRequest(headers.get("x-amz-target", ""), request.body, "authorization" in headers)


def _web_request(request: HttpRequest) -> WebRequest:
    path, _, query = request.path.partition("?")
    posted = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    form = request.body.decode("utf-8", "replace") if posted else ""
    authorization = request.headers.get("authorization", "")
    return WebRequest(request.method, path, _values(query), _values(form), authorization)


def _values(text: str) -> dict[str, str]:
    return dict(reversed(parse_qsl(text)))


def _with_cors(response: WireResponse) -> WireResponse:
    headers = {**response.headers, **CORS}
    return replace(response, headers=headers)


def _text(status: int, text: str) -> WireResponse:
    return respond(status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})
