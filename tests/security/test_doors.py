"""Other doors than the front one."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.test import Client
from django.urls import path, reverse
from pytest_django import Settings

from tests.enforcement.people import (
    THEIRS,
    linked,
    proven,
    reset_in_the_meantime,
    signed_in,
    unproven,
)
from tests.enforcement.servers import CALLERS, Ask, Send
from tests.enforcement.site import ANSWERS, GATED, SECRET
from tests.enforcement.site import urlpatterns as site_urls
from tests.security.refusal import assert_refused
from tests.urls import PersonAdmin

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("site")]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
STRANGE = ["PROPFIND", "FOO", "get", "gEt", "CONNECT"]
GATE = "cognito_mfa.middleware.RequireMFAMiddleware"

second_admin = AdminSite(name="second")
second_admin.register(User, PersonAdmin)


class TwoAdmins:
    """A second admin site, as Django makes it: with a form that takes a password."""

    urlpatterns = [path("second-admin/", second_admin.urls), *site_urls]


def test_a_local_password_in_any_admins_form_meets_the_gate(send: Send, settings: Settings) -> None:
    settings.ROOT_URLCONF = TwoAdmins
    linked("root", is_staff=True, is_superuser=True, password="local-password-1")
    browser = Client()
    data = {"username": "root", "password": "local-password-1"}
    assert browser.post("/second-admin/login/", data).status_code == 302
    assert browser.session["_auth_user_backend"] == THEIRS

    for answer in send(browser, [Ask("/second-admin/"), Ask("/admin/")]):
        assert b"Site administration" not in answer.body
        assert answer.status_code == 302


def test_signing_in_again_as_staff_from_inside_meets_the_gate(
    send: Send, settings: Settings
) -> None:
    settings.ROOT_URLCONF = TwoAdmins
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": "staff"}
    linked("root", is_staff=True, is_superuser=True, password="local-password-1")
    browser = signed_in(linked("plain"))
    assert browser.get("/gated/function/").content == SECRET.encode()  # the policy is about staff
    data = {"username": "root", "password": "local-password-1"}
    assert browser.post("/second-admin/login/", data).status_code == 302

    for answer in send(browser, [Ask("/second-admin/"), Ask("/admin/")]):
        assert b"Site administration" not in answer.body
        assert answer.status_code == 302


@pytest.mark.parametrize("with_middleware", [True, False])
def test_every_page_of_the_admin_is_behind_the_proof(
    send: Send, settings: Settings, with_middleware: bool
) -> None:
    """Actions, autocompletion, history, its own scripts, the change of password, pop-ups."""
    if not with_middleware:
        settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if entry != GATE]
    root = linked("root", is_staff=True, is_superuser=True)
    browser = signed_in(root, backend=THEIRS)
    pages = [
        "/admin/",
        "/admin/jsi18n/",
        "/admin/autocomplete/?app_label=auth&model_name=user&field_name=x",
        "/admin/password_change/",
        "/admin/auth/user/",
        f"/admin/auth/user/{root.pk}/change/?_popup=1",
        f"/admin/auth/user/{root.pk}/history/",
        f"/admin/auth/user/{root.pk}/password/",
        f"/admin/auth/user/{root.pk}/delete/",
        "/admin/auth/user/add/",
        "/admin/cognito_mfa/cognitoidentity/",
        "/admin/r/1/1/",
        "/admin/no/such/page/",
    ]
    asks = [Ask(page, method) for page in pages for method in ("GET", "POST")]
    for ask, answer in zip(asks, send(browser, asks), strict=True):
        assert answer.status_code in (302, 403, 404), ask
        assert b"Site administration" not in answer.body
        assert b"root" not in answer.body.replace(b"/root", b""), ask
    (answer,) = send(proven(root), [Ask("/admin/auth/user/")])
    assert answer.status_code == 200


@pytest.mark.parametrize("caller", CALLERS)
def test_every_caller_gets_its_own_answer(send: Send, caller: str) -> None:
    browser = unproven()
    asks = [
        Ask(f"/gated/{name}/", method, CALLERS[caller])
        for name in GATED
        for method in ("GET", "POST")
    ]
    for answer in send(browser, asks):
        assert_refused(answer)
        assert answer.status_code == (302 if caller == "page" else 403)
        assert ("HX-Redirect" in answer) == (caller == "htmx")
        assert {"Accept", "HX-Request", "Cookie"} <= set(answer["Vary"].split(", "))


def test_being_a_script_is_no_exemption(send: Send) -> None:
    browser = unproven()
    disguises = [
        {"X-Requested-With": "XMLHttpRequest"},
        {"Accept": "*/*"},
        {"Accept": "application/graphql-response+json"},
        {"Content-Type": "application/json", "Accept": "application/json"},
        {"HX-Request": "true", "HX-Boosted": "true"},
        {"Purpose": "prefetch", "Sec-Purpose": "prefetch"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"User-Agent": "kube-probe/1.0"},
    ]
    for answer in send(browser, [Ask("/gated/function/", "POST", headers=h) for h in disguises]):
        assert_refused(answer)


@pytest.mark.parametrize("caller", CALLERS)
def test_no_method_passes(send: Send, caller: str) -> None:
    browser = unproven()
    asks = [
        Ask(view, method, CALLERS[caller])
        for view in ("/gated/function/", "/gated/async-function/", "/gated/async-class/")
        for method in [*METHODS, *STRANGE]
    ]
    for answer in send(browser, asks):
        assert_refused(answer)


def test_another_method_in_a_header_or_a_field_means_nothing(send: Send) -> None:
    browser = unproven()
    asks = [
        Ask("/gated/class/", "POST", {"X-HTTP-Method-Override": "GET"}),
        Ask("/gated/class/?_method=OPTIONS", "POST"),
        Ask("/gated/class/", "OPTIONS", {"Access-Control-Request-Method": "GET"}),
    ]
    for answer in send(browser, asks):
        assert_refused(answer)


def test_a_stream_is_refused_once_the_proof_is_gone(send: Send) -> None:
    """What was opened before keeps running: Django's middleware sees a request once."""
    for answer in send(reset_in_the_meantime(), [Ask("/answer/stream/"), Ask("/answer/poll/")]):
        assert_refused(answer)


@pytest.mark.parametrize("caller", CALLERS)
def test_streams_downloads_and_conditional_requests_are_gated(send: Send, caller: str) -> None:
    browser = unproven()
    headers = {
        **CALLERS[caller],
        "If-None-Match": '"v1"',
        "If-Modified-Since": "Wed, 25 Nov 2026 00:00:00 GMT",
        "Range": "bytes=0-3",
    }
    # An async stream under WSGI, and a sync one under ASGI, are Django's to convert; the gate is before.
    asks = [Ask(f"/answer/{name}/", method, headers) for name in ANSWERS for method in METHODS[:3]]
    for answer in send(browser, asks):
        assert_refused(answer)
        assert "X-Accel-Redirect" not in answer
        assert "ETag" not in answer


def test_polling_is_told_in_json_and_costs_no_session(send: Send) -> None:
    browser = unproven()
    before = browser.session["_auth_user_id"], browser.session.get_expiry_date()
    for answer in send(browser, [Ask("/answer/poll/", headers=CALLERS["json"])] * 5):
        assert answer.json()["setup_url"].endswith(reverse("cognito_mfa:setup"))
        assert answer.cookies.output() == ""
    assert browser.session["_auth_user_id"] == before[0]


def test_pages_that_do_not_exist_show_nothing(send: Send) -> None:
    """The gate decides about views. Where there is none, Django says so, to every user in the same way."""
    browser = unproven()
    for answer in send(browser, [Ask("/no/such/page/"), Ask("/gated/nothing/")]):
        assert answer.status_code == 404
        assert b"someone" not in answer.body
    (answer,) = send(browser, [Ask("/gated/function")])  # APPEND_SLASH
    assert answer.status_code == 301
    assert SECRET.encode() not in answer.body


HEADERS: dict[str, dict[str, str]] = {
    "original url": {"X-Original-URL": "/exempt/function/", "X-Rewrite-URL": "/imprint/"},
    "forwarded": {
        "X-Forwarded-Uri": "/account/sign-in/",
        "X-Forwarded-Prefix": "/account/sign-in",
        "X-Forwarded-Host": "localhost",
        "Forwarded": "for=127.0.0.1;host=localhost;proto=https",
    },
    "referer": {"Referer": "http://testserver/account/sign-in/"},
    "near": {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "10.0.0.1"},
    "nonsense": {"X-Forwarded-For": "not an address"},
    "many": {"X-Forwarded-For": ", ".join(["127.0.0.1"] * 1000)},
}


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("caller", CALLERS)
def test_no_header_of_a_proxy_opens_anything(send: Send, headers: str, caller: str) -> None:
    ask = Ask("/gated/function/", headers={**CALLERS[caller], **HEADERS[headers]})
    (answer,) = send(unproven(), [ask])
    assert_refused(answer)


def test_no_one_is_who_a_header_says(send: Send) -> None:
    linked("root", is_staff=True, is_superuser=True)
    headers = {
        "Remote-User": "root",
        "X-Remote-User": "root",
        "X-Forwarded-User": "root",
        "X-Amzn-Oidc-Identity": "sub-of-root",
        "X-Amzn-Oidc-Data": "e30.e30.",
    }
    for answer in send(Client(), [Ask("/private/", headers=headers), Ask("/required/function/")]):
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("cognito_mfa:sign_in"))


def test_files_that_django_serves_are_gated_or_known(send: Send) -> None:
    """A view of the site's own that serves files is a view like any other."""
    (answer,) = send(unproven(), [Ask("/static/evil/letter.txt")])
    assert_refused(answer)


def test_a_switched_user_has_no_proof_but_the_own_one(send: Send) -> None:
    """However the session's user is changed: by its keys, or by another middleware."""
    browser = proven(linked("mine"))
    victim = linked("victim", is_staff=True)
    session = browser.session
    session["_auth_user_id"] = str(victim.pk)
    session["_auth_user_hash"] = victim.get_session_auth_hash()
    session.save()
    (answer,) = send(browser, [Ask("/gated/function/")])
    assert_refused(answer)

    browser.force_login(victim)
    browser.force_login(User.objects.get(username="mine"))  # and back: to be proven again
    (answer,) = send(browser, [Ask("/gated/function/")])
    assert_refused(answer)


def test_a_sign_in_by_code_outside_of_any_view_proves_nothing(send: Send) -> None:
    """As a shell, a task or a signal may do it, with a request of its own making."""
    request = HttpRequest()
    request.session = SessionStore()
    login(request, linked(), backend="cognito_mfa.backends.CognitoBackend")
    request.session.save()
    browser = Client()
    browser.cookies["sessionid"] = str(request.session.session_key)
    for answer in send(browser, [Ask("/gated/function/"), Ask("/gated/async-function/")]):
        assert_refused(answer)


def test_who_another_middleware_puts_there_is_judged(send: Send, settings: Settings) -> None:
    linked("victim")
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.Impersonation"]
    settings.MIDDLEWARE.remove(GATE)
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, GATE]
    answers = send(proven(linked("mine")), [Ask("/gated/function/"), Ask("/gated/async-function/")])
    for answer in answers:
        assert_refused(answer)


def test_a_view_finds_no_other_user_than_was_judged(send: Send, settings: Settings) -> None:
    """The person in the session was not asked for a code; the one in their place need not be."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": "staff"}
    linked("victim")
    browser = signed_in(linked("boss", is_staff=True))
    middleware = [entry for entry in settings.MIDDLEWARE if entry != GATE]
    settings.MIDDLEWARE = [*middleware, f"{__name__}.Impersonation", GATE]
    for answer in send(browser, [Ask("/private/"), Ask("/async-private/")]):
        assert answer.status_code == 200
        assert b"page of victim" in answer.body


class Impersonation:
    """What packages for impersonation do: another user in the session's place."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        request.user = User.objects.get(username="victim")
        return self.get_response(request)
