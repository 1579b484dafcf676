"""No address that a user gives us leads away from the site, whatever is made of it: a header, an
attribute or a script. Judged by where a browser would go."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.enforcement import redirects
from cognito_mfa.enforcement.redirects import safe_url
from cognito_mfa.local.pool import LocalPool
from tests.security.addresses import FORBIDDEN, GOOD, HOSTILE, HOSTILE_ON_PAGES
from tests.security.ways_back import SITE, UNRESERVED, leads_home, query, stays
from tests.visitor import Visitor


def request(*, secure: bool = False) -> HttpRequest:
    return RequestFactory().get("/", secure=secure)


@pytest.fixture(params=["with Django's check", "by our own grammar alone"])
def two_checks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the two must hold without the other."""
    if request.param != "with Django's check":
        monkeypatch.setattr(redirects, "url_has_allowed_host_and_scheme", lambda *_, **__: True)


@pytest.mark.usefixtures("two_checks")
class TestTheFunction:
    """``redirects.safe_url``: without ``_is_odd``, the look-ahead in ``PATH``, or what ``_is_ours`` compares,
    these fail."""

    @pytest.mark.parametrize("secure", [False, True])
    def test_what_it_lets_through_stays_here(self, secure: bool) -> None:
        for url in HOSTILE:
            given = safe_url(request(secure=secure), url)
            assert leads_home(given, base="https://testserver" if secure else SITE), url
            assert UNRESERVED.fullmatch(given), url
            assert not given.startswith("//"), url
            assert safe_url(request(secure=secure), given) == given, url

    def test_what_no_address_needs_is_refused(self) -> None:
        for c in FORBIDDEN:
            self.is_refused(c)

    def is_refused(self, c: str) -> None:
        for shape in (
            "/{}",
            "{}/",
            "/a{}b",
            "/a?b={}",
            "http://testserver/{}",
            "http://testserver{}",
        ):
            assert safe_url(request(), shape.format(c)) == "", (shape, c)

    @pytest.mark.parametrize(("url", "given"), GOOD.items())
    def test_what_people_come_back_to_stays(self, url: str, given: str) -> None:
        assert safe_url(request(), url) == given
        assert safe_url(request(), given) == given

    def test_an_https_site_accepts_no_http_address(self) -> None:
        """The line is the scheme's comparison."""
        assert safe_url(request(secure=True), "http://testserver/private/") == ""
        assert safe_url(request(secure=True), "https://testserver/private/") != ""
        assert safe_url(request(secure=True), "/private/") == "/private/"

    def test_another_host_of_the_site_is_another_site(self) -> None:
        assert safe_url(request(), "http://localhost/") == ""

    @pytest.mark.parametrize("url", [None, "", 0])
    def test_nothing_is_nothing(self, url: Any) -> None:
        assert safe_url(request(), url) == ""


@pytest.fixture
def proven(optional_pool: LocalPool, visitor: Visitor) -> Visitor:
    visitor.come_with_app()
    return visitor


#: For pages, and forms of a page, that print what ``redirects.safe_url`` returned as others do.
SOME = HOSTILE_ON_PAGES[::4]


class TestThePages:
    """Every page that takes a way back. All of them print what ``redirects.safe_url`` returned."""

    def test_the_last_page_of_a_set_up(self, pool: LocalPool, visitor: Visitor) -> None:
        visitor.set_up()
        for url in HOSTILE_ON_PAGES:
            stays(visitor.get(reverse("cognito_mfa:setup_done") + query(url)), of=url)

    @pytest.mark.parametrize("more", ["", "&again=1", "&switch=1", "&setup=1"])
    def test_the_sign_in_of_a_stranger(self, pool: LocalPool, visitor: Visitor, more: str) -> None:
        for url in SOME if more else HOSTILE_ON_PAGES:
            stays(visitor.get(reverse("cognito_mfa:sign_in") + query(url) + more), of=url)

    @pytest.mark.parametrize("more", ["", "&again=1", "&switch=1", "&setup=1"])
    def test_the_sign_in_of_a_user_who_is_in(self, proven: Visitor, more: str) -> None:
        for url in SOME if more else HOSTILE_ON_PAGES:
            stays(proven.get(reverse("cognito_mfa:sign_in") + query(url) + more), of=url)

    @pytest.mark.parametrize(
        "name", ["setup", "challenge", "new_password", "device", "device_rename", "device_remove"]
    )
    def test_a_step_that_is_not_begun(self, pool: LocalPool, visitor: Visitor, name: str) -> None:
        for url in SOME:
            stays(visitor.get(reverse(f"cognito_mfa:{name}") + query(url)), of=url)

    def test_the_door_of_the_administration(self, proven: Visitor) -> None:
        for url in SOME:
            stays(proven.get("/admin/login/" + query(url)), of=url)
        User.objects.update(is_staff=True)
        for url in HOSTILE_ON_PAGES:
            stays(proven.get("/admin/login/" + query(url)), of=url)

    def test_the_page_that_htmx_works_in(self, pool: LocalPool, visitor: Visitor) -> None:
        """It is taken apart again. Cause: ``redirects.local_path``."""
        visitor.client.force_login(User.objects.create(username="somebody"))
        for url in (*HOSTILE_ON_PAGES, "http://testserver//evil.example/", "http://testserver///x"):
            if "\n" in url or "\r" in url or not url.isascii():
                continue  # no server lets these through in a header
            for whole in (url, f"http://testserver{url}"):
                headers = {"HX-Request": "true", "HX-Current-URL": whole}
                stays(visitor.get("/private/", headers=headers), of=whole)

    @pytest.mark.over_api
    @pytest.mark.parametrize("url", ["/\n//evil.example/x", "//evil.example", r"/\evil.example"])
    def test_the_whole_way_through_a_first_sign_in(
        self, pool: LocalPool, visitor: Visitor, url: str
    ) -> None:
        stays(visitor.sign_in(next_url=url), of=url)
        visitor.scan()
        done = visitor.confirm_setup()
        stays(done, of=url)
        stays(visitor.get(done.url), of=url)
        visitor.sign_out()
        visitor.wait(30)
        stays(visitor.sign_in(next_url=url), of=url)
        stays(visitor.enter_code(), of=url)
        assert visitor.is_in()

    @pytest.mark.parametrize(
        ("begun", "ended", "way_back"),
        [
            ({"headers": {"Host": "localhost"}}, {}, "http://localhost/private/"),
            ({}, {"secure": True}, "http://testserver/private/"),
        ],
    )
    def test_a_way_back_is_judged_again_where_it_is_used(
        self,
        optional_pool: LocalPool,
        visitor: Visitor,
        begun: dict[str, Any],
        ended: dict[str, Any],
        way_back: str,
    ) -> None:
        """A sign-in that was begun under another name, or without TLS. Cause: ``redirects.destination`` in
        ``Page.redirect_to_step``, views.py."""
        optional_pool.register_software_token("newcomer")
        visitor.sign_in(next_url=way_back, **begun)
        code = optional_pool.code_for("newcomer")
        done = visitor.post(reverse("cognito_mfa:challenge"), {"code": code}, **ended)
        assert (done.status_code, done.url) == (302, "/")

    @pytest.mark.parametrize("path", ["//evil.example/private/", "/%0a/evil.example", "/%5c/evil/"])
    def test_the_gates_own_way_back(self, pool: LocalPool, visitor: Visitor, path: str) -> None:
        """``get_full_path`` of a request that a user made up."""
        visitor.client.force_login(User.objects.create(username="somebody"))
        response = visitor.get("/private/", PATH_INFO=path)
        stays(response, of=path)


class TestTheLinkToHelp:
    """``COGNITO_MFA["SUPPORT_URL"]``, which stands in pages and in mails. Cause: ``redirects.support_url``."""

    @pytest.fixture
    def pages(self, pool: LocalPool, visitor: Visitor, settings: Settings) -> Callable[[str], str]:
        pool.user("newcomer").attributes["email_verified"] = "true"  # or no mail is sent

        def see(url: str) -> str:
            settings.COGNITO_MFA = {**settings.COGNITO_MFA, "SUPPORT_URL": url}
            visitor.sign_in()
            visitor.scan()
            seen = visitor.text(visitor.get(reverse("cognito_mfa:setup")))
            done = visitor.confirm_setup()
            seen += visitor.text(visitor.get(done.url))
            visitor.sign_out()
            visitor.wait(30)
            visitor.sign_in()
            return seen + visitor.text(visitor.get(reverse("cognito_mfa:challenge")))

        return see

    @pytest.mark.parametrize(
        "url",
        [
            "javascript:alert(1)",
            "JAVASCRIPT:alert(1)",
            "java\nscript:alert(1)",
            "data:text/html,x",
            "//elsewhere.example/",
            "/\n/elsewhere.example/",
            "https:elsewhere.example",
            "https://user@elsewhere.example/",
            "https://elsewhere.example/a b",
            "vbscript:x",
        ],
    )
    def test_what_is_no_link_is_nowhere(
        self,
        pages: Callable[[str], str],
        url: str,
        mailoutbox: list[Any],
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            assert "Get help" not in pages(url)
        assert mailoutbox
        for mail in mailoutbox:
            html_part = mail.alternatives[0][0]
            assert "Get help" not in html_part
            assert url not in mail.body + html_part

    @pytest.mark.parametrize(
        ("url", "in_mail"),
        [
            ("https://example.com/help/?a=b&c", True),
            ("mailto:help@example.com", True),
            ("tel:+15555550100", True),
            ("/help/", False),
        ],
    )
    def test_what_is_one_stands_where_it_leads_somewhere(
        self,
        pages: Callable[[str], str],
        url: str,
        in_mail: bool,
        mailoutbox: list[Any],
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            assert f'href="{html.escape(url)}"' in pages(url)
        assert mailoutbox
        for mail in mailoutbox:
            assert (url in mail.body) == in_mail
            assert (html.escape(url) in mail.alternatives[0][0]) == in_mail
