"""A client's connection to the local Cognito, over ``http.server``.

The application answers each request. The handler writes the response to the real socket, including
faults.
"""

from __future__ import annotations

import logging
import socket
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast
from urllib.parse import parse_qsl

from cognito_mfa.local.json_text import compact
from cognito_mfa.local.persistence import StateFileError
from cognito_mfa.local.wire import strict_http
from cognito_mfa.local.wire.messages import (
    Answer,
    ControlRequest,
    Disruption,
    NoAnswer,
    WebRequest,
    WireRequest,
    WireResponse,
    respond,
)
from cognito_mfa.local.wire.origins import CLOSED, Access, Caller, Hosts, Place, preflight

if TYPE_CHECKING:
    from socketserver import BaseServer

logger = logging.getLogger(__name__)

Pairs = Sequence[tuple[str, str]]

NO_CONTENT = 204
INTERNAL_ERROR = "The local Cognito failed; its log has the traceback."
NOTHING_HERE = "The local Cognito has nothing here. Its API takes POST requests."
ANOTHER_SITE = "The local Cognito does not do this for a page of another site."
UNKNOWN_HOST = (
    "The local Cognito answers to {hosts}, and was asked by another name. "
    "--allow-host NAME adds one (allow_hosts, where Python starts it)."
)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
#: How long a client may continue to send after its last response: seconds of silence, and bytes.
LINGERS = 2.0
MOST_IGNORED = 256 * 1024 * 1024


class Application(Protocol):
    """What answers requests: a LocalCognito."""

    def place(self, path: str) -> Place:
        """Return what is at a path."""
        ...

    def answer(self, request: WireRequest) -> WireResponse: ...

    def control(self, request: ControlRequest) -> WireResponse:
        """Return the response to a request that reads or changes how a test runs."""
        ...

    def document(self, path: str, base: str) -> Mapping[str, Any] | None:
        """Return the response to a GET request for a document.

        Args:
            path: The path of the request.
            base: The scheme and host in the client's request.
        """
        ...

    def web(self, request: WebRequest) -> WireResponse:
        """Return the response of managed login."""
        ...


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request with its body.

    ``path`` and ``query`` are still quoted. The names of ``headers`` are in lower case.
    """

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
            application: What answers requests.
            hosts: The names by which clients may call it.
            connection: The client's socket.
            address: The client's address, as the socket returns it.
            server: The server that accepted the connection.
        """
        self._application = application
        self._hosts = hosts
        self._resets = False
        super().__init__(connection, address, server)

    def parse_request(self) -> bool:
        """Read the request line and the headers, more strictly than the library does."""
        stream = self._stream
        self.command, self.request_version = "", self.default_request_version
        self.close_connection = True
        self.raw_requestline = strict_http.skip_empty_lines(self.raw_requestline, stream)
        if not self.raw_requestline:
            return False
        try:
            head = strict_http.read_request_line(self.raw_requestline)
            self.command, self.path, self.request_version = head
            self._headers = strict_http.read_headers(stream)
            strict_http.check_head(self.path, self._headers)
        except strict_http.BadRequest as error:
            self.send_error(error.status, error.text)
            return False
        connection = self._headers.get("connection", "")
        self.close_connection = not strict_http.persists(self.request_version, connection)
        return True

    def handle_expect_100(self) -> bool:
        """Go on without an answer. ``_read`` answers the client after its headers were accepted."""
        return True

    def finish(self) -> None:
        """End the connection so that its last response arrives.

        Closing a socket with unread bytes resets the connection. A client that is still writing would never
        read why it was refused.
        """
        with suppress(OSError):
            super().finish()
            if not self._resets:
                self._linger()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse a request that cannot be read, and end the connection.

        Args:
            code: The status of the response.
            message: The reason; the phrase of the status unless given.
            explain: Not shown.
        """
        self.close_connection = True
        self._send(_closed(_text(code, message or self.responses[code][0])))

    def do_POST(self) -> None:
        """Answer a request of any method."""
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

    do_DELETE = do_GET = do_HEAD = do_OPTIONS = do_PATCH = do_PUT = do_POST  # noqa: N815

    @property
    def _stream(self) -> BinaryIO:
        return cast("BinaryIO", self.rfile)

    def _read(self) -> HttpRequest:
        """Return the request with its body. Raises BadRequest."""
        headers = self._headers
        framing = strict_http.framing(self.request_version, headers)
        path, _, query = self.path.partition("?")
        if headers.get("expect", "").lower() == "100-continue" and not framing.is_empty:
            super().handle_expect_100()
        return HttpRequest(self.command, path, query, headers, framing.read(self._stream))

    def _respond(self, request: HttpRequest) -> WireResponse:
        caller = Caller.of(request.headers)
        if not self._hosts.include(caller.host):
            return _refused(request, UNKNOWN_HOST.format(hosts=self._hosts))
        place = self._application.place(request.path)
        if request.method == "OPTIONS":
            headers = {**preflight(place.access), "Allow": place.allow}
            return WireResponse(NO_CONTENT, headers, b"")
        if request.method == "HEAD" and not place.changes:
            request = replace(request, method="GET")
        if not caller.may(request.method, place.access):
            return _refused(request, ANOTHER_SITE)
        response = self._answer_or_fail(request, place)
        return response.with_headers(caller.headers(request.method, place.access))

    def _answer_or_fail(self, request: HttpRequest, place: Place) -> WireResponse:
        try:
            return self._answer(request, place)
        except Disruption:
            raise
        except Exception as error:
            logger.exception("the local Cognito failed")
            self.close_connection = True
            # A problem with the state file, such as a full disk, is for the user who started the server.
            text = str(error) if isinstance(error, StateFileError) else INTERNAL_ERROR
            return Answer.failure("InternalErrorException", text, 500).response()

    def _answer(self, request: HttpRequest, place: Place) -> WireResponse:
        if request.method not in place.methods:
            return _not_allowed(request, place)
        if place.access is Access.OPERATIONS:
            return self._application.answer(_wire_request(request))
        if place.access in {Access.PAGE, Access.ENDPOINT}:
            return self._application.web(_web_request(request))
        if place.access is Access.CONTROL:
            return self._application.control(_control_request(request))
        document = self._application.document(request.path, f"http://{request.headers['host']}")
        return respond(200, compact(document).encode(), {"Content-Type": "application/json"})

    def _send(self, response: WireResponse) -> None:
        delimited = response.cut is None and "Content-Length" in response.headers
        if not delimited and response.status != NO_CONTENT:
            self.close_connection = True
        head, pieces = self._head(response), response.pieces()
        # In one write with the head, so that both are sent together.
        body = b"" if self.command == "HEAD" else next(pieces, b"")
        self.wfile.write(head + body)
        if self.command != "HEAD":
            for piece in pieces:
                self.wfile.write(piece)

    def _head(self, response: WireResponse) -> bytes:
        phrase = self.responses.get(response.status, ("",))[0]  # a fault may have any status
        lines = [f"{self.protocol_version} {response.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines.append(f"Connection: {'close' if self.close_connection else 'keep-alive'}\r\n\r\n")
        return "\r\n".join(lines).encode("latin-1", "replace")

    def _wait_until_given_up(self) -> None:
        self.close_connection = True
        while self._stream.read(1):
            pass

    def _linger(self) -> None:
        """Read what the client still sends, without answering it."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(LINGERS)
        ignored = 0
        while ignored < MOST_IGNORED and (data := self.connection.recv(65536)):
            ignored += len(data)

    def _reset(self) -> None:
        self.close_connection = self._resets = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def _wire_request(request: HttpRequest) -> WireRequest:
    headers = request.headers
    return WireRequest(headers.get("x-amz-target", ""), request.body, "authorization" in headers)


def _web_request(request: HttpRequest) -> WebRequest:
    posted = _media_type(request) == "application/x-www-form-urlencoded"
    query, form = (
        parse_qsl(request.query),
        parse_qsl(request.body.decode("utf-8", "replace") if posted else ""),
    )
    return WebRequest(
        request.method,
        request.path,
        _first(query),
        _first(form),
        request.headers.get("authorization", ""),
        request.query,
        frozenset(name for name, count in _counted(query, form) if count > 1),
    )


def _control_request(request: HttpRequest) -> ControlRequest:
    return ControlRequest(request.method, request.path, _media_type(request), request.body)


def _media_type(request: HttpRequest) -> str:
    """Return the media type of the body, in lower case and without parameters."""
    kind = request.headers.get("content-type", "").partition(";")[0]
    return kind.strip(strict_http.BLANKS).lower()


def _not_allowed(request: HttpRequest, place: Place) -> WireResponse:
    """Return a 405; or a 404 to a GET of a path of the API, which has nothing to read."""
    if place.access is Access.OPERATIONS and request.method == "GET":
        return _text(404, NOTHING_HERE)
    response = _text(405, f"{request.method} is not allowed here; {place.allow} are.")
    return response.with_headers({"Allow": place.allow})


def _first(pairs: Pairs) -> dict[str, str]:
    """Return the first value of each name, in the order of the request."""
    values: dict[str, str] = {}
    for name, value in pairs:
        values.setdefault(name, value)
    return values


def _counted(*parts: Pairs) -> Iterator[tuple[str, int]]:
    """Yield each name of a part with the number of times that it is in the part."""
    for pairs in parts:
        yield from Counter(name for name, _ in pairs).items()


def _refused(request: HttpRequest, text: str) -> WireResponse:
    """Return a 403 in the form that its reader expects: an AWS SDK, or a user with a browser."""
    if request.method == "POST" and "x-amz-target" in request.headers:
        response = Answer.failure("AccessDeniedException", text, 403).response()
    else:
        response = _text(403, text)
    return _closed(response)


def _closed(response: WireResponse) -> WireResponse:
    return response.with_headers(CLOSED)


def _text(status: int, text: str) -> WireResponse:
    return respond(status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8"})
