"""A site with several hosts, each with a URLconf of its own: our pages may be at one of them only."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from pytest_django import Settings
from rest_framework.permissions import BasePermission
from rest_framework.response import Response
from rest_framework.views import APIView

from cognito_mfa.contrib.rest_framework import IsMFAVerified
from cognito_mfa.decorators import mfa_exempt, mfa_recent, mfa_required
from tests.enforcement.people import (
    anonymous,
    change_proof,
    linked,
    proven,
    proven_one,
    unproven,
)
from tests.enforcement.servers import CALLERS, SERVERS, Ask, Send

SECRET = "what is protected"
PATHS = ("/page/", "/required/", "/recent/", "/api/")


@sync_and_async_middleware
def by_host(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """Choose the URLconf, as packages for several hosts do."""

    def middleware(request: HttpRequest) -> Any:
        request.urlconf = OfTheHost  # type: ignore[assignment]
        return get_response(request)

    return middleware


def page(_request: HttpRequest) -> HttpResponse:
    return HttpResponse(SECRET)


class Api(APIView):
    permission_classes: tuple[type[BasePermission], ...] = (IsMFAVerified,)

    def get(self, _request: object) -> Response:
        return Response(SECRET)


class OfTheHost:
    urlpatterns = [
        path("page/", page),
        path("required/", mfa_exempt(mfa_required(page))),
        path("recent/", mfa_exempt(mfa_recent(page))),
        path("api/", mfa_exempt(Api.as_view())),
        path("admin/", admin.site.urls),
    ]


@pytest.fixture(autouse=True)
def site_with_hosts(settings: Settings, db: None) -> None:
    settings.MIDDLEWARE = [f"{__name__}.by_host", *settings.MIDDLEWARE]


@pytest.fixture(params=SERVERS)
def send(request: pytest.FixtureRequest) -> Send:
    """Send requests through one server, then the other."""
    return SERVERS[request.param]


def asks(paths: tuple[str, ...]) -> list[Ask]:
    return [Ask(one, headers=caller) for one in paths for caller in CALLERS.values()]


def test_without_our_pages_a_blocked_user_is_refused_plainly(send: Send) -> None:
    """``responses._without_page``: no server error, and no redirect to nowhere."""
    for answer in send(unproven(), asks(PATHS)):
        assert answer.status_code == 403
        assert SECRET not in answer.body.decode()
        assert "Two-step verification is required." in answer.body.decode()
        assert "HX-Redirect" not in answer


def test_without_our_pages_a_visitor_is_refused_by_marked_views(send: Send) -> None:
    for answer in send(anonymous(), asks(("/required/", "/recent/"))):
        assert answer.status_code == 403
        assert SECRET not in answer.body.decode()


def test_who_has_passed_uses_the_other_host(send: Send) -> None:
    for answer in send(proven_one(), asks(PATHS)):
        assert answer.status_code == 200


def test_a_host_with_nothing_but_the_admin(send: Send) -> None:
    """Its sign-in page and the page for a new code are at another host: no server error."""
    login, action = "/admin/login/?next=/admin/", "/admin/cognito_mfa/cognitoidentity/link/"
    for answer in send(anonymous(), asks((login,))):
        assert answer.status_code == 403
        assert "Sign in to continue." in answer.body.decode()
    root = proven(linked("root", is_staff=True, is_superuser=True))
    pages = send(root, [Ask("/admin/"), Ask(action), Ask("/admin/password_change/")])
    assert [page.status_code for page in pages] == [200, 200, 302]
    change_proof(root, at=time.time() - 600)
    pages = send(root, [Ask("/admin/"), Ask(action)])
    assert [page.status_code for page in pages] == [200, 403]
