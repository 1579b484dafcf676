"""One browser that uses the pages and the API in turn: what one of them ended, spent or counted, counts in the other."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.api import urls
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity
from cognito_mfa.sign_in.pending import PendingSignIn, Step
from tests.api.conftest import front_end, site_with_api
from tests.api.frontend import FrontEnd
from tests.security.during_calls import while_cognito_answers
from tests.security.test_posts import check_at
from tests.security.test_shut_out import shut_out
from tests.security.ways_back import leads_home
from tests.visitor import CLIENT_ID, PASSWORD, Visitor

__all__ = ["front_end", "site_with_api"]
pytestmark = pytest.mark.usefixtures("pool")


def on_pages(person: FrontEnd) -> Visitor:
    """The same browser with another tab, at the site's pages."""
    client = Client()
    client.cookies = person.client.cookies
    tab = Visitor(client, person.cognito)
    tab.secret = person.secret
    return tab


def of(person: FrontEnd, way: str) -> Any:
    return person if way == "api" else on_pages(person)


HOSTILE = [
    "//evil.example",
    "https://evil.example/",
    "/\\evil.example",
    "javascript:alert(1)",
    "/\n/evil.example",
    "https://testserver@evil.example/",
    "http:evil.example",
]
WAYS = [("pages", "api"), pytest.param("api", "pages", marks=pytest.mark.sweep)]


@pytest.mark.parametrize(("first", "then"), WAYS)
def test_a_sign_in_goes_on_the_other_way(front_end: FrontEnd, first: str, then: str) -> None:
    front_end.come_with_app()
    front_end.sign_out()
    of(front_end, first).sign_in()
    before = front_end.client.cookies["sessionid"].value
    assert not front_end.is_in()
    of(front_end, then).enter_code()
    assert front_end.is_in()
    assert front_end.client.cookies["sessionid"].value != before


@pytest.mark.parametrize(("first", "then"), WAYS)
def test_a_code_is_spent_both_ways(front_end: FrontEnd, first: str, then: str) -> None:
    front_end.come_with_app()
    front_end.sign_out()
    thief = front_end.another_browser()
    thief.secret = front_end.secret
    code = front_end.code()
    of(front_end, first).sign_in()
    of(thief, then).sign_in()
    of(front_end, first).enter_code(code)
    of(thief, then).enter_code(code)
    assert front_end.is_in()
    assert not thief.is_in()


@pytest.mark.parametrize(("first", "then"), WAYS)
def test_wrong_codes_are_counted_together(front_end: FrontEnd, first: str, then: str) -> None:
    front_end.come_with_app()
    front_end.sign_out()
    front_end.sign_in()
    wrong = front_end.wrong_code()
    for way in (first, then, first, then):
        of(front_end, way).enter_code(wrong)
    assert CodeFailures.objects.get().failures == 4
    front_end.operations()
    of(front_end, first).enter_code(wrong)
    answer = of(front_end, then).enter_code()
    assert getattr(answer, "answered", answer.status_code) == 429
    assert front_end.operations() == ["RespondToAuthChallenge"]


@pytest.mark.parametrize(("first", "then"), WAYS)
def test_a_code_goes_to_cognito_once(front_end: FrontEnd, first: str, then: str) -> None:
    front_end.come_with_app()
    front_end.sign_out()
    front_end.sign_in()
    second: list[Any] = []
    copied = front_end.same_browser()
    front_end.operations()
    while_cognito_answers(
        front_end,
        "RespondToAuthChallenge",
        lambda: second.append(of(copied, then).enter_code()),
    )
    of(front_end, first).enter_code()
    assert front_end.operations() == ["RespondToAuthChallenge"]
    assert second[0].status_code in (200, 409)
    assert front_end.is_in()


@pytest.mark.parametrize(("first", "then"), WAYS)
def test_another_tabs_setup_replaces_the_secret(front_end: FrontEnd, first: str, then: str) -> None:
    """The old secret is shown no more, and its code confirms nothing."""
    of(front_end, first).sign_in()
    old = of(front_end, first).scan()
    of(front_end, then).sign_in()
    assert of(front_end, then).scan() != old
    assert of(front_end, first).scan() != old
    front_end.secret = old
    of(front_end, first).confirm_setup(front_end.code())
    assert not front_end.is_in()
    assert not CognitoIdentity.objects.exists()


@pytest.mark.parametrize(("first", "then"), WAYS)
def test_what_is_canceled_is_canceled_both_ways(front_end: FrontEnd, first: str, then: str) -> None:
    front_end.sign_in()
    front_end.scan()
    if first == "api":
        front_end.tell("cancel")
    else:
        on_pages(front_end).post(reverse("cognito_mfa:setup_cancel"))
    front_end.operations()
    of(front_end, then).confirm_setup(front_end.code())
    assert front_end.operations() == []
    assert not front_end.is_in()


@pytest.mark.parametrize(("first", "then"), WAYS)
def test_signing_out_ends_both(front_end: FrontEnd, first: str, then: str) -> None:
    front_end.come_with_app()
    of(front_end, first).start_change("device_replace")
    of(front_end, then).sign_out()
    front_end.operations()
    of(front_end, first).enter_code(front_end.code())
    assert front_end.operations() == []
    assert not front_end.is_in()
    assert not front_end.see().body["signed_in"]


OF_ANOTHER_STEP = {
    "setup": {"code": "123456"},
    "new_password": {"password": "Another-Horse-8"},
    "link": {"answer": "yes", "question": "x"},
    "reset_password": {"code": "123456", "password": "Another-Horse-8"},
}


def test_a_step_that_was_not_reached_is_not_taken(front_end: FrontEnd) -> None:
    """With nothing begun, and at the code of a change."""
    front_end.come_with_app()
    for name, body in {**OF_ANOTHER_STEP, "challenge": {"code": "123456"}}.items():
        assert front_end.call("POST", name, body).status_code == 409, name
    front_end.start_change("device_replace")
    front_end.operations()
    for name, body in OF_ANOTHER_STEP.items():
        answer = front_end.call("POST", name, body)
        assert (answer.status_code, answer.body["step"]) == (409, "challenge"), name
    assert front_end.operations() == []


def test_a_password_is_not_changed_without_the_code(front_end: FrontEnd) -> None:
    """With nothing begun, and at the code of a change: the same body ends a change whose code was right."""
    front_end.come_with_app()
    body = {"password": PASSWORD, "new_password": "Another-Horse-8"}
    for _ in range(2):
        refused = front_end.tell("change_password", **body)
        assert (refused.status_code, list(refused.body["fields"])) == (400, ["code"])
        front_end.start_change("change_password")
    assert "ChangePassword" not in front_end.operations()


@pytest.mark.parametrize(
    "url",
    [HOSTILE[0], *(pytest.param(one, marks=pytest.mark.sweep) for one in HOSTILE[1:])],
    ids=repr,
)
def test_a_next_of_another_site_leads_nowhere(front_end: FrontEnd, url: str) -> None:
    front_end.come_with_app()
    front_end.sign_out()
    front_end.sign_in(next_url=url)
    done = front_end.enter_code()
    assert leads_home(done.body["step_data"]["next"])


@pytest.mark.parametrize("body", [{"username": "nobody", "password": "Wrong-Horse-7"}, {}])
def test_a_stranger_fills_no_table(front_end: FrontEnd, body: dict[str, str]) -> None:
    for name in ("sign_in", "challenge", "setup", "cancel", "reset_password", "sign_out"):
        stranger = front_end.another_browser()
        stranger.see()
        stranger.client.cookies["sessionid"] = "a" * 32  # of no session
        given = body if name == "sign_in" else {}
        stranger.call("POST", name, given)
    assert not Session.objects.exists()


def test_what_a_session_keeps_is_bounded(front_end: FrontEnd) -> None:
    front_end.see()
    long = "/" + "x" * 15_000
    front_end.tell("forgot_password", username="newcomer", next=long, have_code=True)
    front_end.sign_in(next_url=long)
    for session in Session.objects.all():
        assert len(session.session_data) < 10_000


def test_a_stolen_token_is_no_way_in(front_end: FrontEnd, pool: LocalPool) -> None:
    front_end.come_with_app()
    tokens = pool.issue_tokens("newcomer", CLIENT_ID, scopes=["aws.cognito.signin.user.admin"])
    front_end.sign_out()
    bearer = f"Bearer {tokens['AccessToken']}"
    front_end.operations()
    for name in ("session", "device", "activity", "setup"):
        answer = front_end.see(name, HTTP_AUTHORIZATION=bearer)
        assert not answer.body.get("signed_in")
    for name in ("challenge", "device_replace", "recovery_codes"):
        assert front_end.call("POST", name, {}, HTTP_AUTHORIZATION=bearer).status_code >= 400
    assert front_end.operations() == []


def test_no_answer_after_the_step_has_a_secret(front_end: FrontEnd) -> None:
    front_end.sign_in()
    secret = front_end.scan()
    answers = [front_end.confirm_setup(front_end.wrong_code()), front_end.confirm_setup()]
    names = ("session", "device", "activity", "setup", "recovery_codes")
    answers += [front_end.see(name) for name in names]
    for answer in answers:
        assert secret not in json.dumps(answer.body)
        assert PASSWORD not in json.dumps(answer.body)
        assert "no-store" in answer["Cache-Control"]
    assert secret not in str(dict(front_end.client.session.items()))


@pytest.mark.parametrize(
    "site",
    ["none", *(pytest.param(one, marks=pytest.mark.sweep) for one in ("in sessions", "lenient"))],
)
def test_the_token_is_checked_whatever_the_site_has(
    front_end: FrontEnd, settings: Settings, site: str
) -> None:
    front_end.come_with_app()
    check_at(settings, site)
    front_end.client.handler.load_middleware()
    front_end.see()
    front_end.operations()
    for name in ("sign_in", "sign_out", "device_remove", "cancel"):
        answer = front_end.call("POST", name, {}, HTTP_X_CSRFTOKEN="x" * 32)
        assert (answer.status_code, answer.body["code"]) == (403, "csrf_failed")
    assert front_end.operations() == []
    assert front_end.is_in()


def test_no_other_method_acts(front_end: FrontEnd) -> None:
    front_end.come_with_app()
    front_end.operations()
    token = front_end.client.cookies["csrftoken"].value
    methods = ("HEAD", "OPTIONS", "PUT", "DELETE", "TRACE", "INVENTED")
    for one, method in product(urls.urlpatterns, methods):
        answer: Any = front_end.client.generic(
            method,
            reverse(f"cognito_mfa_api:{one.name}"),
            b'{"password": "x"}',
            content_type="application/json",
            headers={"X-CSRFToken": token, "X-HTTP-Method-Override": "POST"},
        )
        assert answer.status_code < 500
    assert front_end.operations() == []
    assert front_end.is_in()


# ------------------------------------------------------------------------------- posts of one step, at once


def is_neutral(answer: Any) -> bool:
    """Tell whether the answer says nothing of a failure and leaves the browser's session as it is."""
    assert "sessionid" not in answer.cookies
    return (answer.status_code, answer.body["code"]) == (409, "in_progress")


def test_a_set_up_is_confirmed_once(front_end: FrontEnd) -> None:
    front_end.sign_in()
    front_end.scan()
    second, answers, code = front_end.same_browser(), [], front_end.code()
    front_end.operations()
    while_cognito_answers(
        front_end, "VerifySoftwareToken", lambda: answers.append(second.confirm_setup(code))
    )
    front_end.confirm_setup(code)
    assert is_neutral(answers[0])
    assert front_end.operations().count("VerifySoftwareToken") == 1
    assert front_end.is_in()


def test_after_the_first_is_done_the_second_is_told_no_failure(front_end: FrontEnd) -> None:
    front_end.come_with_app()
    front_end.sign_out()
    front_end.sign_in()
    second, code = front_end.same_browser(), front_end.code()
    front_end.enter_code(code)
    front_end.operations()
    assert is_neutral(second.enter_code(code))
    assert front_end.operations() == []
    assert not second.see().body["signed_in"]  # nor does it learn the new session


def test_a_session_that_another_tab_replaced_in_the_meantime_is_no_bare_error(
    front_end: FrontEnd, pool: LocalPool
) -> None:
    pool.create_user("invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")
    front_end.sign_in("invited", "Temporary-1")
    tab = front_end.same_browser()
    while_cognito_answers(front_end, "RespondToAuthChallenge", lambda: tab.sign_in("newcomer"))
    assert is_neutral(front_end.choose_password("My-own-Horse-8"))


# ------------------------------------------------------------------------------------- who is shut out


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("disabled", "account_disabled"),
        pytest.param("no longer exists", "account_gone", marks=pytest.mark.sweep),
    ],
)
def test_who_was_shut_out_is_told_why_and_does_nothing_more(
    front_end: FrontEnd, pool: LocalPool, what: str, code: str
) -> None:
    front_end.come_with_app()
    shut_out(front_end, what)
    answer = front_end.tell("device_replace", password=PASSWORD)
    assert (answer.status_code, answer.body["code"]) == (403, code)
    assert front_end.operations().count("InitiateAuth") == 0
    assert front_end.see().body["signed_in"] is False
    assert front_end.see("device").status_code in (401, 403)


# --------------------------------------------------------------------------------------- who exists


def test_no_series_of_answers_tells_who_exists(front_end: FrontEnd) -> None:
    """Up to the limits, over both ways, with every member of the answers."""

    def answers(name: str) -> list[str]:
        person = front_end.another_browser()
        found = [person.sign_in(name, "Wrong-Horse-9") for _ in range(7)]
        found += [person.tell("forgot_password", username=name)]
        guess = {"code": "123456", "password": "Another-Horse-8"}
        found += [person.call("POST", "reset_password", guess) for _ in range(7)]
        found += [person.see()]
        found += [person.tell("forgot_password", username=name) for _ in range(5)]
        said = [(one.status_code, one.get("Retry-After"), json.dumps(one.body)) for one in found]
        assert 429 in {status for status, _wait, _body in said}
        # It is made of the name that was entered, and of nothing that is known about it.
        form_id = PendingSignIn(step=Step.PASSWORD_RESET, username=name).form_id
        return [str(one).replace(form_id, "ID").replace(name, "NAME") for one in said]

    assert answers("newcomer") == answers("nobodyxx")


def test_a_code_that_the_pages_asked_for_is_taken_by_the_api_once(
    front_end: FrontEnd, pool: LocalPool
) -> None:
    pool.user("newcomer").attributes["email_verified"] = "true"
    front_end.see()
    on_pages(front_end).post(reverse("cognito_mfa:password_reset"), {"username": "newcomer"})
    new = {"code": front_end.cognito.outbox[-1].code, "password": "Another-Horse-8"}
    assert front_end.call("POST", "reset_password", new).body["step"] == "sign_in"
    front_end.operations()
    assert front_end.call("POST", "reset_password", new).status_code == 409
    assert front_end.operations() == []


def test_wrong_recovery_codes_are_counted_together(front_end: FrontEnd, settings: Settings) -> None:
    """A right one waits as well, either way."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True}
    front_end.come_with_app()
    codes = front_end.tell("recovery_codes").body["codes"]
    front_end.sign_out()
    front_end.sign_in()
    address, wrong = reverse("cognito_mfa:recover"), "0000-0000-0000-0000"
    said: list[int] = []
    while 429 not in said and len(said) < 20:
        said.append(front_end.tell("recover", code=wrong).status_code)
        said.append(on_pages(front_end).post(address, {"code": wrong}).answered)
    assert said[-1] == 429
    assert front_end.tell("recover", code=codes[0]).status_code == 429
    assert on_pages(front_end).post(address, {"code": codes[0]}).answered == 429
