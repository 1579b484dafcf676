"""The same request gets the same answer under WSGI and ASGI, for every user and every setting."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from pytest_django import Settings

from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.gate import Decision, Verdict
from cognito_mfa.middleware import RequireMFAMiddleware
from tests.enforcement.people import PEOPLE, THEIRS
from tests.enforcement.servers import CALLERS, Ask, over_asgi, over_wsgi
from tests.enforcement.site import SECRET

pytestmark = pytest.mark.django_db

ASKS = [
    Ask("/gated/async-class/", headers=CALLERS["page"]),
    Ask("/exempt/async-function/", headers=CALLERS["page"]),
    Ask("/required/async-mixin/", headers=CALLERS["page"]),
]
SITES: dict[str, dict[str, Any]] = {
    "everyone": {},
    "staff": {"REQUIRED": "staff"},
    "groups": {"REQUIRED": {"groups": ["Editors"]}},
    "nobody": {"REQUIRED": False},
    "rule": {"REQUIRED": "tests.enforcement.rules.staff_only"},
    "async rule": {"REQUIRED": "tests.enforcement.rules.astaff_only"},
    "rule object": {"REQUIRED": "tests.enforcement.rules.by_object"},
    "rule with a query": {"REQUIRED": "tests.enforcement.rules.asking_the_database"},
    "failing rule": {"REQUIRED": "tests.enforcement.rules.failing"},
    "failing async rule": {"REQUIRED": "tests.enforcement.rules.afailing"},
    "forgetful rule": {"REQUIRED": "tests.enforcement.rules.forgetful"},
    "observe": {"ENFORCEMENT": "observe"},
    "off": {"ENFORCEMENT": "off"},
    "from next year": {"REQUIRED_FROM": dt.datetime.now(dt.UTC) + dt.timedelta(days=365)},
    "since last year": {"REQUIRED_FROM": dt.datetime.now(dt.UTC) - dt.timedelta(days=365)},
    "grace": {"GRACE_PERIOD": dt.timedelta(days=7)},
    "trusted": {"TRUSTED_BACKENDS": [THEIRS]},
}
# Who reaches "/gated/…" on each site. The others are stopped, or never signed in.
PASSES = {
    "everyone": {"anonymous", "proven_one", "proven_once_of_another_backend", "exempted"},
    "staff": set(PEOPLE) - {"member_of_staff"},
    "groups": set(PEOPLE) - {"editor"},
    "nobody": set(PEOPLE),
    "observe": set(PEOPLE),
    "off": set(PEOPLE),
    "from next year": set(PEOPLE),
    "grace": set(PEOPLE),
}
for _same in ("rule", "async rule", "rule object"):
    PASSES[_same] = PASSES["staff"]
PASSES["rule with a query"] = PASSES["groups"]
for _same in ("failing rule", "failing async rule", "forgetful rule", "since last year"):
    PASSES[_same] = PASSES["everyone"]
PASSES["trusted"] = PASSES["everyone"] | {"unproven_of_another_backend", "never_linked"}


def seen(response: Any) -> tuple[Any, ...]:
    """Return all of an answer that its caller sees, but for the clock."""
    headers = sorted(item for item in response.headers.items() if item[0] != "Expires")
    return response.status_code, headers, list(response.cookies), response.body


def asked_by(said: str, person: str) -> list[Ask]:
    """Return what each kind of caller asks; where the rule differs, people take turns at being one of them."""
    every = [Ask("/gated/function/", "POST", headers) for headers in CALLERS.values()]
    return every if said == "everyone" else [every[list(PEOPLE).index(person) % len(every)]]


@pytest.mark.sweep
@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("said", SITES)
def test_both_servers_give_the_same_answer_and_let_pass_whom_the_site_lets(
    said: str, person: str, conf: Callable[..., None]
) -> None:
    conf(**SITES[said])
    browser = PEOPLE[person]()
    asks = [*asked_by(said, person), *ASKS]
    by_thread, by_loop = over_wsgi(browser, asks), over_asgi(browser, asks)
    for ask, sync, under_asgi in zip(asks, by_thread, by_loop, strict=True):
        assert seen(sync) == seen(under_asgi), ask

    passes = person in PASSES[said] or person == "deactivated"  # to Django, no one is signed in
    *gated, exempt, _required = by_loop
    assert [SECRET.encode() in answer.body for answer in gated] == [passes] * len(gated)
    assert SECRET.encode() in exempt.body


class OfficeHours(RequireMFAMiddleware):
    """A site's own middleware: stricter than ours, with an option, and with something around the rest."""

    def __init__(self, get_response: Any, closed: bool = True) -> None:
        super().__init__(get_response)
        self.closed = closed

    def __call__(self, request: HttpRequest) -> Any:
        request.META["OFFICE"] = "asked"
        return super().__call__(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        if self.closed:
            return HttpResponse(request.META["OFFICE"], status=423)
        return super().process_view(request, view, args, kwargs)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("path", ["/gated/function/", "/gated/async-class/"])
def test_a_stricter_subclass_is_as_strict_under_both_servers(path: str, settings: Settings) -> None:
    ours = "cognito_mfa.middleware.RequireMFAMiddleware"
    theirs = f"{__name__}.{OfficeHours.__name__}"
    settings.MIDDLEWARE = [theirs if entry == ours else entry for entry in settings.MIDDLEWARE]
    browser = PEOPLE["proven_one"]()
    answers = [*over_wsgi(browser, [Ask(path)]), *over_asgi(browser, [Ask(path)])]
    assert [(answer.status_code, answer.body) for answer in answers] == [(423, b"asked")] * 2


@pytest.mark.parametrize(
    ("verdicts", "strictest"),
    [
        ((Verdict.PASS, Verdict.BLOCK), 1),
        ((Verdict.BLOCK, Verdict.PASS), 0),
        ((Verdict.PASS, Verdict.WOULD_BLOCK), 1),
        ((Verdict.WOULD_BLOCK, Verdict.PASS), 0),
        ((Verdict.WOULD_BLOCK, Verdict.BLOCK), 1),
        ((Verdict.BLOCK, Verdict.WOULD_BLOCK), 0),
        ((Verdict.BLOCK, Verdict.BLOCK), 0),
        ((Verdict.WOULD_BLOCK, Verdict.WOULD_BLOCK), 0),
    ],
    ids=str,
)
def test_of_two_users_the_strictest_decision_applies(
    verdicts: tuple[Verdict, Verdict], strictest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site whose ``auser`` names another user than ``user`` has two of them."""
    users = [User(pk=1), User(pk=2)]
    decided = {user: Decision(verdict, user) for user, verdict in zip(users, verdicts, strict=True)}
    monkeypatch.setattr(gate, "users_of", lambda _request: tuple(users))
    monkeypatch.setattr(gate, "decide_for_user", lambda _request, user: decided[user])
    assert gate.decide(HttpRequest()) is decided[users[strictest]]
