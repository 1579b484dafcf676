"""Back and Reload are safe: a browser is redirected after every POST, also after an error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from cognito_mfa import urls
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.sign_in.encryption import decrypt
from cognito_mfa.views import post_redirects
from tests.security.during_calls import while_cognito_answers
from tests.visitor import PASSWORD, Visitor

SCRIPT: dict[str, Any] = {"HTTP_ACCEPT": "*/*"}
HTMX: dict[str, Any] = {"HTTP_HX_REQUEST": "true"}
POST_ONLY = {"sign_out", "setup_cancel", "recovery_codes_saved", "recovery_codes_text"}
GET_ONLY = {"index", "setup_done", "device", "history"}


def url(name: str) -> str:
    return reverse(f"cognito_mfa:{name}")


def at_the_password(visitor: Visitor) -> tuple[str, dict[str, str]]:
    return url("sign_in"), {"username": "newcomer", "password": "Wrong-Horse-7"}


def at_the_code(visitor: Visitor) -> tuple[str, dict[str, str]]:
    visitor.come_with_app()
    visitor.sign_out()
    visitor.sign_in()
    return url("challenge"), {"code": visitor.wrong_code()}


def at_setup(visitor: Visitor) -> tuple[str, dict[str, str]]:
    visitor.sign_in()
    visitor.scan()
    return url("setup"), {"code": visitor.wrong_code(), "friendly_name": "Blue phone"}


def at_rename(visitor: Visitor) -> tuple[str, dict[str, str]]:
    visitor.come_with_app()
    return url("device_rename"), {"friendly_name": "x" * 65}


def at_replace(visitor: Visitor) -> tuple[str, dict[str, str]]:
    visitor.come_with_app()
    return url("device_replace"), {"password": "Wrong-Horse-7"}


def at_reset(visitor: Visitor) -> tuple[str, dict[str, str]]:
    return url("password_reset"), {"username": ""}


FORMS = [at_the_password, at_the_code, at_setup, at_rename, at_replace, at_reset]


def errors(page: str) -> list[str]:
    return re.findall(r'class="cognito-mfa-(?:errors|field-error)"', page)


@pytest.mark.django_db
@pytest.mark.parametrize("come_to", FORMS)
def test_an_error_is_shown_by_the_page_that_a_browser_is_redirected_to(
    pool: LocalPool, visitor: Visitor, come_to: Callable[[Visitor], tuple[str, dict[str, str]]]
) -> None:
    path, data = come_to(visitor)
    answer: Any = visitor.client.post(path, data)
    assert answer.status_code == 303
    assert answer.url == path
    assert "Retry-After" not in answer

    shown = visitor.get(answer.url)
    assert shown.status_code == 200
    assert errors(visitor.text(shown))
    assert "Error:" in visitor.text(shown)
    assert 'aria-invalid="true"' in visitor.text(shown) or "cognito-mfa-errors" in visitor.text(
        shown
    )

    assert not errors(visitor.text(visitor.get(path))), "an error was shown twice"


@pytest.mark.django_db
@pytest.mark.parametrize("come_to", FORMS)
@pytest.mark.parametrize("caller", [SCRIPT, HTMX])
def test_scripts_and_htmx_get_the_answer_at_once(
    pool: LocalPool,
    visitor: Visitor,
    come_to: Callable[[Visitor], tuple[str, dict[str, str]]],
    caller: dict[str, Any],
) -> None:
    path, data = come_to(visitor)
    answer: Any = visitor.client.post(path, data, **caller)
    assert answer.status_code == 200
    assert errors(visitor.text(answer))
    assert not errors(visitor.text(visitor.get(path)))


@pytest.mark.django_db
def test_what_was_typed_is_kept_but_no_secret(pool: LocalPool, visitor: Visitor) -> None:
    path, data = at_setup(visitor)
    answer: Any = visitor.client.post(path, data)
    kept = visitor.client.session[post_redirects.KEY]
    page = visitor.text(visitor.get(answer.url))
    assert 'value="Blue phone"' in page
    assert data["code"] not in page
    assert "Blue phone" not in repr(kept), "kept in clear"

    visitor.sign_out()
    answer = visitor.client.post(url("sign_in"), {"username": "Zoe", "password": "Wrong-Horse-7"})
    for session in Session.objects.all():
        opened = [
            decrypt(text) for text in (session.get_decoded().get(post_redirects.KEY) or {}).values()
        ]
        assert "Wrong-Horse-7" not in repr(opened)
        assert opened, "nothing was kept"
    assert 'value="Zoe"' in visitor.text(visitor.get(answer.url))


@pytest.mark.django_db
def test_the_way_back_survives_an_error(pool: LocalPool, visitor: Visitor) -> None:
    data = {"username": "newcomer", "password": "wrong", "next": "/private/", "setup": "1"}
    answer: Any = visitor.client.post(url("sign_in"), data)
    page = visitor.text(visitor.get(answer.url))
    assert '<input type="hidden" name="next" value="/private/">' in page
    assert '<input type="hidden" name="setup" value="1">' in page
    assert answer.url.count("next=") == 1
    visitor.client.post(answer.url, data)
    again: Any = visitor.client.post(answer.url, data)
    assert again.url == answer.url  # it does not grow with each error
    # Also after a reload.
    assert 'value="/private/"' in visitor.text(visitor.get(answer.url))


@pytest.mark.django_db
def test_repeated_errors_keep_the_address_short(pool: LocalPool, visitor: Visitor) -> None:
    page = url("sign_in") + "?next=%2Fprivate%2F"
    wrong = {"username": "newcomer", "password": "wrong", "next": "/private/"}
    for _ in range(2):
        answer: Any = visitor.client.post(page, wrong)
        assert answer.url == page
        page = answer.url


@pytest.mark.django_db
def test_the_page_after_an_error_says_the_text_and_nothing_else(
    pool: LocalPool, visitor: Visitor
) -> None:
    """``str()`` of an error is the list of its texts, with brackets and quotes."""
    page = visitor.text(visitor.sign_in(password="Wrong-Horse-7"))
    assert "['" not in page
    assert "Incorrect username or password. Check both and try again.</p>" in page
    visitor.sign_in()
    page = visitor.text(visitor.confirm_setup("000000"))
    assert "['" not in page
    assert ">That code didn’t work." in page


@pytest.mark.django_db
def test_tabs_do_not_mix(pool: LocalPool, visitor: Visitor) -> None:
    wrong = {"username": "newcomer", "password": "wrong"}
    first: Any = visitor.client.post(url("sign_in"), {**wrong, "next": "/private/"})
    second: Any = visitor.client.post(url("password_reset"), {"username": ""})
    assert not errors(visitor.text(visitor.get(url("sign_in"))))
    assert "Incorrect username or password" in visitor.text(visitor.get(first.url))
    page = visitor.text(visitor.get(second.url))
    assert errors(page)
    assert "Incorrect username or password" not in page


@pytest.mark.django_db
def test_an_error_that_no_one_fetched_is_forgotten(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, data = at_the_password(visitor)
    visitor.client.post(path, data)
    monkeypatch.setattr(post_redirects, "TTL", 0.0)
    assert not errors(visitor.text(visitor.get(path)))


@pytest.mark.django_db
def test_an_error_of_before_is_not_shown_to_the_next_user(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.come_with_app()
    visitor.client.post(url("device_rename"), {"friendly_name": "x" * 65})
    kept = visitor.client.session[post_redirects.KEY]
    visitor.sign_out()
    visitor.get(url("sign_in"))
    pool.create_user("other", password=PASSWORD)
    visitor.come_with_app("other")
    session = visitor.client.session
    session[post_redirects.KEY] = kept
    session.save()
    assert not errors(visitor.text(visitor.get(url("device_rename"))))


@pytest.mark.django_db
def test_a_session_that_ended_in_the_meantime_is_no_error(
    pool: LocalPool, visitor: Visitor
) -> None:
    """Django answers a bare 400 where a session is saved that another tab deleted."""
    path, data = at_the_password(visitor)
    visitor.sign_in()

    def end_session(*_given: Any) -> None:
        Session.objects.all().delete()

    while_cognito_answers(visitor, "InitiateAuth", end_session)
    answer: Any = visitor.client.post(path, data)
    assert answer.status_code == 303
    assert visitor.get(answer.url).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (faults.Unreachable(), 503),
        (faults.Timeout(executed=True), 503),
        (faults.Error("TooManyRequestsException", "slow"), 429),
        (faults.Error("UserNotConfirmedException", "x"), 200),
    ],
)
def test_a_failure_keeps_its_status_for_scripts_and_its_text_for_browsers(
    pool: LocalPool, visitor: Visitor, fault: faults.Fault, status: int
) -> None:
    path, data = at_the_password(visitor)
    visitor.cognito.faults.on("InitiateAuth", fault)
    direct: Any = visitor.client.post(path, data, **SCRIPT)
    assert direct.status_code == status
    assert ("Retry-After" in direct) is (status != 200)

    visitor.cognito.faults.on("InitiateAuth", fault)
    answer: Any = visitor.client.post(path, data)
    assert answer.status_code == 303
    shown = visitor.get(answer.url)
    assert shown.status_code == 200
    assert "Retry-After" not in shown
    if status == 429:
        assert re.search(r"Wait \d+ seconds", visitor.text(shown))


@pytest.mark.django_db
def test_a_page_that_stands_for_itself_is_shown_by_a_get_too(
    pool: LocalPool, visitor: Visitor
) -> None:
    path, _wrong = at_the_code(visitor)
    visitor.cognito.faults.on("RespondToAuthChallenge", faults.Timeout(executed=True))
    answer: Any = visitor.client.post(path, {"code": visitor.code()})
    assert answer.status_code == 303
    page = visitor.text(visitor.get(answer.url))
    assert "not sure if that worked" in page
    assert "Sign in again" in page
    assert visitor.get(path).status_code == 302, "shown again"


def _names() -> list[str]:
    return [str(pattern.name) for pattern in urls.urlpatterns]


@pytest.mark.django_db
@pytest.mark.parametrize("name", _names())
@pytest.mark.parametrize("state", ["stranger", "at the code", "at setup", "signed in"])
def test_no_post_of_a_browser_is_answered_with_a_page(
    pool: LocalPool, visitor: Visitor, name: str, state: str
) -> None:
    """Whatever the page and wherever the visitor is."""
    if state == "at the code":
        at_the_code(visitor)
    elif state == "at setup":
        at_setup(visitor)
    elif state == "signed in":
        visitor.come_with_app()
    if name in GET_ONLY:
        assert visitor.client.post(url(name)).status_code in (302, 405)
        return
    for data in ({}, {"username": "x", "password": "y", "code": "123456", "answer": "?"}):
        answer: Any = visitor.client.post(url(name), data)
        assert answer.status_code in (302, 303), answer.content
        assert visitor.client.get(answer.url, follow=True).status_code == 200


# --- Pages that were open for too long.


def token(page: Any) -> dict[str, str]:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert found
    return {"csrfmiddlewaretoken": found[1]}


@pytest.fixture
def careful(pool: LocalPool, visitor: Visitor) -> Visitor:
    """A visitor whose browser has cookies as Django wants them."""
    visitor.client = Client(enforce_csrf_checks=True)
    return visitor


@pytest.mark.django_db
def test_cleared_cookies_are_explained_by_a_page_of_ours(careful: Visitor) -> None:
    data = {"username": "newcomer", "password": PASSWORD, "next": "/private/"}
    stale = token(careful.get(url("sign_in")))
    careful.client.cookies.clear()

    answer: Any = careful.client.post(url("sign_in"), {**data, **stale})
    assert answer.status_code == 303
    assert not careful.cognito.operations()
    assert "sessionid" not in answer.cookies, "a cookie that another site could set"
    page = careful.get(answer.url)
    assert "This page was open for too long" in careful.text(page)
    assert 'value="/private/"' in careful.text(page)

    answer = careful.client.post(answer.url, {**data, **token(page)})
    assert answer.status_code == 302
    assert careful.cognito.operations()


@pytest.mark.django_db
def test_a_tab_of_before_a_sign_in_is_told_that_they_are_signed_in(
    pool: LocalPool, visitor: Visitor
) -> None:
    page = visitor.client.get(url("sign_in"))
    visitor.come_with_app()
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = visitor.client.cookies
    data = {"username": "newcomer", "password": PASSWORD, "next": "/account/device/"}
    answer: Any = careful.post(url("sign_in"), {**data, **token(page)})
    assert answer.status_code == 303
    shown = careful.get(answer.url, follow=True)
    assert shown.redirect_chain[-1][0] == "/account/device/"
    assert "You’re already signed in" in visitor.text(shown)


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in _names() if name not in GET_ONLY])
def test_no_page_of_ours_answers_a_stale_form_with_a_bare_403(
    pool: LocalPool, visitor: Visitor, name: str
) -> None:
    visitor.come_with_app()
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = visitor.client.cookies
    before = visitor.client.session.session_key
    answer: Any = careful.post(url(name), {"csrfmiddlewaretoken": "a" * 64})
    assert answer.status_code == 303
    page = careful.get(answer.url, follow=True)
    assert page.status_code == 200
    assert Session.objects.filter(session_key=before).exists(), "a stale form did something"
    assert not visitor.cognito.operations()


@pytest.mark.django_db
@pytest.mark.parametrize("caller", [SCRIPT, HTMX])
def test_scripts_get_djangos_403(careful: Visitor, caller: dict[str, Any]) -> None:
    assert careful.client.post(url("sign_in"), {}, **caller).status_code == 403


@pytest.mark.django_db
def test_where_a_request_came_from_is_told_to_developers(
    careful: Visitor, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy that changes the host is a fault of the site's settings, which Django's page explains."""
    foreign: dict[str, Any] = {"HTTP_ORIGIN": "https://elsewhere.example"}
    answer: Any = careful.client.post(url("sign_in"), {}, **foreign)
    assert answer.status_code == 303
    assert "Origin checking failed" in caplog.text
    settings.DEBUG = True
    answer = careful.client.post(url("sign_in"), {}, **foreign)
    assert answer.status_code == 403
    assert "Origin checking failed" in answer.content.decode()
