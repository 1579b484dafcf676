"""Pages at addresses without a view: Django's own flatpages and redirects, and whatever else answers by itself.

The places: ``middleware.__call__`` and ``_acall``, ``unrouted_responses.needs_decision`` and ``replacement_for``.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib.auth import login
from django.contrib.flatpages.models import FlatPage
from django.contrib.redirects.models import Redirect
from django.contrib.sites.models import Site
from django.core import checks
from django.db import connection
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseForbidden,
    HttpResponseNotFound,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from pytest_django import Settings

from cognito_mfa.decorators import mfa_exempt
from cognito_mfa.middleware import RequireMFAMiddleware
from cognito_mfa.mixins import MFAExemptMixin
from cognito_mfa.models import BlockedRequest
from tests.enforcement.conftest import conf
from tests.enforcement.people import linked, proven, signed_in
from tests.enforcement.servers import CALLERS, Ask, Send
from tests.neighbors import urls as plain_urls
from tests.security.conftest import send

__all__ = ["conf", "send"]
pytestmark = pytest.mark.django_db
GATE = "cognito_mfa.middleware.RequireMFAMiddleware"
FLATPAGES = "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware"
REDIRECTS = "django.contrib.redirects.middleware.RedirectFallbackMiddleware"
SECRET = "what only proven people see"
TEMPLATES = {
    "flatpages/default.html": "{{ flatpage.content }}",
    "whole.html": SECRET,
}
Conf = Callable[..., None]


@pytest.fixture(autouse=True)
def site(settings: Settings) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, FLATPAGES, REDIRECTS]
    use_templates(settings, TEMPLATES)
    here = Site.objects.get(pk=1)
    for url, closed in (("/members/", True), ("/news/", False)):
        page = FlatPage._default_manager.create(
            url=url, content=SECRET, registration_required=closed
        )
        page.sites.add(here)
    Redirect._default_manager.create(site=here, old_path="/old/", new_path=f"/new/?{SECRET[:4]}")


def use_templates(settings: Settings, templates: dict[str, str]) -> None:
    loaders = [
        ("django.template.loaders.locmem.Loader", templates),
        "django.template.loaders.app_directories.Loader",
    ]
    options = {**settings.TEMPLATES[0]["OPTIONS"], "loaders": loaders}
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "APP_DIRS": False, "OPTIONS": options}]


@pytest.fixture
def unproven() -> Client:
    return signed_in(linked("someone"), backend="django.contrib.auth.backends.ModelBackend")


@pytest.fixture
def someone_proven() -> Client:
    return proven(linked("proven"))


def assert_stopped(answer: Any) -> None:
    assert SECRET.encode() not in answer.body
    assert SECRET[:4] not in answer.get("Location", "")
    assert answer.status_code in (302, 403)
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("caller", CALLERS)
def test_a_flatpage_is_not_shown_without_a_proof(caller: str, unproven: Client, send: Send) -> None:
    """Nor where a redirect leads. Red without the question in ``__call__`` and ``_acall``."""
    asks = [Ask(url, headers=CALLERS[caller]) for url in ("/members/", "/news/", "/old/")]
    for answer in send(unproven, asks):
        assert_stopped(answer)


def test_a_flatpage_is_shown_to_who_may_go_on(someone_proven: Client, send: Send) -> None:
    """And the public one to visitors."""
    seen = send(someone_proven, [Ask("/members/"), Ask("/news/"), Ask("/old/")])
    assert [answer.status_code for answer in seen] == [200, 200, 301]
    members, news = send(Client(), [Ask("/members/"), Ask("/news/")])
    assert (members.status_code, news.body) == (302, SECRET.encode())


@pytest.mark.parametrize("word", ["observe", "off"])
def test_no_one_is_stopped_where_the_site_does_not_enforce(
    word: str, unproven: Client, send: Send, conf: Conf
) -> None:
    """A stop that does not happen is noted, as for views."""
    conf(ENFORCEMENT=word)
    (answer,) = send(unproven, [Ask("/members/")])
    assert answer.body == SECRET.encode()
    assert BlockedRequest.objects.count() == (word == "observe")


def queries(browser: Client, url: str, send: Send) -> list[str]:
    Site.objects.get_current()  # is remembered
    with CaptureQueriesContext(connection) as found:
        send(browser, [Ask(url)])
    return [query["sql"].partition(" WHERE ")[0] for query in found]


@pytest.mark.parametrize("url", ["/members/", "/no/such/page/", "/who"])
def test_an_answer_without_a_view_costs_the_queries_that_it_costs_without_the_gate(
    url: str, someone_proven: Client, send: Send, settings: Settings
) -> None:
    """Red when Django's own bare answers are judged too."""
    with_gate = queries(someone_proven, url, send)
    settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if entry != GATE]
    assert sorted(with_gate) == sorted(queries(someone_proven, url, send))


def test_djangos_own_404_and_the_slash_are_for_every_user(
    unproven: Client, send: Send, settings: Settings
) -> None:
    """Wherever ``CommonMiddleware`` stands."""
    common = "django.middleware.common.CommonMiddleware"
    others = [entry for entry in settings.MIDDLEWARE if entry != common]
    for settings.MIDDLEWARE in ([common, *others], [*others, common]):
        missing, slash, with_query = send(
            unproven, [Ask("/no/such/page/"), Ask("/who"), Ask("/who?next=//evil.example")]
        )
        assert missing.status_code == 404
        assert b"was not found on this server" in missing.body
        assert (slash.status_code, slash["Location"]) == (301, "/who/")
        assert with_query["Location"] == "/who/?next=//evil.example"


def test_a_redirect_that_does_more_than_add_a_slash_is_judged(
    unproven: Client, send: Send, settings: Settings
) -> None:
    """Red when ``_adds_a_slash`` does not look where it leads."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.answers_itself"]
    for answer in send(unproven, [Ask("/who", headers={"X-Answer": "moved", **CALLERS["page"]})]):
        assert_stopped(answer)


def sign_in(request: HttpRequest) -> HttpResponse:
    login(request, linked("newcomer"), backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse("signed in")


class WithSignIn:
    urlpatterns = [path("own-sign-in/", sign_in), *plain_urls.urlpatterns]


def test_what_a_judged_view_answers_is_not_judged_again(send: Send, settings: Settings) -> None:
    """A site's own sign-in says its own words: red without ``REACHED``."""
    settings.ROOT_URLCONF = WithSignIn
    (answer,) = send(Client(), [Ask("/own-sign-in/")])
    assert answer.body == b"signed in"


# ------------------------------------------------------------------------------- pages for errors


def show_everything(request: HttpRequest, exception: Exception) -> HttpResponse:
    del request, exception
    return HttpResponse(SECRET, status=404)


class OwnPages:
    handler404 = show_everything
    urlpatterns = plain_urls.urlpatterns


def test_a_sites_own_404_page_is_not_shown_without_a_proof(
    unproven: Client, someone_proven: Client, send: Send, settings: Settings
) -> None:
    """Which may greet people by name, and more. Django's bare one comes instead. Red without ``_bare_error``."""
    settings.ROOT_URLCONF = OwnPages
    (answer,) = send(unproven, [Ask("/no/such/page/")])
    assert answer.status_code == 404
    assert SECRET.encode() not in answer.body
    assert b"was not found on this server" in answer.body
    for browser in (someone_proven, Client()):
        (answer,) = send(browser, [Ask("/no/such/page/")])
        assert SECRET.encode() in answer.body


def test_a_template_for_404s_is_not_rendered_for_who_must_not_go_on(
    unproven: Client, send: Send, settings: Settings
) -> None:
    use_templates(settings, {**TEMPLATES, "404.html": SECRET})
    (answer,) = send(unproven, [Ask("/no/such/page/")])
    assert (answer.status_code, SECRET.encode() in answer.body) == (404, False)


# ---------------------------------------------------------------- exempt views that have no such page


@mfa_exempt
def raises(request: HttpRequest, slug: str) -> HttpResponse:
    del request, slug
    raise Http404


@mfa_exempt
async def araises(request: HttpRequest, slug: str) -> HttpResponse:
    del request, slug
    raise Http404


@mfa_exempt
def returns(request: HttpRequest, slug: str) -> HttpResponse:
    del request, slug
    return HttpResponseNotFound("no such shop")


@mfa_exempt
async def areturns(request: HttpRequest, slug: str) -> HttpResponse:
    del request, slug
    return HttpResponseNotFound("no such shop")


class Shop(MFAExemptMixin):
    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return raises(request, slug)


class WithOpenViews:
    urlpatterns = [
        path("raises/<slug:slug>/", raises),
        path("araises/<slug:slug>/", araises),
        path("returns/<slug:slug>/", returns),
        path("areturns/<slug:slug>/", areturns),
        path("mixin/<slug:slug>/", Shop.as_view()),
        *plain_urls.urlpatterns,
    ]


@pytest.mark.parametrize("where", ["raises", "araises", "returns", "areturns", "mixin"])
def test_what_a_fallback_shows_in_place_of_an_exempt_view_is_judged(
    where: str, unproven: Client, someone_proven: Client, send: Send, settings: Settings
) -> None:
    """The mark says nothing about it. Red without ``process_exception``, and without ``view_marks._note_404``."""
    settings.ROOT_URLCONF = WithOpenViews
    url = f"/{where}/x/"
    page = FlatPage._default_manager.create(url=url, content=SECRET, registration_required=True)
    page.sites.add(Site.objects.get(pk=1))
    (stopped,) = send(unproven, [Ask(url, headers=CALLERS["page"])])
    assert_stopped(stopped)
    (shown,) = send(someone_proven, [Ask(url)])
    assert shown.body == SECRET.encode()
    missing = send(unproven, [Ask(f"/{where}/none/", headers=CALLERS["page"])])[0]
    assert missing.status_code == 404  # an open view's own word is for every user


# -------------------------------------------------------------------- middleware that answers itself


CLOSED: list[str] = []


class Download(io.BytesIO):
    def close(self) -> None:
        CLOSED.append("closed")
        super().close()


def streamed() -> Any:
    return StreamingHttpResponse(iter([SECRET, "\n"]))


def file() -> Any:
    return FileResponse(Download(SECRET.encode()))


def template() -> Any:
    return TemplateResponse(None, "whole.html").render()  # type: ignore[arg-type]


def error() -> Any:
    return HttpResponseForbidden(SECRET)


def missing_with_content() -> Any:
    return HttpResponse(SECRET, status=404)


def moved() -> Any:
    return HttpResponse(status=301, headers={"Location": f"/who/?{SECRET[:4]}"})


ANSWERS = {
    one.__name__: one for one in (streamed, file, template, error, missing_with_content, moved)
}


def _answer(request: HttpRequest) -> Any:
    name = request.headers.get("X-Answer", "")
    return ANSWERS[name]() if name else None


@sync_and_async_middleware
def answers_itself(get_response: Callable[..., Any]) -> Callable[..., Any]:
    if not iscoroutinefunction(get_response):
        return lambda request: _answer(request) or get_response(request)

    async def middleware(request: HttpRequest) -> Any:
        return _answer(request) or await get_response(request)

    return middleware


class AnswersForTheView:
    """Before the gate, once the view is known: the gate is not asked about that view any more."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> Any:
        return _answer(request)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_middleware_answers_itself_is_not_shown_without_a_proof(
    name: str, unproven: Client, someone_proven: Client, send: Send, settings: Settings
) -> None:
    """Streams and downloads included, which are closed. Red when only a status of 200 is judged."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.answers_itself"]
    ask = Ask("/who/", headers={"X-Answer": name})
    CLOSED.clear()
    (stopped,) = send(unproven, [ask])
    assert SECRET.encode() not in stopped.body
    assert SECRET[:4] not in stopped.get("Location", "")
    assert stopped.status_code == {"error": 403, "missing_with_content": 404}.get(name, 302)
    stopped.close()
    assert (["closed"] if name == "file" else []) == CLOSED
    (shown,) = send(someone_proven, [ask])
    assert SECRET.encode() in shown.body or shown["Location"].endswith(SECRET[:4])


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_middleware_before_the_gate_answers_for_a_view_is_not_shown_either(
    name: str, unproven: Client, someone_proven: Client, send: Send, settings: Settings
) -> None:
    """Its ``process_view`` comes first. On an exempt view every user may have the answer."""
    place = settings.MIDDLEWARE.index(GATE)
    ours = f"{__name__}.{AnswersForTheView.__name__}"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], ours, *settings.MIDDLEWARE[place:]]
    headers = {"X-Answer": name, **CALLERS["page"]}
    stopped, on_open = send(
        unproven, [Ask("/who/", "GET", headers), Ask("/imprint/", "GET", headers)]
    )
    assert_stopped(stopped)
    assert SECRET.encode() in on_open.body or on_open["Location"].endswith(SECRET[:4])
    (shown,) = send(someone_proven, [Ask("/who/", "GET", headers)])
    assert SECRET.encode() in shown.body or shown["Location"].endswith(SECRET[:4])


class WhiteNoiseFileResponse(FileResponse):
    """As WhiteNoise has it, and by its name."""


@sync_and_async_middleware
def serves_files(get_response: Callable[..., Any]) -> Callable[..., Any]:
    """As WhiteNoise's middleware does."""

    def found(request: HttpRequest) -> Any:
        wanted = request.path == "/static/site.css"
        return WhiteNoiseFileResponse(io.BytesIO(b"body {}")) if wanted else None

    if not iscoroutinefunction(get_response):
        return lambda request: found(request) or get_response(request)

    async def middleware(request: HttpRequest) -> Any:
        return found(request) or await get_response(request)

    return middleware


def test_the_set_up_page_has_its_style_sheet_where_whitenoise_stands_after_the_gate(
    unproven: Client, send: Send, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Red without ``_is_static_file``, and where that goes by the name of the class."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.serves_files"]
    (stopped,) = send(unproven, [Ask("/static/site.css")])
    assert b"body" not in stopped.body
    package = ModuleType("whitenoise.middleware")
    vars(package)["WhiteNoiseFileResponse"] = WhiteNoiseFileResponse
    monkeypatch.setitem(sys.modules, "whitenoise.middleware", package)
    (shown,) = send(unproven, [Ask("/static/site.css")])
    assert shown.body == b"body {}"


# --------------------------------------------------------------------------------------- what is told


class OwnFallback:
    """Derived from Django's, as sites do."""

    @staticmethod
    def path() -> str:
        return f"{__name__}.Derived"


def __getattr__(name: str) -> Any:
    if name != "Derived":
        raise AttributeError(name)
    from django.contrib.flatpages.middleware import FlatpageFallbackMiddleware

    return type("Derived", (FlatpageFallbackMiddleware,), {})


@pytest.mark.parametrize("entry", [FLATPAGES, REDIRECTS, OwnFallback.path()])
def test_a_fallback_before_the_gate_is_an_error(entry: str, settings: Settings) -> None:
    """It answers when the gate was asked already. Red without ``check_fallbacks``."""

    def told() -> set[str]:
        return {str(message.id) for message in checks.run_checks()}

    others = [entry for entry in settings.MIDDLEWARE if entry not in (FLATPAGES, REDIRECTS)]
    settings.MIDDLEWARE = [entry, *others]
    assert "cognito_mfa.E025" in told()
    settings.MIDDLEWARE = [*others, entry]
    assert "cognito_mfa.E025" not in told()


class OwnGate(RequireMFAMiddleware):
    """A stricter one, as sites write it."""


def test_a_fallback_before_a_gate_of_the_sites_own_is_an_error(settings: Settings) -> None:
    """Red when ``check_fallbacks`` looks for our class by its name alone."""
    gate = f"{__name__}.{OwnGate.__name__}"
    own = [gate if entry == GATE else entry for entry in settings.MIDDLEWARE]
    settings.MIDDLEWARE = own
    assert "cognito_mfa.E025" not in {message.id for message in checks.run_checks()}
    settings.MIDDLEWARE = [FLATPAGES, *(entry for entry in own if entry != FLATPAGES)]
    assert "cognito_mfa.E025" in {message.id for message in checks.run_checks()}


def test_an_answer_in_place_of_a_page_that_is_open_to_all_stands(
    unproven: Client, send: Send, settings: Settings
) -> None:
    """Such as a redirect that renews tokens, before Django looked for the view: judged, it would lead to the
    very page that was asked for. ``unrouted_responses._match``."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.answers_itself"]
    ask = Ask("/account/setup/", headers={"X-Answer": "moved"})
    (answer,) = send(unproven, [ask])
    assert answer["Location"].endswith(SECRET[:4])
