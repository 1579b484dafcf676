"""A POST is accepted from a page of this site alone, and its answer is for this browser alone."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware
from django.test import Client
from django.urls import get_resolver, reverse
from pytest_django import Settings

from cognito_mfa import urls
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.sign_in.encryption import decrypt, encrypt
from cognito_mfa.views import post_redirects
from tests.visitor import PASSWORD, Visitor

HERE = __name__
DJANGOS = "django.middleware.csrf.CsrfViewMiddleware"
NAMES = [str(pattern.name) for pattern in urls.urlpatterns]
DATA = {
    "username": "newcomer",
    "password": PASSWORD,
    "code": "123456",
    "answer": "yes",
    "friendly_name": "Theirs",
}
CALLERS: dict[str, dict[str, Any]] = {
    "browser": {"HTTP_ACCEPT": "text/html"},
    "script": {"HTTP_ACCEPT": "*/*"},
    "htmx": {"HTTP_HX_REQUEST": "true"},
}
TENANT = "https://tenant.example"


class Lenient(CsrfViewMiddleware):
    """A site's own class, which checks nothing."""

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        return None


class Tenants(CsrfViewMiddleware):
    """A site's own class, which trusts the origins of its tenants."""

    def _origin_verified(self, request: HttpRequest) -> bool:
        return request.META.get("HTTP_ORIGIN") == TENANT


def url(name: str) -> str:
    return reverse(f"cognito_mfa:{name}")


def use(settings: Settings, path: str) -> None:
    settings.MIDDLEWARE = [path if one == DJANGOS else one for one in settings.MIDDLEWARE]


def token(page: Any) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert found
    return found[1]


def careful(client: Client) -> Client:
    """Return a browser with the cookies of ``client`` whose posts Django checks."""
    found = Client(enforce_csrf_checks=True)
    found.cookies = client.cookies
    return found


# ------------------------------------------------------------------------------- without a token


def come_to(visitor: Visitor, state: str) -> None:
    if state != "stranger":
        visitor.come_with_app()
    if state == "at the code":
        visitor.sign_out()
        visitor.sign_in()
    elif state == "at setup":
        visitor.cognito.clock.advance(30)
        visitor.post(url("device_replace"), {"password": PASSWORD})
        visitor.enter_code()


def check_at(settings: Settings, site: str) -> None:
    settings.CSRF_USE_SESSIONS = site == "in sessions"
    if site == "lenient":
        use(settings, f"{HERE}.Lenient")
    elif site == "none":
        settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != DJANGOS]


@pytest.mark.django_db
@pytest.mark.parametrize("site", ["Django's", "in sessions", "lenient", "none"])
@pytest.mark.parametrize("state", ["stranger", "at the code", "at setup", "signed in"])
def test_no_url_accepts_a_request_without_its_token(
    pool: LocalPool, visitor: Visitor, settings: Settings, site: str, state: str
) -> None:
    """``base.decorated``: without ``stale_pages.protect``, and in it without Django's ``process_view``."""
    stale = token(visitor.get(url("sign_in")))
    come_to(visitor, state)
    check_at(settings, site)
    client = careful(visitor.client)
    if state == "stranger":
        client.cookies.clear()
    key, before = client.session.session_key, dict(client.session)
    asked = len(visitor.cognito.operations())

    bad: list[dict[str, str]] = [{}, *({"csrfmiddlewaretoken": one} for one in ("a" * 64, stale))]
    for name, given, how in product(NAMES, bad, CALLERS.values()):
        answer = client.post(url(name), {**DATA, **given}, **how)
        assert answer.status_code in (303, 403, 405) or _only_reads(name), name
    for name, method in product(NAMES, ("PUT", "PATCH", "DELETE", "INVENTED")):
        answer = client.generic(method, url(name), b"code=123456")
        assert answer.status_code in (403, 405), (name, method)
    for name, method in product(NAMES, ("HEAD", "OPTIONS")):
        client.generic(method, url(name))

    assert len(visitor.cognito.operations()) == asked
    assert client.session.session_key == key
    assert {name: client.session.get(name) for name in before} == before


def _only_reads(name: str) -> bool:
    view: Any = next(one for one in urls.urlpatterns if one.name == name).callback
    return not hasattr(view, "csrf_exempt")


def test_every_view_that_leaves_the_check_to_us_has_it() -> None:
    """A view of ours that is exempt from the middleware's check runs the same one itself."""
    views: list[Any] = [
        pattern.callback for pattern in get_resolver("cognito_mfa.urls").url_patterns
    ]
    exempt = [view for view in views if getattr(view, "csrf_exempt", False)]
    assert len(exempt) > 15
    for view in exempt:
        request = HttpRequest()
        request.method, request.path = "POST", "/"
        request.META = {"SERVER_NAME": "testserver", "SERVER_PORT": "80", "HTTP_ACCEPT": "*/*"}
        assert view(request).status_code == 403  # neither session nor user was looked at


@pytest.mark.django_db
def test_a_class_of_the_site_says_which_origins_are_its_own(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    """``csrf._class_of_site``."""
    use(settings, f"{HERE}.Tenants")
    client = Client(enforce_csrf_checks=True)
    data = {**DATA, "csrfmiddlewaretoken": token(client.get(url("sign_in")))}
    for origin, status in ((TENANT, 302), ("https://elsewhere.example", 303)):
        answer: Any = client.post(url("sign_in"), data, HTTP_ORIGIN=origin)
        assert answer.status_code == status
    assert "stale=1" in answer.url


@pytest.mark.django_db
def test_a_sign_in_gives_the_browser_another_token(pool: LocalPool, visitor: Visitor) -> None:
    page = visitor.get(url("sign_in"))
    before = visitor.client.cookies["csrftoken"].value
    visitor.come_with_app()
    assert visitor.client.cookies["csrftoken"].value != before
    answer: Any = careful(visitor.client).post(
        url("sign_out"), {"csrfmiddlewaretoken": token(page)}
    )
    assert "stale=1" in answer.url


@pytest.mark.django_db
@pytest.mark.urls("tests.security.unanchored")
@pytest.mark.parametrize("host", ["//evil.example", "/\\evil.example", "///evil.example"])
def test_the_way_back_to_a_form_names_no_host(pool: LocalPool, visitor: Visitor, host: str) -> None:
    """``redirects.own_path``: a path that begins with two slashes is a host. Another site may send the first POST."""
    path = f"{host}/mfa/sign-in/"
    form = "application/x-www-form-urlencoded"
    for client in (Client(enforce_csrf_checks=True), Client()):
        answer: Any = client.generic("POST", "/", b"username=", form, PATH_INFO=path)
        assert answer.status_code == 303
        assert re.match(r"/[^/\\]", answer.url), answer.url
    # And the page says what was wrong.
    page = client.generic("GET", "/", PATH_INFO=path)
    assert "Enter your username" in page.content.decode() or "cognito-mfa-field-error" in str(
        page.content
    )


# ----------------------------------------------------------------------------- what is kept of it


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("sign_in", {"username": "newcomer", "password": "Wrong-Horse-7"}),
        ("sign_in", {"username": ""}),
        ("sign_in", {"username": "x" * 100_000}),
        ("sign_in", {"username": ["\N{HAMMER AND PICK}" * 500] * 900}),
        ("password_reset", {"username": ""}),
        ("challenge", {"code": "1"}),
        ("setup", {"code": "1"}),
        ("setup_cancel", {}),
    ],
)
def test_a_stranger_fills_no_table(
    pool: LocalPool, visitor: Visitor, name: str, data: dict[str, Any]
) -> None:
    """``post_redirects.redirected``: a session for each post could be had without an account, and lasts for weeks."""
    for _number in range(3):
        client = Client()
        client.cookies["sessionid"] = "a" * 32  # of no session
        client.post(url(name), data)
        assert sum(len(one.OutputString()) for one in client.cookies.values()) < 4000
    assert not Session.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["challenge", "setup", "password_reset_confirm", "device"])
def test_a_link_fills_no_table_either(
    pool: LocalPool, visitor: Visitor, settings: Settings, name: str
) -> None:
    """``Page.explain_stale``: anyone may link to an address that says that the page was open for too long."""
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
    shown = visitor.client.get(f"{url(name)}?stale=1&next=/private/", follow=True)
    assert shown.redirect_chain[-1][0].startswith("/account/")
    assert "This page was open for too long" in visitor.text(shown)
    assert not Session.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["username", "password", "next", "csrfmiddlewaretoken"])
def test_what_a_session_keeps_is_bounded(pool: LocalPool, visitor: Visitor, field: str) -> None:
    visitor.sign_in()
    for number in range(10):
        data = {"username": "x", "password": "y", field: ["/" + "x" * 490] * 900}
        visitor.client.post(f"{url('sign_in')}?next=/{number}", data)
        data[field] = ["/" + "x" * 1_000_000]
        visitor.client.post(f"{url('password_reset')}?next=/{number}", data)
        visitor.client.post(url("setup"), {"code": "1" * 1_000_000, "friendly_name": "y" * 1000})
    assert len(Session.objects.get().session_data) < 10_000
    assert len(visitor.client.session[post_redirects.KEY]) <= post_redirects.MAX_KEPT


@pytest.mark.django_db
def test_a_way_back_for_a_code_is_bounded(pool: LocalPool, visitor: Visitor) -> None:
    """A session is left with each request for a code."""
    data = {"username": "newcomer", "next": "/" + "x" * 1_000_000, "have_code": "1"}
    visitor.client.post(url("password_reset"), data)
    assert len(Session.objects.get().session_data) < 10_000


class TestTheCookieOfAVisitor:
    @pytest.fixture
    def cookie(self, pool: LocalPool, visitor: Visitor) -> Any:
        data = {"username": "Zoe-Zimmermann", "password": "Wrong-Horse-7"}
        answer: Any = visitor.client.post(url("sign_in"), data)
        (found,) = (
            one for name, one in answer.cookies.items() if name.startswith(post_redirects.COOKIE)
        )
        return found

    def shown(self, visitor: Visitor, cookie: Any, value: str, path: str = "sign_in") -> str:
        visitor.client.cookies.clear()
        visitor.client.cookies[cookie.key] = value
        return visitor.text(visitor.get(url(path)))

    @pytest.mark.django_db
    def test_it_is_of_one_page_and_one_minute_and_no_script(self, cookie: Any) -> None:
        assert cookie["path"] == url("sign_in")
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["max-age"] == 60
        assert "Zoe-Zimmermann" not in cookie.value
        assert "Wrong-Horse-7" not in repr(decrypt(cookie.value))

    @pytest.mark.django_db
    def test_it_is_deleted_with_the_page_that_shows_it(self, visitor: Visitor, cookie: Any) -> None:
        shown = visitor.get(url("sign_in"))
        assert 'value="Zoe-Zimmermann"' in visitor.text(shown)
        assert shown.cookies[cookie.key]["max-age"] == 0
        assert shown.cookies[cookie.key]["path"] == url("sign_in")
        assert 'value="Zoe-Zimmermann"' not in visitor.text(visitor.get(url("sign_in")))

    @pytest.mark.django_db
    def test_it_is_of_no_use_changed_or_elsewhere_or_later_or_to_a_user(
        self, visitor: Visitor, cookie: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert 'value="Zoe-Zimmermann"' in self.shown(visitor, cookie, cookie.value)
        assert 'value="Zoe-Zimmermann"' not in self.shown(
            visitor, cookie, cookie.value[:-9] + "AAAAAAAA="
        )
        # What is encrypted for another purpose, such as of a session.
        assert 'value="Zoe-Zimmermann"' not in self.shown(
            visitor, cookie, encrypt({"step": "SETUP"})
        )
        kept = decrypt(cookie.value)
        assert kept is not None
        del kept["place"]
        assert 'value="Zoe-Zimmermann"' not in self.shown(visitor, cookie, encrypt(kept))
        monkeypatch.setattr(post_redirects, "TTL", 0.0)
        assert 'value="Zoe-Zimmermann"' not in self.shown(visitor, cookie, cookie.value)

    @pytest.mark.django_db
    def test_a_visitor_with_a_session_gets_none(self, pool: LocalPool, visitor: Visitor) -> None:
        visitor.sign_in()
        answer: Any = visitor.client.post(url("sign_in"), {"username": ""})
        assert not [name for name in answer.cookies if name.startswith(post_redirects.COOKIE)]
        assert post_redirects.KEY in visitor.client.session
