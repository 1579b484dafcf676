"""One decision about one session: the wrapper for ASGI judges what the application will use.

The places: ``asgi._request`` (the scope's own session), ``_with_one_cookie_header``, ``_has_two_sessions``, ``_named``,
and the comparison with the first person in ``_goes_on``.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator as Untyped
from channels import sessions as channels_sessions
from channels.auth import AuthMiddlewareStack, get_user
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import get_user_model
from django.test import Client, RequestFactory

from cognito_mfa.contrib.asgi import RequireMFA
from cognito_mfa.enforcement.redirects import safe_url
from tests.enforcement.people import linked, proven, signed_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("site")]
ApplicationCommunicator: Any = Untyped
sessions: Any = channels_sessions


class Who(AsyncWebsocketConsumer):  # type: ignore[misc]
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        del text_data, bytes_data
        user = await get_user(self.scope)
        await self.send(text_data=user.get_username() or "anonymous")


STACKS: dict[str, Any] = {
    "session outside": lambda: sessions.SessionMiddlewareStack(RequireMFA(Who.as_asgi())),
    "user outside": lambda: AuthMiddlewareStack(RequireMFA(Who.as_asgi())),
    "cookies outside": lambda: sessions.CookieMiddleware(
        RequireMFA(sessions.SessionMiddleware(Who.as_asgi()))
    ),
    "all inside": lambda: RequireMFA(sessions.SessionMiddlewareStack(Who.as_asgi())),
}


async def _asked(app: Any, headers: list[tuple[bytes, bytes]]) -> str:
    scope = {"type": "websocket", "path": "/", "query_string": b"", "subprotocols": []}
    socket = ApplicationCommunicator(
        app, {**scope, "headers": [*headers, (b"host", b"testserver")]}
    )
    await socket.send_input({"type": "websocket.connect"})
    answer = await socket.receive_output(timeout=60)
    if answer["type"] != "websocket.accept":
        await socket.wait(timeout=60)
        return f"refused {answer['code']}"
    await socket.send_input({"type": "websocket.receive", "text": "who?"})
    said = str((await socket.receive_output(timeout=60))["text"])
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(timeout=60)
    return said


def asked(stack: str, *cookies: str) -> str:
    headers = [(b"cookie", text.encode("latin1")) for text in cookies]
    return async_to_sync(_asked)(STACKS[stack](), headers)


def key(browser: Client) -> str:
    return browser.cookies["sessionid"].value


@pytest.fixture
def keys() -> tuple[str, str]:
    """Of the victim's session, a password alone, and of a user's own proven one."""
    return key(signed_in(linked("victim"))), key(proven(linked("mallory")))


@pytest.mark.parametrize("stack", STACKS)
def test_two_session_cookies_are_refused(stack: str, keys: tuple[str, str]) -> None:
    """In one header or two, in any order and spelling. Red without ``_has_two_sessions``."""
    victim, own = keys
    for first, second in ((victim, own), (own, victim)):
        for cookies in (
            (f"sessionid={first}", f"sessionid={second}"),
            (f"sessionid={first}; sessionid={second}",),
            (f"a=b; sessionid={first}", f"c=d;sessionid ={second}"),
            (f'sessionid="{first}"; sessionid={second}',),
            (f"sessionid={first};\xa0sessionid={second}",),
            (f"sessionid={first}; a=b sessionid={second}",),
        ):
            assert asked(stack, *cookies) == "refused 4403", cookies


@pytest.mark.parametrize("stack", STACKS)
def test_one_session_cookie_is_judged(stack: str, keys: tuple[str, str]) -> None:
    victim, own = keys
    assert asked(stack, f"sessionid={victim}") == "refused 4403"
    assert asked(stack, f"a=b; sessionid={own}; xsessionid={victim}; c=d") == "mallory"
    assert asked(stack) == "anonymous"


@pytest.mark.parametrize("stack", STACKS)
def test_a_cookie_header_that_is_merely_split_works(stack: str, keys: tuple[str, str]) -> None:
    """As HTTP/2 allows. Red without ``_with_one_cookie_header``, of which ``cookies`` of the scope is a part."""
    victim, own = keys
    assert asked(stack, f"sessionid={own}", "a=b", "c=d") == "mallory"
    assert asked(stack, f"sessionid={victim}", "a=b") == "refused 4403"
    # Channels outside of us reads the first header alone: to the application no one is signed in.
    outside = stack in ("session outside", "user outside")
    assert asked(stack, "a=b", f"sessionid={own}") == ("anonymous" if outside else "mallory")
    last = asked(stack, "a=b", f"sessionid={victim}")
    assert last == ("anonymous" if outside else "refused 4403")


def test_the_session_of_the_scope_is_the_one_that_is_judged(keys: tuple[str, str]) -> None:
    """Wherever it came from. Red when ``_request`` reads the cookie although there is a session."""
    from django.contrib.sessions.backends.db import SessionStore

    victim, own = keys

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        scope = {**scope, "session": SessionStore(victim)}
        await RequireMFA(Who.as_asgi())(scope, receive, send)

    cookie = (b"cookie", f"sessionid={own}".encode())
    assert async_to_sync(_asked)(outside, [cookie]) == "refused 4403"


def named(user: Any, cookie: str = "") -> str:
    async def outside(scope: Any, receive: Any, send: Any) -> None:
        scope = {**scope, "user": user}
        await RequireMFA(sessions.SessionMiddlewareStack(Who.as_asgi()))(scope, receive, send)

    return async_to_sync(_asked)(outside, [(b"cookie", cookie.encode())])


def test_an_inactive_user_whom_other_code_named_is_refused(conf: Any) -> None:
    """Although nothing is asked of anyone. Red without ``is_active`` in ``_named``."""
    conf(REQUIRED=False)
    user = linked("gone")
    assert named(user) == "anonymous"
    get_user_model().objects.update(is_active=False)
    assert named(user) == "refused 4403"


class Foreign:
    """A user of another framework."""

    is_authenticated = True


def test_a_user_of_another_framework_is_refused() -> None:
    """There is no one to judge."""
    assert named(Foreign()) == "refused 4403"


def test_an_open_connection_ends_when_its_session_is_another_persons(conf: Any) -> None:
    """Of whom nothing is asked either. Red without the comparison of ``people``."""
    conf(REQUIRED=False)
    browser = signed_in(linked("first"))
    other = signed_in(linked("other")).session
    app = sessions.SessionMiddlewareStack(RequireMFA(Who.as_asgi(), recheck=0.05))

    def swap() -> None:
        session = browser.session
        session.update(dict(other.items()))
        session.save()

    async def talk() -> Any:
        scope = {"type": "websocket", "path": "/", "query_string": b"", "subprotocols": []}
        headers = [(b"cookie", f"sessionid={key(browser)}".encode()), (b"host", b"testserver")]
        socket = ApplicationCommunicator(app, {**scope, "headers": headers})
        await socket.send_input({"type": "websocket.connect"})
        assert (await socket.receive_output(timeout=60))["type"] == "websocket.accept"
        await asyncio.sleep(0)
        await sync_to_async(swap)()
        closed = await socket.receive_output(timeout=60)
        await socket.wait(timeout=60)
        return closed

    assert async_to_sync(talk)() == {"type": "websocket.close", "code": 4403}


def test_a_host_that_the_site_does_not_have_is_a_plain_refusal(keys: tuple[str, str]) -> None:
    """And no error of the server, whose report would have the headers."""

    async def ask() -> Any:
        headers = [(b"cookie", f"sessionid={keys[0]}".encode()), (b"host", b"evil.example")]
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": headers,
        }
        caller = ApplicationCommunicator(RequireMFA(Who.as_asgi()), scope)
        return await caller.receive_output(timeout=60)

    headers_of_scripts = async_to_sync(ask)()
    assert headers_of_scripts["status"] in (302, 400)


def test_an_https_site_leads_back_to_no_http_address() -> None:
    """Red when ``safe_url`` takes every request for a plain one (``https = False``); each of its two checks asks."""
    request = RequestFactory().get("/", secure=True)
    assert safe_url(request, "https://testserver/a/")
    assert not safe_url(request, "http://testserver/a/")
    assert safe_url(RequestFactory().get("/"), "http://testserver/a/")
