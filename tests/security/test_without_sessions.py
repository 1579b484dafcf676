"""Requests without a session, as a site makes them whose APIs know their users by tokens: judged, and never an error.

The places that these tests are about: ``gate.end_reason`` and ``gate._record_activity``.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from cognito_mfa.decorators import mfa_recent, mfa_required
from cognito_mfa.enforcement.verified import is_verified
from tests.enforcement.people import linked
from tests.enforcement.servers import CALLERS, Ask, Send
from tests.security.refusal import assert_refused
from tests.security.user_middleware import naming
from tests.urls import urlpatterns as site_urls

pytestmark = pytest.mark.django_db
Conf = Callable[..., None]
WORDS = ("enforce", "observe", "off")


@naming
def by_token(request: HttpRequest) -> None:
    """Names the user of a header. There are no sessions."""
    known = request.headers.get("X-User")
    request.user = User.objects.get(username=known) if known else AnonymousUser()


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.user.get_username()} {is_verified(request)}")


async def awho(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.user.get_username()} False")


class Urls:
    urlpatterns = [
        path("who/", who),
        path("awho/", awho),
        path("required/", mfa_required(who)),
        path("recent/", mfa_recent(who)),
        path("arequired/", mfa_required(awho)),
        *site_urls,
    ]


@pytest.fixture(autouse=True)
def site_without_sessions(settings: Settings) -> None:
    settings.MIDDLEWARE = [f"{__name__}.by_token", "cognito_mfa.middleware.RequireMFAMiddleware"]
    settings.ROOT_URLCONF = Urls
    linked("victim")
    User.objects.create_user("local")


def asks(names: tuple[str, ...], who: str) -> list[Ask]:
    return [
        Ask(f"/{name}/", headers={"X-User": who, **caller})
        for name in names
        for caller in CALLERS.values()
    ]


@pytest.mark.parametrize("idle", [None, 3600])
@pytest.mark.parametrize("who", ["victim", "local"])
def test_a_user_of_a_token_is_refused_in_the_callers_form(
    who: str, idle: int | None, send: Send, conf: Conf
) -> None:
    conf(SESSION_IDLE=idle)
    for answer in send(Client(), asks(("who", "awho", "private"), who)):
        assert_refused(answer)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("idle", [None, 3600])
@pytest.mark.parametrize("who", ["victim", "local"])
def test_a_user_of_whom_nothing_is_asked_passes(
    who: str, idle: int | None, word: str, send: Send, conf: Conf
) -> None:
    conf(SESSION_IDLE=idle, ENFORCEMENT=word, REQUIRED="staff", STATUS_MAX_AGE=60)
    for answer in send(Client(), asks(("who", "awho"), who)):
        assert (answer.status_code, answer.body) == (200, f"{who} False".encode())


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("idle", [None, 3600])
def test_marked_views_refuse_them_whatever_is_enforced(
    word: str, idle: int | None, send: Send, conf: Conf
) -> None:
    conf(SESSION_IDLE=idle, ENFORCEMENT=word)
    for who in ("victim", "local", ""):
        for answer in send(Client(), asks(("required", "recent", "arequired"), who)):
            assert answer.status_code in (302, 403)
