"""A client's connection to the local Cognito, over ``http.server``.

The application answers each request, and the response is written, faults included, on the real
socket.
"""

from __future__ import annotations

import json
import logging
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast
from urllib.parse import parse_qsl

from cognito_mfa.local.wire import strict_http
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

if TYPE_CHECKING:
    from socketserver import BaseServer

logger = logging.getLogger(__name__)

NO_CONTENT = 204
INTERNAL_ERROR = "The local Cognito failed; its log has the traceback."
NOTHING_HERE = "The local Cognito has nothing here. Its API takes POST requests."
ANOTHER_SITE = "The local Cognito does not do this for a page of another site."
UNKNOWN_HOST = (
    "The local Cognito answers to {hosts}, and was asked by another name. "
    "--allow-host NAME adds one (allow_hosts, where Python starts it)."
)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Application(Protocol):
    """What answers the requests: a LocalCognito."""

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


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request that was read whole. ``path`` and ``query`` are still quoted; ``headers`` are by
    lower-case name."""

    method: str
    path: str
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    raw_requestline: bytes
    protocol_version = "HTTP/1.1"
    # An unreadable request line gets a status line too.
    request_version = default_request_version = "HTTP/1.0"
    disable_nagle_algorithm = True
    #: Buffered, so that head and body leave together.
    wbufsize = -1

    def __init__(
        self,
        application: Application,
        hosts: Hosts,
        connection: socket.socket,
        address: Any,
        server: BaseServer,
    ) -> None:
        """Serve a connection until it ends.

        Args:
            application: What answers.
            hosts: The names by which clients may call it.
            connection: The client's.
            address: The client's, as the socket gives it.
            server: The server that accepted the connection.
        """
        self._application = application
        self._hosts = hosts
        super().__init__(connection, address, server)

    def parse_request(self) -> bool:
        """Let the library read a head of which no line can be read in two ways."""
        stream = self._stream
        self.rfile = cast("Any", strict_http.HeaderLines(stream))
        try:
            strict_http.check_request_line(self.raw_requestline)
            parsed = super().parse_request()
            if parsed:
                strict_http.check_head(self.path, self.headers.get("host"))
        except strict_http.BadRequest as error:
            self.send_error(error.status, error.text)
            return False
        finally:
            self.rfile = cast("Any", stream)
        return parsed

    def handle_expect_100(self) -> bool:
        """Tell a client that waits to send its body."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what cannot be read, and end the connection.

        Args:
            code: The status of the response.
            message: Why; the status's own phrase unless given.
            explain: Not shown.
        """
        self.close_connection = True
        self._send(_closed(_text(code, message or self.responses[code][0])))

    def do_POST(self) -> None:
        """Answer a request, whatever its method."""
        try:
            response = self._respond(self._read())
        except strict_http.BadRequest as error:
            self.send_error(error.status, error.text)
        except NoAnswer:
            self._wait_until_given_up()
        except Disruption:
            self._reset()
        else:
            self._send(response)

    do_DELETE = do_GET = do_OPTIONS = do_PATCH = do_PUT = do_POST  # noqa: N815

    @property
    def _stream(self) -> BinaryIO:
        return cast("BinaryIO", self.rfile)

    def _read(self) -> HttpRequest:
        """Raises BadRequest."""
        headers = {name.lower(): value.strip() for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        body = strict_http.read_body(self._stream, headers)
        return HttpRequest(self.command, path, query, headers, body)

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
        base = f"http://{request.headers['host']}"
        document = self._application.document(request.path, base)
        if document is None:
            return _text(404, NOTHING_HERE)
        return respond(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    def _send(self, response: WireResponse) -> None:
        delimited = response.cut is None and "Content-Length" in response.headers
        if not delimited and response.status != NO_CONTENT:
            self.close_connection = True
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value.encode("latin-1", "replace").decode("latin-1"))
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()
        for piece in response.pieces():
            self.wfile.write(piece)
            self.wfile.flush()

    def _wait_until_given_up(self) -> None:
        self.close_connection = True
        while self._stream.read(1):
            pass

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


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
    """403, as its reader expects it: a program's library, or a person at a browser."""
    if request.method == "POST" and "x-amz-target" in request.headers:
        response = Answer.failure("AccessDeniedException", text, 403).response()
    else:
        response = _text(403, text)
    return _closed(response)


def _closed(response: WireResponse) -> WireResponse:
    return replace(response, headers={**response.headers, **CLOSED})


def _text(status: int, text: str) -> WireResponse:
    return respond(status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})
