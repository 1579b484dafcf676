"""Tricks with paths against the views that the gate leaves alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.core import checks
from django.http import HttpRequest
from django.test import Client
from django.urls import (
    include,
    path,
    reverse,
)
from django.utils.decorators import sync_and_async_middleware
from pytest_django import Settings

from cognito_mfa.conf import SETTINGS
from cognito_mfa.urls import urlpatterns as our_pages
from tests.enforcement import site as views
from tests.enforcement.people import unproven
from tests.enforcement.servers import CALLERS, Ask, Send
from tests.enforcement.site import SECRET, asecret, secret
from tests.enforcement.whole_site import WholeSite, addresses
from tests.security.refusal import assert_nothing_shown, assert_refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]


@pytest.mark.parametrize("caller", CALLERS)
def test_lookalikes_of_open_paths_are_gated(send: Send, caller: str) -> None:
    paths = [
        "/account/sign-in-evil/",
        "/account/sign-inX",
        "/anything/account/sign-in/",
        "/anything/static/evil",
        "/static/evil",
        "/accounts/login/",
    ]
    for answer in send(unproven(), [Ask(address, headers=CALLERS[caller]) for address in paths]):
        assert_refused(answer)


def test_paths_that_a_proxy_would_tidy_up_are_gated(send: Send) -> None:
    paths = [
        "//gated/function/",
        "/./gated/function/",
        "/x/../gated/function/",
        "/%2e%2e/gated/function/",
        "/exempt/function/../../gated/function/",
        "/account/sign-in/../../gated/function/",
        "/anything/../gated/function/",
        "\\gated\\function\\",
        "/gated\\function/",
        "/anything/..%2fexempt/function/",
    ]
    for answer in send(unproven(), [Ask("/", raw=address) for address in paths]):
        assert_nothing_shown(answer)


def test_encoded_paths_reach_the_view_and_its_gate(send: Send) -> None:
    answers = send(unproven(), [Ask("/%67ated/function/"), Ask("/gated/%66unction%2F")])
    for answer in answers:
        assert_refused(answer)
    for answer in send(unproven_again(), [Ask("/gated/function%2F"), Ask("/gated%2Ffunction/")]):
        assert_refused(answer)


def unproven_again() -> Client:
    from django.contrib.auth import get_user_model

    from tests.enforcement.people import signed_in

    return signed_in(get_user_model().objects.get())


def test_semicolons_open_nothing(send: Send) -> None:
    paths = [
        "/gated/function/;jsessionid=1",
        "/gated/function;/",
        "/gated/function/;x",
        "/;/gated/",
    ]
    paths.append("/anything/;/exempt/function/")
    asks = [Ask("/", raw=address) for address in paths]
    for answer in send(unproven(), asks):
        assert_nothing_shown(answer)


def test_case_width_and_invisible_letters_open_nothing(send: Send) -> None:
    paths = [
        "/GATED/function/",
        "/gated/FUNCTION/",
        "/gated/funct\u0131on/",
        "/\uff47ated/function/",
        "/gated/func\u00adtion/",
        "/gated/function/\x00",
        "/gated/function/\n",
        "/gated/function/ ",
        "/anything/\x00\n\u202e",
    ]
    for answer in send(unproven(), [Ask("/", raw=address) for address in paths]):
        assert_nothing_shown(answer)


@pytest.mark.parametrize("prefix", ["/account/sign-in", "/exempt/function", "/static"])
def test_a_site_mounted_under_an_open_path_is_gated(
    send: Send, prefix: str, settings: Settings
) -> None:
    (answer,) = send(unproven(), [Ask("/gated/function/", prefix=prefix)])
    assert SECRET.encode() not in answer.body
    assert answer.status_code == 302

    settings.FORCE_SCRIPT_NAME = prefix
    (answer,) = send(unproven_again(), [Ask("/gated/function/")])
    assert SECRET.encode() not in answer.body


class OtherHostUrls:
    """Where other hosts have an open page, this one has a protected one."""

    urlpatterns = [
        path("exempt/function/", secret),
        *i18n_patterns(path("exempt/class/", asecret)),
        path("account/", include("cognito_mfa.urls")),
    ]


@sync_and_async_middleware
def by_host(get_response: Callable[..., Any]) -> Callable[..., Any]:
    from asgiref.sync import iscoroutinefunction

    def choose(request: HttpRequest) -> None:
        request.urlconf = OtherHostUrls  # type: ignore[assignment]

    if iscoroutinefunction(get_response):

        async def achosen(request: HttpRequest) -> Any:
            choose(request)
            return await get_response(request)

        return achosen

    def chosen(request: HttpRequest) -> Any:
        choose(request)
        return get_response(request)

    return chosen


def test_the_urlconf_of_another_host_or_language_is_gated(send: Send, settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.by_host"]
    for answer in send(unproven(), [Ask("/exempt/function/"), Ask("/en/exempt/class/")]):
        assert_refused(answer)


def test_views_that_are_named_like_ours_are_gated(send: Send) -> None:
    asks = [Ask("/more/x/"), Ask("/sign_in/"), Ask("/accounts/login/")]
    for answer in send(unproven(), asks):
        assert_refused(answer)


class Renamed:
    """Our pages under a namespace of the site's own."""

    urlpatterns = [
        path("mfa/", include(("cognito_mfa.urls", "other"), namespace="other")),
        path("gated/function/", secret),
    ]


class Hidden:
    """Our pages without any namespace: nothing leads to them."""

    urlpatterns = [path("mfa/", include(our_pages)), path("gated/function/", secret)]


def test_a_namespace_of_the_sites_own_changes_nothing(send: Send, settings: Settings) -> None:
    settings.ROOT_URLCONF = Renamed
    stopped, page = send(unproven(), [Ask("/gated/function/"), Ask("/mfa/sign-in/")])
    assert_refused(stopped)
    assert page.status_code == 200


def test_pages_that_nothing_leads_to_are_an_error_and_open_nothing(
    send: Send, settings: Settings
) -> None:
    settings.ROOT_URLCONF = Hidden
    told = {message.id for message in checks.run_checks() if message.is_serious()}
    assert "cognito_mfa.E010" in told
    (answer,) = send(unproven(), [Ask("/gated/function/")])
    assert answer.status_code == 403
    assert SECRET.encode() not in answer.body


def test_query_and_fragment_mean_nothing(send: Send) -> None:
    paths = [
        "/gated/function/?next=/exempt/function/",
        "/gated/function/?/account/sign-in/",
        "/gated/function/?mfa_exempt=1&cognito_mfa_exempt=True",
        "/gated/function/#/account/sign-in/",
    ]
    for answer in send(unproven(), [Ask(address) for address in paths]):
        assert_refused(answer)


def test_endless_and_broken_paths_open_nothing(send: Send) -> None:
    paths = [
        "/gated/function/" + "x" * 65536,
        "/anything/" + "x" * 65536,
        "/anything/%",
        "/gated/%/",
        "/anything/\udcff\udcfe",
    ]
    broken = [Ask("/", raw=address) for address in paths]
    if send.__name__ == "over_asgi":  # a server decodes the path, with replacement characters
        broken[-1] = Ask("/", raw="/anything/\ufffd\ufffd")
    for answer in send(unproven(), broken):
        assert_nothing_shown(answer)


def test_no_setting_takes_a_pattern_of_paths() -> None:
    """So there is no expression that could be slow, or match more than was meant."""
    assert [name for name in SETTINGS if re.search(r"EXEMPT|PATH|PATTERN|SKIP|IGNORE", name)] == []


# --------------------------------------------------------------------------------------------- crawl

NEEDED = (
    "django.contrib.sessions",
    "django.contrib.auth",
    "django.contrib.messages",
    "cognito_mfa",
)


# All that people reach who have proven nothing: our steps, what is marked, and Django's own.
OPEN = {
    *(f"exempt/{name}/" for name in views.EXEMPT),
    *(
        f"account/{step}/"
        for step in (
            "sign-in",
            "sign-out",
            "new-password",
            "challenge",
            "recover",
            "link",
            "setup",
        )
    ),
    "account/password/reset/",
    "account/password/reset/confirm/",
    "account/setup/cancel/",
    "account/setup/done/",
    "admin/login/",
    "admin/logout/",
    "imprint/",
    "i18n/setlang/",
    "jsi18n/",
    "leave/",
}


@pytest.mark.sweep
def test_nothing_but_the_documented_views_is_open(send: Send, settings: Settings) -> None:
    settings.ROOT_URLCONF = WholeSite
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cache"
    settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if entry.startswith(NEEDED)]
    # What ends the session comes last, or everything after it would be asked by no one.
    ordered = sorted(
        addresses(), key=lambda route: bool(re.search("logout|leave|sign-out/", route))
    )
    routes = [(route, method) for route in ordered for method in METHODS]
    assert len(addresses()) >= 150
    asks = [Ask("/" + addresses()[route], method, CALLERS["json"]) for route, method in routes]

    reached = set()
    for (route, method), answer in zip(routes, send(unproven(), asks), strict=True):
        stopped = answer.status_code == 403 and answer["Content-Type"] == "application/problem+json"
        if not stopped:
            assert method == "HEAD" or route in OPEN, (route, method, answer)
            reached.add(route)
        else:
            assert SECRET.encode() not in answer.body
    assert {route for route in reached if route in OPEN} == OPEN
    assert reached <= OPEN


def test_no_one_is_led_in_a_circle(settings: Settings) -> None:
    settings.ROOT_URLCONF = WholeSite
    browser = unproven()
    for route, address in addresses().items():
        if re.search(r"logout|leave|sign-out|<\w+:x\d+>", route):  # of the many, one stands for all
            continue
        url, hops = f"/{address}", 0
        answer: Any = browser.get(url)
        while answer.status_code in (301, 302) and hops < 4:
            url, hops = answer["Location"], hops + 1
            answer = browser.get(url)
        assert hops <= 3, (route, url)
        assert answer.status_code < 500, (route, url)


def test_no_one_is_led_in_a_circle_with_the_login_elsewhere(settings: Settings) -> None:
    settings.LOGIN_URL = "/accounts/login/"
    answer = unproven().get("/gated/function/", follow=True)
    assert len(answer.redirect_chain) == 2
    assert answer.status_code == 200
    assert answer.request["PATH_INFO"] == reverse("cognito_mfa:sign_in")
