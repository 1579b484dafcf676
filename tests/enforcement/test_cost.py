"""What the gate costs: no query, no thread, no session where it has nothing to do."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import SyncToAsync, async_to_sync
from django.contrib.auth import get_user
from django.contrib.sessions.backends.base import SessionBase
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from cognito_mfa.middleware import RequireMFAMiddleware
from tests.enforcement.people import linked, proven, signed_in
from tests.enforcement.servers import SERVERS, Ask, Send
from tests.enforcement.site import asecret, secret

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
servers = pytest.mark.parametrize("send", SERVERS.values(), ids=SERVERS)
GATE = "cognito_mfa.middleware.RequireMFAMiddleware"


def queries_of(send: Send, browser: Any, path: str) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        (answer,) = send(browser, [Ask(path)])
    assert answer.status_code == 200
    # Without the moment, which the session's query names.
    return [re.sub(r"expire_date\" > \S+ \S+", "", query["sql"]) for query in queries]


@servers
@pytest.mark.parametrize("path", ["/private/", "/async-private/"])
def test_a_gated_page_costs_the_queries_that_it_costs_without_the_gate(
    send: Send, path: str, settings: Settings
) -> None:
    """Under both servers, for both kinds of view: the user is loaded once, the identity with it."""
    browser = proven(linked())
    with_gate = queries_of(send, browser, path)
    settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if entry != GATE]
    assert with_gate == queries_of(send, browser, path)
    assert len(with_gate) == 2  # the session, and the user


@servers
def test_an_ordinary_page_writes_no_session(send: Send) -> None:
    browser = proven(linked())
    for path in ("/private/", "/async-private/", "/exempt/function/"):
        assert all(sql.startswith("SELECT") for sql in queries_of(send, browser, path))


@servers
@pytest.mark.parametrize("path", ["/exempt/function/", "/exempt/async-class/"])
def test_an_exempt_page_touches_no_session(send: Send, path: str) -> None:
    browser = signed_in(linked())
    assert queries_of(send, browser, path) == []
    (answer,) = send(browser, [Ask(path)])
    assert "Vary" not in answer


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(self: SyncToAsync[..., Any], *_args: Any, **_kwargs: Any) -> None:
        raise AssertionError(f"a thread for {self.func.__name__}")

    monkeypatch.setattr(SyncToAsync, "__call__", refuse)


@pytest.mark.parametrize(
    ("changes", "is_proven", "passes"),
    [
        ({}, True, True),
        ({}, False, None),
        ({"REQUIRED": False}, False, True),
        ({"REQUIRED": "staff"}, False, True),
        ({"REQUIRED": "tests.enforcement.rules.nobody_async"}, False, True),
        ({"ENFORCEMENT": "off"}, False, True),
        ({"GRACE_PERIOD": 3600}, False, True),
    ],
    ids=str,
)
@pytest.mark.parametrize("view", [secret, asecret])
def test_the_gate_needs_no_thread(
    changes: dict[str, Any],
    is_proven: bool,
    passes: bool | None,
    view: Callable[..., Any],
    conf: Callable[..., None],
    no_threads: None,
) -> None:
    """With session and user loaded, as for any page that asks who is there. Exemptions need the
    database: anyone who gets as far as that is about to be stopped."""
    conf(**changes)
    request = request_of(proven(linked()) if is_proven else signed_in(linked()))

    async def through() -> Any:
        gate = RequireMFAMiddleware(respond)
        return await gate.process_view(request, view, (), {})  # type: ignore[misc]

    if passes is None:
        with pytest.raises(AssertionError, match="a thread for"):
            async_to_sync(through)()
    else:
        assert async_to_sync(through)() is None


async def respond(_request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def request_of(browser: Any) -> Any:
    """Return an ASGI request whose session and user are loaded."""
    request: Any = AsyncRequestFactory().get("/")
    loaded = browser.session
    request.session = SessionBase(loaded.session_key)
    request.session._session_cache = dict(loaded.items())
    user = get_user(request)

    async def auser() -> Any:
        return user

    request.user, request.auser = user, auser
    return request
