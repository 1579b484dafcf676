"""Journey 2: password and code, with an authenticator that is set up already."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent, SoftwareToken
from tests.visitor import Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")


@pytest.fixture
def known(pool: LocalPool, visitor: Visitor) -> Visitor:
    """A visitor who set up an authenticator here, and signed out."""
    visitor.set_up(friendly_name="Kitchen tablet")
    visitor.sign_out()
    return visitor


@pytest.mark.over_api
def test_password_and_code_are_two_operations(known: Visitor) -> None:
    response = known.sign_in(next_url="/private/")
    assert response.url == reverse("cognito_mfa:challenge")
    assert "Kitchen tablet" in known.text(known.get(response.url))

    assert known.enter_code().url == "/private/"
    assert known.is_in()
    assert known.cognito.operations() == ["InitiateAuth", "RespondToAuthChallenge"]
    token = SoftwareToken.objects.get()
    assert token.last_used_at is not None
    assert MFAEvent.objects.filter(kind=MFAEvent.Kind.SIGNED_IN).count() == 2


@pytest.mark.over_api
def test_a_wrong_code_keeps_the_challenge(known: Visitor) -> None:
    known.sign_in()
    wrong = known.enter_code(known.wrong_code())
    assert wrong.status_code == 200
    assert "didn’t work" in known.text(wrong)
    assert not known.is_in()
    assert MFAEvent.objects.filter(kind=MFAEvent.Kind.CODE_REJECTED).count() == 1

    known.enter_code()
    assert known.is_in()


def test_a_code_works_once(known: Visitor) -> None:
    code = known.code()
    known.sign_in()
    known.enter_code(code)
    known.sign_out()

    known.sign_in()
    reused = known.enter_code(code)
    assert reused.status_code == 200
    assert "already used this code" in known.text(reused)
    assert not known.is_in()

    known.cognito.clock.advance(30)
    known.enter_code()
    assert known.is_in()


@pytest.mark.over_api
def test_the_code_of_the_set_up_is_spent_too(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    visitor.scan()
    code = visitor.code()
    visitor.confirm_setup(code)
    visitor.sign_out()

    visitor.sign_in()
    assert "already used this code" in visitor.text(visitor.enter_code(code))


@pytest.mark.over_api
def test_an_authenticator_from_elsewhere_is_learnt_with_its_name(
    pool: LocalPool, visitor: Visitor
) -> None:
    pool.create_user("regular", password="Correct-Horse-7")
    visitor.secret = pool.register_software_token("regular", friendly_name="Old phone")

    visitor.sign_in("regular")
    assert "Old phone" in visitor.text(visitor.get(reverse("cognito_mfa:challenge")))
    visitor.enter_code()

    assert visitor.is_in()
    assert SoftwareToken.objects.get().friendly_name == "Old phone"


def headers(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "Expires"}


@pytest.mark.over_api
def test_wrong_password_and_unknown_name_look_the_same(known: Visitor) -> None:
    known.get(reverse("cognito_mfa:sign_in"))
    wrong = known.sign_in("newcomer", "Wrong-Horse-7")
    unknown = known.sign_in("nobodyyy", "Wrong-Horse-7")

    assert (wrong.status_code, unknown.status_code) == (200, 200)
    assert known.text(wrong).replace("newcomer", "nobodyyy") == known.text(unknown)
    assert "Incorrect username or password" in known.text(wrong)
    assert headers(wrong) == headers(unknown)
    assert known.cognito.operations() == ["InitiateAuth", "InitiateAuth"]


@pytest.mark.over_api
def test_cognitos_lock_looks_like_a_wrong_password(known: Visitor) -> None:
    known.cognito.clock.stop()  # the lock lasts a few seconds
    for _attempt in range(7):
        response = known.sign_in("newcomer", "Wrong-Horse-7")
    locked = known.sign_in("newcomer")

    assert known.cognito.calls[-1].error == "NotAuthorizedException"
    assert known.text(locked) == known.text(response)


@pytest.mark.over_api
@pytest.mark.parametrize("status", ["UNCONFIRMED", "disabled"])
def test_states_that_would_tell_that_a_user_exists_do_not(
    pool: LocalPool, visitor: Visitor, status: str
) -> None:
    enabled = status != "disabled"
    pool.create_user(
        "somebody",
        password="Correct-Horse-7",
        status="CONFIRMED" if status == "disabled" else status,
        enabled=enabled,
    )
    response = visitor.sign_in("somebody")
    nobody = visitor.sign_in("nobodyyy")

    assert response.status_code == 200
    assert visitor.text(response).replace("somebody", "nobodyyy") == visitor.text(nobody)


def test_a_password_that_must_be_reset_gets_a_clear_page(pool: LocalPool, visitor: Visitor) -> None:
    pool.create_user("somebody", password="Correct-Horse-7", status="RESET_REQUIRED")

    response = visitor.sign_in("somebody")

    assert response.url == reverse("cognito_mfa:password_reset_confirm")
    assert "must reset the password" in visitor.text(visitor.get(response.url))
    assert not visitor.is_in()


@pytest.mark.parametrize(
    ("username", "password"),
    [("two words", "x"), ("newcomer", "two words"), ("new\u00adcomer", "x"), ("n" * 128, "x")],
)
def test_what_a_pool_may_know_is_for_cognito_to_refuse(
    pool: LocalPool, visitor: Visitor, username: str, password: str
) -> None:
    response = visitor.sign_in(username, password)

    assert response.status_code == 200
    assert len(visitor.cognito.operations()) == 1
    assert not visitor.is_in()


@pytest.mark.over_api
@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("n" * 129, "x"),
        ("newcomer", "x" * 257),
    ],
)
def test_what_cannot_be_sent_is_refused_without_asking(
    pool: LocalPool, visitor: Visitor, username: str, password: str
) -> None:
    response = visitor.sign_in(username, password)

    assert response.status_code == 200
    assert visitor.cognito.operations() == []
