"""The request's user is the site's: whom another middleware names is judged, stays, and no one takes their place.

The places that these tests are about: ``request_user.users_of``, ``ausers_of`` (lazy users are evaluated, never
exchanged), ``_site_auser`` (Django's ``auser`` answers as ``user``), ``_distinct`` (with an ``auser`` of the site, both
are judged).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware
from django.utils.functional import LazyObject, SimpleLazyObject
from pytest_django import Settings

from cognito_mfa.decorators import mfa_recent, mfa_required
from cognito_mfa.enforcement import policy
from cognito_mfa.models import BlockedRequest, MFAExemption
from tests.enforcement.people import OURS, linked, proven
from tests.enforcement.servers import SERVERS, Ask, Send, over_asgi
from tests.security.refusal import assert_refused
from tests.security.user_middleware import naming
from tests.urls import urlpatterns as site_urls

pytestmark = pytest.mark.django_db
Conf = Callable[..., None]
GATE = "cognito_mfa.middleware.RequireMFAMiddleware"


class OwnLazy(SimpleLazyObject):
    """A site's own kind of lazy user."""


class OtherLazy(LazyObject):
    """A lazy user that is none of Django's ``SimpleLazyObject``."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self.__dict__["load"] = load
        super().__init__()

    def _setup(self) -> None:
        self._wrapped = self.__dict__["load"]()


def named(name: str) -> Any:
    return get_user_model().objects.get(username=name)


def lazy(request: Any, name: str) -> None:
    request.user = SimpleLazyObject(lambda: named(name))


def lazy_of_a_subclass(request: Any, name: str) -> None:
    request.user = OwnLazy(lambda: named(name))


def other_lazy(request: Any, name: str) -> None:
    request.user = OtherLazy(lambda: named(name))


def lazy_of_a_lazy(request: Any, name: str) -> None:
    inner = SimpleLazyObject(lambda: named(name))
    request.user = SimpleLazyObject(lambda: inner)


def plain(request: Any, name: str) -> None:
    request.user = named(name)


def lazy_anonymous(request: Any, name: str) -> None:
    del name
    request.user = SimpleLazyObject(AnonymousUser)


def lazy_nobody(request: Any, name: str) -> None:
    del name
    request.user = SimpleLazyObject(lambda: None)


def nobody(request: Any, name: str) -> None:
    del name
    request.user = None


def auser_alone(request: Any, name: str) -> None:
    async def auser() -> Any:
        return await get_user_model().objects.aget(username=name)

    request.auser = auser


NAMING: dict[str, Callable[[Any, str], None]] = {
    one.__name__: one for one in (lazy, lazy_of_a_subclass, other_lazy, lazy_of_a_lazy, plain)
}
NOBODY = {one.__name__: one for one in (lazy_anonymous, lazy_nobody, nobody)}
AUSER: dict[str, Callable[[Any, str], None]] = {auser_alone.__name__: auser_alone}


@naming
def by_header(request: HttpRequest) -> None:
    """As middleware for tokens is written: it names the user of a header, regardless of the session."""
    how, _, who = request.headers.get("X-User", "").partition(" ")
    if how:
        {**NAMING, **NOBODY, **AUSER, **SERVICES}[how](request, who)


def called(user: Any) -> str:
    return user.get_username() or "anonymous" if user else "nobody"


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(called(request.user))


async def awho(request: HttpRequest) -> HttpResponse:
    return HttpResponse(called(await request.auser()))


async def awho_at_once(request: HttpRequest) -> HttpResponse:
    """Uses ``request.user`` in an async view, which works where it is loaded already."""
    return HttpResponse(called(request.user))


VIEWS: dict[str, Any] = {"who": who, "awho": awho, "awho_at_once": awho_at_once}
GUARDED: dict[str, Any] = {
    f"{mark}/{view.__name__}": decorate(view)
    for mark, decorate in (("required", mfa_required), ("recent", mfa_recent()))
    for view in (who, awho)
}


class Urls:
    urlpatterns = [
        *(path(f"{name}/", view) for name, view in {**VIEWS, **GUARDED}.items()),
        *site_urls,
    ]


@pytest.fixture
def boss(settings: Settings) -> Client:
    """The browser of a user proven, while the victim has proven nothing."""
    settings.MIDDLEWARE = with_theirs(settings, 0)
    settings.ROOT_URLCONF = Urls
    linked("victim")
    return proven(linked("boss"))


def with_theirs(settings: Settings, offset: int) -> list[str]:
    """Return the middleware with the one that names users, so many places behind the gate's."""
    others = [entry for entry in settings.MIDDLEWARE if entry != f"{__name__}.by_header"]
    place = others.index(GATE) + offset
    return [*others[:place], f"{__name__}.by_header", *others[place:]]


def asks(how: str, name: str, views: Any = VIEWS) -> list[Ask]:
    return [Ask(f"/{view}/", headers={"X-User": f"{how} {name}"}) for view in views]


def bodies(answers: Any) -> list[str]:
    return [answer.body.decode() for answer in answers]


def without_the_gate(settings: Settings) -> None:
    settings.MIDDLEWARE = [entry for entry in settings.MIDDLEWARE if entry != GATE]


@pytest.mark.parametrize("place", [0, 1], ids=["before the gate", "after the gate"])
@pytest.mark.parametrize("how", NAMING)
def test_whom_another_middleware_named_is_stopped_without_a_proof(
    how: str, place: int, boss: Client, send: Send, settings: Settings
) -> None:
    """For every owner of the session. Red without the evaluation in ``ausers_of``, or with an exchange there."""
    settings.MIDDLEWARE = with_theirs(settings, place)
    for browser in (boss, Client()):
        for answer in send(browser, asks(how, "victim")):
            assert_refused(answer)


@pytest.mark.parametrize("how", NAMING)
@pytest.mark.parametrize("word", ["observe", "off"])
def test_whom_another_middleware_named_is_who_every_view_sees(
    how: str, word: str, boss: Client, send: Send, conf: Conf
) -> None:
    """Where no one is stopped. ``auser()`` is the judged user's: red without ``_site_auser``."""
    conf(ENFORCEMENT=word)
    for browser in (boss, Client()):
        assert bodies(send(browser, asks(how, "victim"))) == ["victim"] * 3
    noted = list(BlockedRequest.objects.values_list("user__username", flat=True))
    assert noted == (["victim"] if word == "observe" else [])


@pytest.mark.parametrize("how", NAMING)
def test_the_proof_of_the_session_is_good_for_its_own_user_however_named(
    how: str, boss: Client, send: Send
) -> None:
    """Red when a lazy user of another class is taken for no one."""
    assert bodies(send(boss, asks(how, "boss"))) == ["boss"] * 3


@pytest.mark.parametrize("how", NOBODY)
@pytest.mark.parametrize("word", ["enforce", "observe", "off"])
def test_a_request_that_the_site_calls_no_ones_stays_no_ones(
    how: str, word: str, boss: Client, send: Send, conf: Conf
) -> None:
    """Red when the session's user is put there instead (``request.user = await request.auser()``)."""
    conf(ENFORCEMENT=word)
    seen = bodies(send(boss, asks(how, "")))
    assert seen == ["anonymous" if how == "lazy_anonymous" else "nobody"] * 3


@pytest.mark.parametrize("how", AUSER)
def test_a_user_whom_auser_alone_names_is_judged_too(how: str, boss: Client, send: Send) -> None:
    """A view may ask for either; red without the second person of ``_distinct``."""
    for answer in send(boss, asks(how, "victim")):
        assert_refused(answer)
    assert bodies(send(boss, asks(how, "boss"))) == ["boss"] * 3


@pytest.mark.parametrize("how", AUSER)
@pytest.mark.parametrize("word", ["observe", "off"])
def test_an_auser_of_the_sites_own_is_left_there(
    how: str, word: str, boss: Client, send: Send, conf: Conf
) -> None:
    """Red when ``_site_auser`` takes it for Django's."""
    conf(ENFORCEMENT=word)
    assert bodies(send(boss, asks(how, "victim"))) == ["boss", "victim", "boss"]


@pytest.mark.parametrize("how", [*NAMING, *AUSER])
@pytest.mark.parametrize("gate", ["with the middleware", "without it"])
def test_marks_judge_whom_another_middleware_named(
    how: str, gate: str, boss: Client, send: Send, settings: Settings
) -> None:
    """``mfa_required`` and ``mfa_recent``, sync and async; red without the same function in the guards."""
    if gate == "without it":
        without_the_gate(settings)
    for answer in send(boss, asks(how, "victim", GUARDED)):
        assert answer.body != b"victim"
        assert answer.status_code == 302
    assert bodies(send(boss, asks(how, "boss", GUARDED))) == ["boss"] * 4


@pytest.mark.parametrize("how", NOBODY)
def test_marks_let_no_one_through_whom_the_site_calls_no_one(
    how: str, boss: Client, send: Send, settings: Settings
) -> None:
    """Although the session is proven: red when a guard falls back on the session's user."""
    without_the_gate(settings)
    for answer in send(boss, asks(how, "", GUARDED)):
        assert answer.status_code == 302
        assert "sign-in" in answer["Location"]


def test_the_objects_that_the_site_put_there_are_still_there(
    boss: Client, settings: Settings
) -> None:
    """The very object; red with any ``request.user = …`` in the gate."""
    kept: list[tuple[Any, Any]] = []

    def look(request: HttpRequest) -> HttpResponse:
        kept.append((request.user, request.META["PUT"]))
        return HttpResponse()

    class Here:
        urlpatterns = [path("look/", look), *site_urls]

    settings.ROOT_URLCONF = Here
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.remember"]
    for send in SERVERS.values():
        send(
            boss,
            [Ask("/look/"), *(Ask("/look/", headers={"X-User": f"{how} boss"}) for how in NAMING)],
        )
    assert len(kept) == 2 * (1 + len(NAMING))
    assert all(seen is put for seen, put in kept)


@sync_and_async_middleware
def remember(get_response: Callable[..., Any]) -> Callable[..., Any]:
    if not iscoroutinefunction(get_response):

        def middleware(request: HttpRequest) -> Any:
            request.META["PUT"] = request.user
            return get_response(request)

        return middleware

    async def amiddleware(request: HttpRequest) -> Any:
        request.META["PUT"] = request.user
        return await get_response(request)

    return amiddleware


def test_an_exempt_view_sees_the_user_that_it_sees_without_the_gate(
    boss: Client, settings: Settings
) -> None:
    """The gate touches nothing there."""
    answers = over_asgi(boss, [Ask("/account/sign-in/", headers={"X-User": "lazy victim"})])
    assert answers[0].status_code == 200


# ---------------------------------------------------------------- who is no row of the site's users


class Service:
    """Without any key, as a middleware for tokens of machines writes it."""

    is_authenticated = is_active = True

    def get_username(self) -> str:
        return "service"


class ServiceWithKey(Service):
    """A key of another kind, or one that is also a user's."""

    is_staff = False

    def __init__(self, key: Any) -> None:
        self.pk = self.id = key


def service(request: Any, _name: str) -> None:
    request.user = Service()


def service_with_key(request: Any, _name: str) -> None:
    request.user = ServiceWithKey("machine")


def service_with_a_users_key(request: Any, name: str) -> None:
    request.user = ServiceWithKey(named(name).pk)


def device(request: Any, name: str) -> None:
    """A row of another table, with the key of a user."""
    request.user = user = Group(pk=named(name).pk, name="device")
    vars(user).update(is_authenticated=True, is_active=True, get_username=lambda: "device")


SERVICES: dict[str, Callable[[Any, str], None]] = {
    one.__name__: one for one in (service, service_with_key, service_with_a_users_key, device)
}


@pytest.mark.parametrize("how", SERVICES)
@pytest.mark.parametrize("word", ["enforce", "observe", "off"])
def test_a_user_who_is_no_row_of_the_users_is_no_failure_and_has_no_ones_proof(
    how: str, word: str, boss: Client, send: Send, conf: Conf
) -> None:
    """Nor an exemption of the user with the same key. Red wherever ``key_of`` is replaced by ``pk``."""
    until = timezone.now() + timedelta(days=1)
    MFAExemption.objects.create(user=named("boss"), reason="x", expires_at=until)
    conf(ENFORCEMENT=word)
    for browser in (boss, Client()):
        pages = send(browser, asks(how, "boss"))
        assert {answer.status_code for answer in pages} == {302 if word == "enforce" else 200}
        for answer in send(browser, asks(how, "boss", GUARDED)):
            assert answer.status_code == 302
    assert not BlockedRequest.objects.exists()


@pytest.mark.parametrize("how", SERVICES)
def test_a_service_of_which_the_policy_asks_nothing_goes_on(
    how: str, boss: Client, send: Send, conf: Conf
) -> None:
    conf(REQUIRED="staff", TRUSTED_BACKENDS={OURS: "elsewhere"}, STATUS_MAX_AGE=60)
    assert {answer.status_code for answer in send(boss, asks(how, "boss"))} == {200}


# ------------------------------------------------------------------------------ the site's own rule


async def rule_that_awaits(request: HttpRequest) -> bool:
    return bool((await request.auser()).is_staff)


def rule_that_asks(request: HttpRequest) -> bool:
    return bool(request.user.is_staff)


@pytest.mark.parametrize("rule", ["rule_that_awaits", "rule_that_asks"])
def test_a_rule_is_asked_about_the_judged_user_whichever_way_it_looks(
    rule: str, boss: Client, send: Send, conf: Conf
) -> None:
    """The session is the boss's, who is no staff."""
    get_user_model().objects.filter(username="victim").update(is_staff=True)
    conf(REQUIRED=f"{__name__}.{rule}")
    for answer in send(boss, asks("lazy", "victim")):
        assert_refused(answer)


@pytest.mark.parametrize("rule", ["rule_that_awaits", "rule_that_asks"])
def test_a_rule_about_who_is_about_to_sign_in_leaves_the_request_as_it_was(
    rule: str, conf: Conf
) -> None:
    """Red without the ``finally`` of ``as_user``, and with a request that keeps the other one's ``auser``."""
    conf(REQUIRED=f"{__name__}.{rule}")
    request: Any = RequestFactory().get("/")
    staff = linked("staff", is_staff=True)
    assert policy.is_required(request, staff)
    assert not hasattr(request, "user")
    assert not hasattr(request, "auser")

    request.user = before = linked("before")
    assert policy.is_required(request, staff)
    assert request.user is before
    assert not hasattr(request, "auser")


def test_a_rule_is_not_asked_about_the_session_that_another_user_is_about_to_leave(
    conf: Conf,
) -> None:
    """Red without ``auser`` in ``as_user``."""
    conf(REQUIRED=f"{__name__}.rule_that_awaits")
    request: Any = RequestFactory().get("/")
    request.user = staff = linked("staff", is_staff=True)

    async def auser() -> Any:
        return staff

    request.auser = auser
    assert policy.is_required(request, staff)
    assert not policy.is_required(request, linked("plain"))
    assert request.auser is auser
