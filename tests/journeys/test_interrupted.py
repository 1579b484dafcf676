"""Journey 6: time runs out, answers get lost, pages are reloaded and opened twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from tests.visitor import Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH")

SETUP, CHALLENGE, SIGN_IN = (f"cognito_mfa:{name}" for name in ("setup", "challenge", "sign_in"))


def test_a_set_up_that_takes_too_long_starts_again_with_the_names_kept(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in(next_url="/private/")
    first = visitor.scan()
    visitor.cognito.clock.advance(200)

    response = visitor.confirm_setup(friendly_name="Blue phone")
    assert response.url == reverse(SIGN_IN) + "?next=%2Fprivate%2F"
    page = visitor.text(visitor.get(response.url))
    assert "timed out" in page
    assert 'value="newcomer"' in page

    visitor.sign_in(next_url="/private/")
    assert visitor.scan() != first
    assert 'value="Blue phone"' in visitor.text(visitor.get(reverse(SETUP)))
    assert "%2Fprivate%2F" in visitor.confirm_setup(friendly_name="Blue phone").url


def test_a_challenge_that_takes_too_long_starts_again(pool: LocalPool, visitor: Visitor) -> None:
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in(next_url="/private/")
    visitor.cognito.clock.advance(200)

    assert visitor.enter_code().url == reverse(SIGN_IN) + "?next=%2Fprivate%2F"
    assert not visitor.is_in()
    visitor.sign_in(next_url="/private/")
    assert visitor.enter_code().url == "/private/"


@pytest.mark.parametrize("executed", [True, False])
def test_when_the_last_answer_of_a_set_up_is_lost_the_next_sign_in_asks_for_a_code(
    pool: LocalPool, visitor: Visitor, executed: bool
) -> None:
    visitor.sign_in()
    visitor.scan()
    lost = faults.Timeout(executed=executed)
    visitor.cognito.faults.on("RespondToAuthChallenge", lost, times=1)

    response = visitor.confirm_setup(friendly_name="Phone")
    assert response.answered == 503
    assert "Sign in again" in visitor.text(response)
    assert not visitor.is_in()
    assert not get_user_model().objects.exists()

    visitor.cognito.clock.advance(30)
    assert visitor.sign_in().url == reverse(CHALLENGE)
    assert "Phone" in visitor.text(visitor.get(reverse(CHALLENGE)))
    visitor.enter_code()
    assert visitor.is_in()


def test_reload_back_and_second_tab_show_the_same_code_and_send_nothing(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    visitor.cognito.forget_calls()
    pages = {visitor.text(visitor.get(reverse(SETUP))) for _tab in range(5)}
    visitor.client.head(reverse(SETUP))
    visitor.client.options(reverse(SETUP))

    assert len(pages) == 1
    assert visitor.cognito.operations() == []


@pytest.mark.parametrize(
    "name",
    [
        "sign_in",
        "new_password",
        "challenge",
        "link",
        "setup",
        "setup_done",
        "setup_cancel",
        "sign_out",
    ],
)
def test_no_get_ever_asks_cognito(pool: LocalPool, visitor: Visitor, name: str) -> None:
    for step in ("nothing", "setting up", "asked for a code", "signed in"):
        if step == "setting up":
            visitor.sign_in()
        elif step == "asked for a code":
            visitor.set_up()
            visitor.sign_out()
            visitor.sign_in()
        elif step == "signed in":
            visitor.enter_code()
        visitor.cognito.forget_calls()
        response = visitor.get(reverse(f"cognito_mfa:{name}"), follow=True)
        assert response.status_code in (200, 405), step
        assert visitor.cognito.operations() == [], step


def test_going_back_to_an_earlier_page_leads_to_where_the_sign_in_stands(
    pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    assert visitor.get(reverse(CHALLENGE)).url == reverse(SETUP)
    assert visitor.get(reverse("cognito_mfa:new_password")).url == reverse(SETUP)


def test_the_secret_is_not_shown_again_once_confirmed(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    secret = visitor.scan()
    visitor.confirm_setup()

    response = visitor.get(reverse(SETUP), follow=True)
    assert secret not in visitor.text(response)


@pytest.mark.over_api
def test_the_newest_sign_in_of_a_browser_wins(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("other", password="Correct-Horse-7")
    visitor.sign_in("newcomer")
    visitor.sign_in("other")
    visitor.scan()
    visitor.confirm_setup()

    assert "private page of other" in visitor.text(visitor.get("/private/"))
    assert not get_user_model().objects.filter(username="newcomer").exists()


@pytest.mark.over_api
def test_a_code_before_any_password_starts_at_the_password(
    pool: LocalPool, visitor: Visitor
) -> None:
    assert visitor.enter_code("123456").url == reverse(SIGN_IN)
    assert visitor.confirm_setup("123456").url == reverse(SIGN_IN)
    assert visitor.cognito.operations() == []


def test_nothing_but_the_code_is_taken_from_the_page(pool: LocalPool, visitor: Visitor) -> None:
    """Names, session strings, and steps of the visitor's choice are ignored."""
    pool.create_user("victim", password="Other-Horse-7")
    pool.register_software_token("victim")
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    data = {
        "code": visitor.code(),
        "username": "victim",
        "USERNAME": "victim",
        "ChallengeName": "MFA_SETUP",
        "Session": "x" * 30,
        "step": "DONE",
        "mfa_required": "false",
    }
    visitor.post(reverse(CHALLENGE), data)

    assert "private page of newcomer" in visitor.text(visitor.get("/private/"))


def test_at_the_code_page_no_new_authenticator_can_be_set_up(
    pool: LocalPool, visitor: Visitor
) -> None:
    """The password alone must not replace the second factor."""
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    before = pool.user("newcomer").software_token

    assert visitor.get(reverse(SETUP)).url == reverse(CHALLENGE)
    assert visitor.confirm_setup("123456").url == reverse(CHALLENGE)
    assert pool.user("newcomer").software_token == before
    assert not visitor.is_in()


@pytest.mark.over_api
def test_the_slower_of_two_equal_posts_ends_signed_in_as_well(
    pool: LocalPool, visitor: Visitor
) -> None:
    """The second request still has the session as it was before the first was answered."""
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in(next_url="/private/")
    code = visitor.code()
    slower = Client()
    slower.cookies["sessionid"] = visitor.client.cookies["sessionid"].value
    visitor.enter_code(code)

    redirect: Any = slower.post(reverse(CHALLENGE), {"code": code})
    response = slower.get(redirect.url)

    assert redirect.status_code == 303
    assert "This page continues automatically." in visitor.text(response)
    assert not redirect.cookies
    assert not response.cookies
    assert (
        visitor.get(reverse(SIGN_IN)).status_code == 302
    )  # the browser has the first one's cookie
    assert visitor.is_in()


@pytest.mark.over_api
def test_a_session_that_vanished_starts_again(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.client.session.flush()
    assert visitor.confirm_setup("123456").url == reverse(SIGN_IN)


@pytest.mark.over_api
def test_a_session_key_from_another_secret_starts_again(
    pool: LocalPool, visitor: Visitor, settings: object
) -> None:
    visitor.sign_in()
    settings.SECRET_KEY = "another" * 10  # type: ignore[attr-defined]
    assert visitor.get(reverse(SETUP)).url.startswith(reverse(SIGN_IN))


def test_a_fallback_key_still_opens_what_was_sealed_with_it(
    pool: LocalPool, visitor: Visitor, settings: object
) -> None:
    visitor.sign_in()
    secret = visitor.scan()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # type: ignore[attr-defined]
    settings.SECRET_KEY = "another" * 10  # type: ignore[attr-defined]
    # Django itself signs sessions of the database with the key; only ours is at stake here.
    from cognito_mfa.sign_in.encryption import decrypt, encrypt

    sealed = encrypt({"secret": secret})
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # type: ignore[attr-defined]
    settings.SECRET_KEY = "a third" * 10  # type: ignore[attr-defined]
    assert decrypt(sealed) == {"secret": secret}


@pytest.mark.over_api
def test_the_documented_code_after_the_set_up_is_answered_as_well(
    visitor: Visitor,
) -> None:
    """AWS documents that SOFTWARE_TOKEN_MFA follows MFA_SETUP. It was never measured."""
    from cognito_mfa.local import Behavior
    from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

    behavior = Behavior(code_after_setup=True)
    pool = visitor.cognito.create_pool(POOL_ID, mfa="ON", behavior=behavior)
    pool.create_client(CLIENT_ID)
    pool.create_user("newcomer", password=PASSWORD)
    visitor.sign_in()
    visitor.scan()

    assert visitor.confirm_setup().url == reverse(CHALLENGE)
    assert not visitor.is_in()
    visitor.cognito.clock.advance(30)
    visitor.enter_code()
    assert visitor.is_in()
