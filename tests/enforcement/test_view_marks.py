"""The marks on functions, classes, async and wrapped views, and on their children."""

from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.views import LogoutView
from django.urls import reverse
from django.views.i18n import JavaScriptCatalog, set_language
from pytest_django import Settings

from cognito_mfa.decorators import mfa_exempt, mfa_recent
from cognito_mfa.enforcement.view_marks import why_exempt
from cognito_mfa.local.pool import LocalPool
from tests.enforcement import site as views
from tests.enforcement.people import change_proof, linked, proven, signed_in, unproven
from tests.enforcement.servers import CALLERS, SERVERS, Ask, Send
from tests.enforcement.site import SECRET
from tests.visitor import Visitor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
servers = pytest.mark.parametrize("send", SERVERS.values(), ids=SERVERS)


@servers
def test_exempt_views_are_open_to_every_user(send: Send) -> None:
    asks = [Ask(f"/exempt/{name}/") for name in views.EXEMPT]
    for ask, answer in zip(asks, send(unproven(), asks), strict=True):
        assert answer.body == SECRET.encode(), ask


@servers
def test_a_mark_is_neither_lost_nor_inherited(send: Send) -> None:
    asks = [Ask(f"/gated/{name}/") for name in views.GATED]
    for ask, answer in zip(asks, send(unproven(), asks), strict=True):
        assert answer.status_code == 302, ask
        assert answer["Location"].startswith(reverse("cognito_mfa:setup")), ask


def test_a_mark_stays_with_the_view_that_was_marked() -> None:
    assert not why_exempt(views.secret)
    assert why_exempt(mfa_exempt(views.secret))


def test_djangos_own_views_are_known_by_what_they_are() -> None:
    class Child(LogoutView):
        pass

    assert why_exempt(LogoutView.as_view())
    assert why_exempt(set_language)
    assert why_exempt(JavaScriptCatalog.as_view())
    assert not why_exempt(Child.as_view())


def test_an_object_that_says_yes_to_everything_is_not_exempt() -> None:
    assert not why_exempt(Mock())


@servers
@pytest.mark.parametrize("caller", CALLERS)
def test_required_views_want_a_second_factor_whatever_the_policy_says(
    send: Send, caller: str, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False, "ENFORCEMENT": "off"}
    asks = [Ask(f"/required/{name}/", headers=CALLERS[caller]) for name in views.REQUIRED]
    user = linked()
    for ask, stopped, passed in zip(
        asks, send(signed_in(user), asks), send(proven(user), asks), strict=True
    ):
        assert SECRET.encode() not in stopped.body, ask
        assert stopped.status_code == (302 if caller == "page" else 403), ask
        assert passed.body == SECRET.encode(), ask


@servers
def test_visitors_of_required_views_are_led_to_the_sign_in(send: Send) -> None:
    from django.test import Client

    sign_in = reverse("cognito_mfa:sign_in")
    for prefix, names in (("required", views.REQUIRED), ("recent", views.RECENT)):
        asks = [Ask(f"/{prefix}/{name}/") for name in names]
        for ask, answer in zip(asks, send(Client(), asks), strict=True):
            assert answer["Location"].startswith(f"{sign_in}?setup=1&next=%2F{prefix}%2F"), ask


@servers
def test_recent_views_want_a_code_of_just_now(send: Send) -> None:
    browser = proven(linked())
    asks = [Ask(f"/recent/{name}/") for name in views.RECENT]
    for ask, answer in zip(asks, send(browser, asks), strict=True):
        assert answer.body == SECRET.encode(), ask

    change_proof(browser, at=browser.session["_cognito_mfa_proof"]["at"] - 61)
    for ask, answer in zip(asks, send(browser, asks), strict=True):
        assert answer["Location"].startswith(reverse("cognito_mfa:sign_in") + "?again=1"), ask


def test_recent_without_parentheses_takes_the_limit_from_the_settings(settings: Settings) -> None:
    from django.test import RequestFactory

    browser = proven(linked())
    request = RequestFactory().get("/")
    request.session = browser.session
    request.user = linked("other")
    view = mfa_recent(views.secret)
    assert view(request).status_code == 302

    from django.contrib.auth import get_user

    request.user = get_user(request)
    assert view(request).content == SECRET.encode()
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REAUTH_MAX_AGE": 1}
    change_proof(browser, at=browser.session["_cognito_mfa_proof"]["at"] - 2)
    request.session = browser.session
    assert view(request).status_code == 302


@pytest.mark.parametrize("path", ["/required/function/", "/recent/mixin/"])
def test_a_required_view_leads_through_a_set_up_that_the_policy_does_not_ask_for(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, path: str
) -> None:
    """Or the person would be led around in a circle: in, without a code, and stopped again."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    visitor.sign_in()
    assert visitor.get("/gated/function/").content == SECRET.encode()

    stopped = visitor.get(path)
    page = visitor.text(visitor.get(stopped["Location"]))
    assert 'name="setup" value="1"' in page
    visitor.post(
        reverse("cognito_mfa:sign_in"),
        {"username": "newcomer", "password": "Correct-Horse-7", "next": path, "setup": "1"},
    )
    visitor.scan()
    visitor.confirm_setup()

    assert visitor.get(path).content == SECRET.encode()


def test_djangos_login_required_middleware_and_the_gate_get_along(settings: Settings) -> None:
    login = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    ours = settings.MIDDLEWARE.index("cognito_mfa.middleware.RequireMFAMiddleware")
    from django.test import Client

    for position in (ours, ours + 1):
        middleware = [*settings.MIDDLEWARE]
        middleware.insert(position, login)
        settings.MIDDLEWARE = middleware
        for send in SERVERS.values():
            assert_login_is_required(send, Client())
        settings.MIDDLEWARE = [entry for entry in middleware if entry != login]


def assert_login_is_required(send: Send, visitor: Any) -> None:
    sign_in = reverse("cognito_mfa:sign_in")
    asks = [Ask("/gated/function/"), Ask("/exempt/under-login-not-required/"), Ask(sign_in)]
    first, open_to_all, page = send(visitor, asks)
    assert first["Location"].startswith(f"{sign_in}?next=")
    assert open_to_all.body == SECRET.encode()
    assert page.status_code == 200
    person = linked(f"person-{id(visitor)}-{id(send)}")
    stopped, still_open, setup = send(
        signed_in(person), [asks[0], asks[1], Ask(reverse("cognito_mfa:setup"))]
    )
    assert stopped["Location"].startswith(reverse("cognito_mfa:setup"))
    assert still_open.body == SECRET.encode()
    assert setup["Location"].startswith(sign_in)
    person.delete()
