"""The gate for requests that Django's middleware doesn't see: WebSockets and mounted ASGI apps."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from io import BytesIO
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user, get_user_model
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.http import HttpResponse, HttpResponseBadRequest
from django.http.cookie import parse_cookie

from cognito_mfa.databases import current_rows
from cognito_mfa.enforcement import ended_sessions, gate, rollout
from cognito_mfa.enforcement.block_log import record_block
from cognito_mfa.enforcement.gate import Verdict
from cognito_mfa.values.setting_readers import MAX_SECONDS

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

CLOSE_CODE = 4403  # of a websocket: 403, in the range that is left to applications
GOODBYE = 10  # seconds that an application has to end, once its caller is blocked


class RequireMFA:
    """Blocks requests to ``app`` that ``RequireMFAMiddleware`` would block before a view.

    To be put around Channels' consumers, inside of what names their user, or around any ASGI application
    that is mounted beside Django's; never around Django's own, whose sign-in would be behind the gate.
    Visitors pass, as everywhere: a consumer that needs a signed-in user checks that itself.

    A connection that stays open, a websocket or a stream, is checked again, and closed when its user
    is blocked or has changed.

    Args:
        app: an ASGI application for ``websocket`` or ``http``.
        recheck: seconds from one look at an open connection to the next. Each look reads session and user.
    """

    def __init__(self, app: App, *, recheck: float = 60) -> None:
        if not 0 < recheck <= MAX_SECONDS:
            raise ValueError("recheck must be a number of seconds above zero, and no limitless one")
        self.app, self.recheck = app, recheck

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):  # of the server, such as "lifespan"
            await self.app(scope, receive, send)
            return
        scope = _with_one_cookie_header(scope)
        if _has_two_sessions(scope):
            # SECURITY: the application's parser may choose the other one, which was not judged.
            await _send(scope, receive, send, HttpResponseBadRequest())
            return
        first = await _look(scope)
        if not first.may_pass:
            await _send(scope, receive, send, await sync_to_async(_refusal)(scope))
            return
        connection = _Connection(receive, send, websocket=scope["type"] == "websocket")
        app = asyncio.ensure_future(self.app(scope, connection.receive, connection.send))
        try:
            await self._watch(app, scope, first, connection)
        finally:
            await connection.leave()
            await _stop(app)
        if not app.cancelled():
            await app  # what it raised is the server's to know

    async def _watch(
        self, app: asyncio.Future[None], scope: Message, first: _Look, connection: _Connection
    ) -> None:
        """Return when ``app`` has ended, or has had time to, after its caller was blocked."""
        while True:
            await asyncio.wait({app}, timeout=self.recheck)
            if app.done():
                return
            if not await _goes_on(scope, first):
                await connection.end()
                await asyncio.wait({app}, timeout=GOODBYE)
                return


async def _stop(app: asyncio.Future[None]) -> None:
    if not app.done():
        app.cancel()
        with suppress(asyncio.CancelledError):
            await app


async def _goes_on(scope: Message, first: _Look) -> bool:
    try:
        now = await _look(scope)
    except Exception:
        # SECURITY: a database that cannot be asked must not keep a connection open.
        logger.exception("connection_closed: the check of an open connection failed")
        return False
    return now.may_pass and now.people == first.people


class _Look:
    """What is known of a connection: whether it may stay open, and whose it is."""

    __slots__ = ("may_pass", "people")

    def __init__(self, *, may_pass: bool, people: tuple[str, str]) -> None:
        self.may_pass, self.people = may_pass, people


async def _look(scope: Message) -> _Look:
    # In a thread, where a connection to the database that broke overnight can be made anew.
    return await sync_to_async(_look_now)(scope)


def _look_now(scope: Message) -> _Look:
    close_old_connections()
    try:
        request = _request(scope)
        in_session = get_user(request)
        user = _named(scope, in_session)
        request.user = user
        people = str(in_session.pk), str(getattr(user, "pk", None))
        return _Look(may_pass=_may_pass(request, user), people=people)
    finally:
        close_old_connections()


def _request(scope: Message) -> Any:
    """Return a request with the session as it is now, however long the connection is open.

    It is the very session that the application has: of the scope, else by the cookies that were read for it.
    """
    request: Any = ASGIRequest({"method": "GET", **scope, "type": "http"}, BytesIO())
    engine = import_module(settings.SESSION_ENGINE)
    cookies = scope.get("cookies", request.COOKIES)
    key = cookies.get(settings.SESSION_COOKIE_NAME)
    # Another framework's session has no key, and is none of Django's.
    request.session = engine.SessionStore(getattr(scope.get("session"), "session_key", key))
    return request


def _with_one_cookie_header(scope: Message) -> Message:
    """Return ``scope`` with its Cookie headers in one, as HTTP/2 wants it.

    So every parser reads the same.
    """
    headers = list(scope.get("headers", ()))
    given = [value for name, value in headers if name.lower() == b"cookie"]
    if len(given) <= 1:
        return scope
    joined = b"; ".join(value.strip(b"; ") for value in given)
    others = [(name, value) for name, value in headers if name.lower() != b"cookie"]
    scope = {**scope, "headers": [*others, (b"cookie", joined)]}
    if "cookies" in scope:
        scope["cookies"] = parse_cookie(joined.decode("latin1"))
    return scope


def _has_two_sessions(scope: Message) -> bool:
    """Return whether the session cookie is there twice, for any parser.

    Some take a blank or a comma for an end.
    """
    name = re.escape(settings.SESSION_COOKIE_NAME.encode())
    given = [value for key, value in scope.get("headers", ()) if key.lower() == b"cookie"]
    return (
        len(re.findall(rb"(?:^|[;,\s\x85\xa0])" + name + rb"[\s\x85\xa0]*=", b"; ".join(given))) > 1
    )


def _named(scope: Message, in_session: Any) -> Any:
    """Return the user to judge: the one that other code named, such as by a token, or the session's."""
    named = scope.get("user")
    if named is None or not named.is_authenticated:
        return in_session
    if getattr(named, "pk", None) is None:  # of another framework: no user whom we could judge
        return None
    if named.pk == in_session.pk:
        return in_session
    users = current_rows(get_user_model()).select_related("cognito_identity")
    user = users.filter(pk=named.pk).first()  # as they are now
    return user if getattr(user, "is_active", True) else None


def _may_pass(request: Any, user: Any) -> bool:
    if user is None:
        return False
    if not user.is_authenticated:
        # Disabled or deleted in the pool is no visitor: the application may know a session by its own means.
        return gate.end_reason(request, None) is None
    verdict, person = gate.decide_for_user(request, user)
    if verdict is Verdict.WOULD_BLOCK:
        rollout.record_would_block(request, person)
    elif verdict is Verdict.BLOCK:
        record_block(request, person)
    return verdict is not Verdict.BLOCK


def _refusal(scope: Message) -> HttpResponse:
    if scope["type"] == "websocket":
        # No one reads it. The next page ends the session, because it can say why.
        return HttpResponse(status=403)
    close_old_connections()
    try:
        request = _request(scope)
        request.user = user = get_user(request)
        return ended_sessions.deny(request, user if user.is_authenticated else None)
    except DisallowedHost:
        return HttpResponseBadRequest()
    finally:
        close_old_connections()


async def _send(scope: Message, receive: Receive, send: Send, response: HttpResponse) -> None:
    if scope["type"] == "websocket":
        await receive()  # the request to connect; servers answer the handshake with 403
        await send({"type": "websocket.close", "code": CLOSE_CODE})
        return
    headers = [(name.lower().encode(), text.encode()) for name, text in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


class _Connection:
    """A connection that can be ended from this side, while the application uses it."""

    def __init__(self, receive: Receive, send: Send, *, websocket: bool) -> None:
        self._receive, self._send, self._websocket = receive, send, websocket
        self._ended = asyncio.Event()
        self._closed = False  # by the application itself
        self._next: asyncio.Future[Message] | None = None

    async def receive(self) -> Message:
        """Return the next message; that the caller is gone, once this side ended the connection."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._receive())
        ended = asyncio.ensure_future(self._ended.wait())
        either: set[asyncio.Future[Any]] = {self._next, ended}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
        if self._ended.is_set():
            kind = "websocket" if self._websocket else "http"
            return {
                "type": f"{kind}.disconnect",
                **({"code": CLOSE_CODE} if self._websocket else {}),
            }
        message, self._next = self._next, None
        return message.result()

    async def send(self, message: Message) -> None:
        """Pass ``message`` on, unless the connection was ended."""
        if self._ended.is_set():
            return
        self._closed = self._closed or message["type"] == "websocket.close"
        await self._send(message)

    async def end(self) -> None:
        """Close the connection. A response that has begun stays unfinished, which servers cut off."""
        self._ended.set()
        if self._websocket and not self._closed:
            await self._send({"type": "websocket.close", "code": CLOSE_CODE})

    async def leave(self) -> None:
        """Stop waiting for messages that will not be requested."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.wait({self._next})
