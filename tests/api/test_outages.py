"""Where the site's database, session store, or cache is down, the API says so as it says everything else."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.cache.backends.base import BaseCache
from django.db import InterfaceError, OperationalError, connection
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.api import urls
from cognito_mfa.api.outages import RETRY_AFTER
from cognito_mfa.enforcement.view_marks import unwrap_all_known
from cognito_mfa.local.pool import LocalPool
from tests.api.frontend import FrontEnd
from tests.visitor import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)
TEXT = "could not connect to db.example as alice"
BODIES: dict[str, dict[str, Any]] = {
    "sign_in": {"username": "newcomer", "password": PASSWORD},
    "forgot_password": {"username": "newcomer"},
}


class RedisDownError(Exception):
    """An error of a cache's client, which is no class of Python's or Django's."""


RedisDownError.__module__ = "redis.exceptions"


class DownCache(BaseCache):
    """A cache server that does not respond."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def _fail(self, *_args: Any, **_kwargs: Any) -> Any:
        raise RedisDownError(TEXT)

    get = set = add = delete = has_key = touch = _fail


def database_down(
    error: type[Exception], *, skip: int = 0, about: str = ""
) -> Callable[[Settings], Any]:
    """Let each query fail that is about a table, after those to skip."""

    @contextmanager
    def down(_settings: Settings) -> Iterator[None]:
        left = [skip]

        def fail(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
            left[0] -= about in sql
            if left[0] < 0 and about in sql:
                raise error(TEXT)
            return execute(sql, *arguments)

        with connection.execute_wrapper(fail):
            yield

    return down


@contextmanager
def sessions_down(settings: Settings) -> Iterator[None]:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.SESSION_CACHE_ALIAS = "down"
    down = {"BACKEND": f"{__name__}.DownCache", "LOCATION": ""}
    settings.CACHES = {**settings.CACHES, "down": down}
    yield


OUTAGES: dict[str, Callable[[Settings], Any]] = {
    "no database": database_down(OperationalError),
    "a closed connection": database_down(InterfaceError),
    "no session store": sessions_down,
}


def views() -> Iterator[tuple[str, str]]:
    """Yield every view, and each of its methods, but the one that needs neither session nor database."""
    for pattern in urls.urlpatterns:
        view: Any = pattern.callback
        while not hasattr(view, "view_class"):
            view = unwrap_all_known(view)
        for method in ("get", "post", "patch"):
            if hasattr(view.view_class, method) and pattern.name != "openapi":
                yield str(pattern.name), method.upper()


def restart(front_end: FrontEnd) -> None:
    """Let the site read its settings again: middleware looks at the session engine once."""
    front_end.client.handler.load_middleware()


def heard(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the events of the log."""
    return [vars(one) for one in caplog.records if one.name == "cognito_mfa.events"]


def is_told(answer: Any, caplog: pytest.LogCaptureFixture, view: str) -> None:
    """The documented shape, one event, and not a word of the error."""
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == str(RETRY_AFTER)
    assert "no-store" in answer["Cache-Control"]
    told = json.loads(answer.content)
    assert (told["status"], told["code"], told["fields"]) == (503, "try_later", {})
    assert told["reference"] in told["detail"]
    (event,) = heard(caplog)
    assert event["cognito_mfa_event"] == "storage_failed"
    assert event["cognito_mfa_view"] == f"cognito_mfa_api:{view}"
    assert event["cognito_mfa_reference"] == told["reference"]
    assert event["levelno"] == logging.ERROR
    assert "alice" not in answer.content.decode() + caplog.text
    assert not answer.cookies, "the browser keeps its session"


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.parametrize(("name", "method"), list(views()))
def test_every_view_answers_with_a_problem_document(
    pool: LocalPool,
    front_end: FrontEnd,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    name: str,
    method: str,
    outage: str,
) -> None:
    front_end.come_with_app()
    caplog.clear()
    with OUTAGES[outage](settings):
        restart(front_end)
        answer = front_end.call(method, name, BODIES.get(name, {}))
    is_told(answer, caplog, name)


@pytest.mark.parametrize("step", ["sign_in", "forgot_password", "setup", "challenge"])
def test_a_database_that_goes_away_in_the_middle(
    pool: LocalPool,
    front_end: FrontEnd,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    step: str,
    tmp_path: Path,
) -> None:
    """Whatever query it is that fails first, before Cognito was asked or after it."""
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.file"
    settings.SESSION_FILE_PATH = str(tmp_path)
    for skip in range(100):
        restart(front_end)
        front_end.client.cookies.clear()
        name = f"person-{skip}"
        pool.create_user(name, password=PASSWORD)
        front_end.see()
        body: dict[str, Any] = {"username": name}
        if step == "challenge":
            secret = pool.register_software_token(name)
        if step in ("setup", "challenge"):
            front_end.sign_in(name)
            front_end.secret = front_end.scan() if step == "setup" else secret
            body = {"code": front_end.code()}
        elif step == "sign_in":
            body["password"] = PASSWORD
        caplog.clear()
        with database_down(OperationalError, skip=skip)(settings):
            answer = front_end.tell(step, **body)
        if answer.status_code == 200:
            break
        assert (answer.status_code, answer.body["code"]) == (503, "try_later")
        assert [one["cognito_mfa_event"] for one in heard(caplog)].count("storage_failed") == 1
    assert skip


@pytest.mark.parametrize("verb", ["INSERT INTO", "UPDATE"])
@pytest.mark.parametrize("engine", ["db", "cache"])
def test_a_session_that_cannot_be_saved(
    pool: LocalPool,
    front_end: FrontEnd,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    engine: str,
    verb: str,
) -> None:
    """A visitor has no session before the first step, and another one of the same user has."""
    front_end.sign_in() if verb == "UPDATE" else front_end.see()
    caplog.clear()
    table = f'{verb} "django_session"'
    down = sessions_down if engine == "cache" else database_down(OperationalError, about=table)
    with down(settings):
        restart(front_end)
        answer = front_end.tell("sign_in", **BODIES["sign_in"])
    assert (answer.status_code, answer.body["code"]) == (503, "try_later")
    assert [one["cognito_mfa_event"] for one in heard(caplog)] == ["storage_failed"]


@pytest.mark.parametrize("outage", OUTAGES)
def test_the_same_under_asgi(settings: Settings, outage: str) -> None:
    client = AsyncClient()
    client.cookies["sessionid"] = "a" * 32

    async def ask() -> Any:
        return await client.get(reverse("cognito_mfa_api:activity"))

    with OUTAGES[outage](settings):
        answer = async_to_sync(ask)()
    assert (answer.status_code, answer.json()["code"]) == (503, "try_later")


def test_pages_and_errors_of_another_kind_stay_djangos(
    pool: LocalPool, front_end: FrontEnd, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    front_end.come_with_app()
    front_end.client.raise_request_exception = False
    with database_down(OperationalError)(settings):
        page = front_end.client.get(reverse("cognito_mfa:device"))
    assert (page.status_code, page["Content-Type"]) == (500, "text/html; charset=utf-8")

    def broken(*_args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("cognito_mfa.api.state.session_object", broken)
    assert front_end.client.get(reverse("cognito_mfa_api:session")).status_code == 500
    client = Client(raise_request_exception=False)
    assert client.get(reverse("cognito_mfa_api:openapi")).status_code == 200
