"""Websockets and applications beside Django's, through Channels and through plain ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator as Untyped
from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db.models import F
from django.test import Client
from django.urls import path, reverse
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.contrib import asgi
from cognito_mfa.contrib.asgi import RequireMFA
from cognito_mfa.models import BlockedRequest, CognitoIdentity
from tests.enforcement.people import (
    anonymous,
    exempted,
    linked,
    proven,
    proven_long_ago,
    proven_one,
    reset_in_the_meantime,
    unproven,
    unproven_of_another_backend,
)

# Channels closes a connection that is within a transaction, as that of a test usually is.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("site")]
Conf = Callable[..., None]


class Echo(AsyncWebsocketConsumer):  # type: ignore[misc]
    """What a site writes: nothing of the gate is in it."""

    left: list[int] = []

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        del bytes_data
        await self.send(text_data=f"{self.scope['user'].get_username()}: {text_data}")

    async def disconnect(self, code: int) -> None:
        self.left.append(code)


def consumers(recheck: float = 60) -> Any:
    """Return the documented line-up."""
    return AuthMiddlewareStack(
        RequireMFA(URLRouter([path("echo/", Echo.as_asgi())]), recheck=recheck)
    )


def cookies(browser: Client) -> list[tuple[bytes, bytes]]:
    text = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    return [(b"cookie", text.encode()), (b"host", b"testserver")]


ApplicationCommunicator: Any = Untyped  # it has no annotations


class Socket(ApplicationCommunicator):  # type: ignore[misc]
    """A browser's side of a websocket."""

    def __init__(self, app: Any, browser: Client) -> None:
        Echo.left.clear()
        scope = {"type": "websocket", "path": "/echo/", "query_string": b"", "subprotocols": []}
        super().__init__(app, {**scope, "headers": cookies(browser)})

    async def connect(self) -> Any:
        """Return True, or the code that the connection was refused with."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout=60)
        return answer["type"] == "websocket.accept" or answer["code"]

    async def say(self, text: str) -> str:
        await self.send_input({"type": "websocket.receive", "text": text})
        return str((await self.receive_output(timeout=60))["text"])

    async def disconnect(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=60)


def websocket(browser: Client, recheck: float = 60) -> Socket:
    return Socket(consumers(recheck), browser)


async def opened(socket: Socket) -> Any:
    """Return whether it opened, or the code; and leave again."""
    answer = await socket.connect()
    await (socket.disconnect() if answer is True else socket.wait(timeout=60))
    return answer


@pytest.mark.parametrize(
    "person", [unproven, unproven_of_another_backend, reset_in_the_meantime, proven_long_ago]
)
def test_a_websocket_is_not_opened_without_proof(person: Callable[[], Client]) -> None:
    browser = person()
    assert async_to_sync(opened)(websocket(browser)) == 4403
    assert Echo.left == []  # the consumer never ran


@pytest.mark.parametrize("person", [proven_one, exempted, anonymous])
def test_a_websocket_opens_for_whom_a_page_opens(person: Callable[[], Client]) -> None:
    browser = person()

    async def talk() -> str:
        socket = websocket(browser)
        assert await socket.connect() is True
        answer = await socket.say("hello")
        await socket.disconnect()
        return answer

    assert async_to_sync(talk)().endswith(": hello")
    assert Echo.left == [1000]


def sign_out(browser: Client) -> None:
    browser.logout()


def reset(_browser: Client) -> None:
    CognitoIdentity.objects.update(generation=F("generation") + 1)


def switch_off(_browser: Client) -> None:
    get_user_model().objects.update(is_active=False)


def somebody_else_signs_in(browser: Client) -> None:
    """In the same session, with a proof of their own."""
    other = proven(linked("other"))
    session = browser.session
    session.update(dict(other.session.items()))
    session.save()


@pytest.mark.parametrize("happens", [sign_out, reset, switch_off, somebody_else_signs_in])
def test_an_open_websocket_is_closed_within_the_time(
    happens: Callable[[Client], None],
) -> None:
    browser = proven_one()

    async def talk() -> dict[str, Any]:
        socket = websocket(browser, recheck=0.05)
        assert await socket.connect() is True
        await asyncio.sleep(0.2)  # looks in between change nothing
        assert (await socket.say("still here?")).endswith("still here?")
        await sync_to_async(happens)(browser)
        closed: dict[str, Any] = await socket.receive_output(timeout=60)
        await socket.wait(timeout=60)
        return closed

    assert async_to_sync(talk)() == {"type": "websocket.close", "code": 4403}
    assert Echo.left == [4403]  # the consumer could tidy up


def test_a_look_that_fails_closes(settings: Settings) -> None:
    browser = proven_one()

    async def talk() -> Any:
        socket = websocket(browser, recheck=0.05)
        assert await socket.connect() is True
        settings.SESSION_ENGINE = "no.such.engine"  # as good as one that cannot be reached
        return await socket.receive_output(timeout=60)

    assert async_to_sync(talk)()["code"] == 4403


def test_whom_a_token_named_is_judged(conf: Conf) -> None:
    """As a site's own middleware for tokens does, between the server and us."""
    conf(REQUIRED="staff")
    staff, plain = linked("staff", is_staff=True), linked("plain")
    gone = get_user_model()(pk=987654, username="gone")

    async def may(user: Any, browser: Client) -> bool:
        async def outside(scope: Any, receive: Any, send: Any) -> None:
            await RequireMFA(Echo.as_asgi())({**scope, "user": user}, receive, send)

        return await opened(Socket(outside, browser)) is True

    nobody, proven_staff = anonymous(), proven(staff)
    assert async_to_sync(may)(plain, nobody)
    assert async_to_sync(may)(AnonymousUser(), nobody)
    assert async_to_sync(may)(staff, proven_staff)
    assert not async_to_sync(may)(staff, nobody)
    assert not async_to_sync(may)(staff, proven(plain))
    assert not async_to_sync(may)(gone, nobody)


def test_where_the_site_only_observes_a_websocket_is_noted(conf: Conf) -> None:
    conf(ENFORCEMENT="observe")
    browser = unproven()

    assert async_to_sync(opened)(websocket(browser)) is True
    assert BlockedRequest.objects.count() == 1


async def mounted(scope: Any, receive: Any, send: Any) -> None:
    """An application of another framework, which streams until its caller is gone."""
    del scope
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    assert (await receive())["type"] == "http.disconnect"


async def stubborn(_scope: Any, _receive: Any, send: Any) -> None:
    while True:
        await send({"type": "http.response.body", "body": b"more", "more_body": True})
        await asyncio.sleep(0.01)


def http(app: Any, browser: Client, recheck: float = 60) -> Any:
    headers = [*cookies(browser), (b"accept", b"application/json")]
    scope = {
        "type": "http", "method": "GET", "path": "/mounted/", "query_string": b"", "headers": headers,
        "server": ("testserver", 80), "scheme": "http",
    }  # fmt: skip
    return ApplicationCommunicator(RequireMFA(app, recheck=recheck), scope)


def test_an_application_beside_djangos_gets_the_gates_answer() -> None:
    browser = unproven()

    async def ask() -> tuple[dict[str, Any], dict[str, Any]]:
        caller = http(mounted, browser)
        start = await caller.receive_output(timeout=60)
        return start, await caller.receive_output(timeout=60)

    start, body = async_to_sync(ask)()
    assert start["status"] == 403
    assert (b"cache-control", b"max-age=0, no-cache, no-store, must-revalidate, private") in start[
        "headers"
    ]
    assert reverse("cognito_mfa:setup").encode() in body["body"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"disabled_at": timezone.now()}, "account_disabled"),
        ({"status": CognitoIdentity.Status.GONE}, "account_gone"),
        ({"checked_at": None}, "account_unchecked"),
    ],
)
def test_an_application_beside_djangos_is_none_for_whom_the_pool_shut_out(
    changes: dict[str, Any], code: str, conf: Conf
) -> None:
    """And says why. Red where a user whom the backend no longer loads is a visitor in ``_may_pass``, and without
    ``endings`` in ``_refusal``."""
    browser = proven(linked())
    conf(STATUS_MAX_AGE=600)
    CognitoIdentity.objects.update(checked_at=timezone.now())
    CognitoIdentity.objects.update(**changes)
    assert async_to_sync(opened)(websocket(browser)) == 4403

    async def ask() -> tuple[int, bytes]:
        communicator = http(mounted, browser)
        start = await communicator.receive_output(timeout=60)
        return start["status"], (await communicator.receive_output(timeout=60))["body"]

    status, body = async_to_sync(ask)()
    assert status == 403
    assert code.encode() in body


def test_a_stream_beside_djangos_ends() -> None:
    browser = proven_one()

    async def listen() -> None:
        caller = http(mounted, browser, recheck=0.05)
        await caller.send_input({"type": "http.request", "body": b"", "more_body": False})
        assert (await caller.receive_output(timeout=60))["status"] == 200
        assert (await caller.receive_output(timeout=60))["body"] == b"first"
        await sync_to_async(reset)(browser)
        await caller.wait(timeout=60)
        assert await caller.receive_nothing()

    async_to_sync(listen)()


def test_an_application_that_does_not_listen_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asgi, "GOODBYE", 0.05)
    browser = proven_one()

    async def listen() -> None:
        caller = http(stubborn, browser, recheck=0.05)
        assert (await caller.receive_output(timeout=60))["body"] == b"more"
        await sync_to_async(reset)(browser)
        await caller.wait(timeout=60)

    async_to_sync(listen)()


def test_what_the_application_raises_reaches_the_server() -> None:
    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise LookupError

    browser = proven_one()

    async def ask() -> None:
        await http(broken, browser).wait(timeout=60)

    with pytest.raises(LookupError):
        async_to_sync(ask)()


def test_a_server_that_gives_up_ends_the_application() -> None:
    ended = []
    browser = proven_one()

    async def ask() -> None:
        began = asyncio.Event()

        async def waiting(_scope: Any, receive: Any, _send: Any) -> None:
            began.set()
            try:
                await receive()
            finally:
                ended.append(True)

        server = http(waiting, browser)
        task = server.future
        await asyncio.wait_for(began.wait(), 60)
        task.cancel()
        await asyncio.wait({task}, timeout=60)

    async_to_sync(ask)()
    assert ended == [True]


def test_what_the_server_says_of_itself_passes() -> None:
    seen = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["type"])

    async_to_sync(ApplicationCommunicator(RequireMFA(app), {"type": "lifespan"}).wait)(timeout=60)
    assert seen == ["lifespan"]


def test_a_pause_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        RequireMFA(mounted, recheck=0)
