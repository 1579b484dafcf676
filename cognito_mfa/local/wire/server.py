"""The door over HTTP/1.1: a thread per connection, kept alive, without delay. It reads requests,
hands them to the protocol and writes what comes back, faults included, on the real socket. It is
written for one developer's machine and must never face a network."""

from __future__ import annotations

import json
import logging
import socket
import struct
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType
from typing import Any, BinaryIO, Protocol
from urllib.parse import parse_qsl

from cognito_mfa.local.wire.messages import (
    Answer,
    Disruption,
    NoAnswer,
    WebRequest,
    WireRequest,
    WireResponse,
    respond,
)
from cognito_mfa.local.wire.origins import CLOSED, Access, Caller, Hosts, preflight
from cognito_mfa.local.wire.reading import BadRequest, HttpRequest, read_request

logger = logging.getLogger(__name__)

NO_CONTENT = 204
INTERNAL_ERROR = "The local Cognito failed; its log has the traceback."
NOTHING_HERE = "The local Cognito has nothing here. Its API takes POST requests."
ANOTHER_SITE = "The local Cognito does not do this for a page of another site."
UNKNOWN_HOST = (
    "The local Cognito answers to {hosts}, and was asked by another name. "
    "--allow-host NAME adds one (allow_hosts, where Python starts it)."
)
REASONS = {
    200: "OK",
    204: "No Content",
    302: "Found",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Application(Protocol):
    """What stands behind the door."""

    def access(self, path: str) -> Access:
        """What is at this path, for pages of other origins."""
        ...

    def answer(self, request: WireRequest) -> WireResponse: ...

    def document(self, path: str, base: str) -> Mapping[str, Any] | None:
        """What a GET of this path shows; None is 404. ``base`` is how the client names us."""
        ...

    def web(self, request: WebRequest) -> WireResponse | None:
        """The answer of managed login; None where it has no such page."""
        ...


class HttpServer:
    """A listening socket and the threads behind it, as a context manager."""

    def __init__(
        self, application: Application, *, host: str, port: int, allow_hosts: Iterable[str] = ()
    ) -> None:
        """``allow_hosts`` are names besides the loopback's by which clients may call us. Raises
        ValueError for what is none, OSError when the port is taken."""
        self._application = application
        self._host = host
        self.hosts = Hosts(host, allow_hosts)
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

    def __enter__(self) -> HttpServer:
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
            self._start(Connection(self._application, self.hosts, connection, self._forget).serve)

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
        hosts: Hosts,
        connection: socket.socket,
        forget: Callable[[socket.socket], None],
    ) -> None:
        self._application = application
        self._hosts = hosts
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
            self._send(_closed(_text(error.status, error.text)), keeps_alive=False)
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
            return _closed(Answer.failure("InternalErrorException", INTERNAL_ERROR, 500).response())

    def _route(self, request: HttpRequest) -> WireResponse:
        caller = Caller.of(request.headers)
        if not self._hosts.include(caller.host):
            return _refused(request, UNKNOWN_HOST.format(hosts=self._hosts))
        access = self._application.access(request.path)
        if request.method == "OPTIONS":
            return WireResponse(NO_CONTENT, preflight(access), b"")
        if not caller.may(request.method, access):
            return _refused(request, ANOTHER_SITE)
        response = self._answer(request)
        headers = {**response.headers, **caller.headers(request.method, access)}
        return replace(response, headers=headers)

    def _answer(self, request: HttpRequest) -> WireResponse:
        page = self._application.web(_web_request(request))
        if page is not None:
            return page
        if request.method == "POST":
            return self._application.answer(_wire_request(request))
        if request.method != "GET":
            return _text(405, f"{request.method} is not spoken here")
        document = self._application.document(request.path, f"http://{request.host}")
        if document is None:
            return _text(404, NOTHING_HERE)
        return respond(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

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


def _wire_request(request: HttpRequest) -> WireRequest:
    headers = request.headers
    return WireRequest(headers.get("x-amz-target", ""), request.body, "authorization" in headers)


def _web_request(request: HttpRequest) -> WebRequest:
    posted = request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    form = request.body.decode("utf-8", "replace") if posted else ""
    authorization = request.headers.get("authorization", "")
    return WebRequest(
        request.method, request.path, _values(request.query), _values(form), authorization
    )


def _values(text: str) -> dict[str, str]:
    return dict(reversed(parse_qsl(text)))


def _refused(request: HttpRequest, text: str) -> WireResponse:
    """403, as its reader expects it: a program's library, or somebody at a browser."""
    if request.method == "POST" and "x-amz-target" in request.headers:
        response = Answer.failure("AccessDeniedException", text, 403).response()
    else:
        response = _text(403, text)
    return _closed(response)


def _closed(response: WireResponse) -> WireResponse:
    return replace(response, headers={**response.headers, **CLOSED})


def _text(status: int, text: str) -> WireResponse:
    return respond(status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})
