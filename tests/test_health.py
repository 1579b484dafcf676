"""The health check for load balancers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache
from django.db import OperationalError, connections, router
from django.test import Client
from django.urls import path
from pytest_django import DjangoAssertNumQueries, Settings

from cognito_mfa import health
from cognito_mfa.cognito import circuit_breaker
from cognito_mfa.enforcement import proof
from cognito_mfa.local import LocalCognito
from cognito_mfa.models import CognitoIdentity
from tests.urls import urlpatterns as site
from tests.visitor import Visitor

urlpatterns = [path("health/", health.health_view), *site]
pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.test_health")]
PASSES = {"configuration": "pass", "database": "pass", "sessions": "pass", "cognito": "pass"}


class BrokenCache(BaseCache):
    """A cache server that does not respond."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def has_key(self, key: str, version: int | None = None) -> bool:
        raise ConnectionRefusedError("redis://user:password@cache.example")


@contextmanager
def database_down() -> Iterator[None]:
    def fail(*_args: object) -> None:
        raise OperationalError("could not connect to db.example as alice")

    with connections[router.db_for_write(CognitoIdentity)].execute_wrapper(fail):
        yield


def test_a_healthy_process(
    client: Client, cognito: LocalCognito, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        answer = client.get("/health/")
    assert (answer.status_code, answer.json()) == (200, {"status": "pass", "checks": PASSES})
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert cognito.operations() == []


def test_it_can_only_be_read(client: Client) -> None:
    assert client.head("/health/").status_code == 200
    assert client.post("/health/").status_code == 405


def test_it_needs_neither_sign_in_nor_mfa(
    client: Client, settings: Settings, visitor: Visitor, pool: object
) -> None:
    visitor.come_with_app()
    session = visitor.client.session
    del session[proof.KEY]
    session.save()
    assert not visitor.is_in()
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert client.get("/health/").status_code == 200
    assert visitor.client.get("/health/").status_code == 200


def test_a_server_whose_circuit_is_open_stays_in_rotation(
    client: Client, monkeypatch: pytest.MonkeyPatch, cognito: LocalCognito
) -> None:
    for state in ("open", "half_open"):
        monkeypatch.setattr(circuit_breaker, "state", lambda state=state: state)
        answer = client.get("/health/")
        assert answer.status_code == 200
        assert answer.json() == {"status": "warn", "checks": {**PASSES, "cognito": "warn"}}
    assert cognito.operations() == []


def test_a_circuit_that_is_turned_off_is_no_warning(client: Client, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CIRCUIT_BREAKER": None}
    assert client.get("/health/").json()["status"] == "pass"


@pytest.mark.parametrize("atomic", [False, True])
def test_the_database_is_down(
    client: Client, atomic: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for alias in connections:
        monkeypatch.setitem(connections[alias].settings_dict, "ATOMIC_REQUESTS", atomic)
    with database_down(), caplog.at_level(logging.WARNING, logger="cognito_mfa"):
        answer = client.get("/health/")
    assert answer.status_code == 503
    checks = {**PASSES, "database": "fail", "sessions": "fail"}
    assert answer.json() == {"status": "fail", "checks": checks}
    lines = [one.getMessage() for one in caplog.records if one.name == "cognito_mfa.health"]
    assert lines == [
        "health_check_failed: database OperationalError",
        "health_check_failed: sessions OperationalError",
    ]


@pytest.mark.parametrize("saves", [False, True])
def test_a_browser_with_a_session_is_answered_too(
    visitor: Visitor, pool: object, settings: Settings, saves: bool
) -> None:
    """What other middleware looks at or saves must not keep the view from answering."""
    visitor.come_with_app()
    settings.SESSION_SAVE_EVERY_REQUEST = saves
    with database_down():
        answer = visitor.client.get("/health/")
    assert (answer.status_code, answer.json()["status"]) == (503, "fail")


def test_the_session_store_is_down(client: Client, settings: Settings) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.SESSION_CACHE_ALIAS = "broken"
    settings.CACHES = {
        **settings.CACHES,
        "broken": {"BACKEND": "tests.test_health.BrokenCache", "LOCATION": ""},
    }
    answer = client.get("/health/")
    assert answer.status_code == 503
    assert answer.json() == {"status": "fail", "checks": {**PASSES, "sessions": "fail"}}
    assert "password" not in answer.content.decode()


def test_the_settings_cannot_be_read(settings: Settings) -> None:
    settings.COGNITO_MFA = {"USER_POOL_ID": "no pool"}
    found = health.check()
    assert (found.configuration, found.circuit, found.status) == (False, "off", "fail")
    assert not found.is_healthy
