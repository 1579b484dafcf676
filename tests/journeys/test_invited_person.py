"""Journey 4: a user whom an administrator made, with a password for the first time."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.visitor import CLIENT_ID, POOL_ID, Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")

TEMPORARY = "Temporary-1"


@pytest.fixture
def invited(pool: LocalPool, visitor: Visitor) -> Visitor:
    pool.create_user("invited", password=TEMPORARY, status="FORCE_CHANGE_PASSWORD")
    return visitor


def choose(visitor: Visitor, password: str, again: str | None = None, **attributes: str) -> Any:
    data = {"new_password1": password, "new_password2": again or password, **attributes}
    return visitor.post(reverse("cognito_mfa:new_password"), data)


@pytest.mark.over_api
def test_a_new_password_then_the_set_up_then_in(invited: Visitor) -> None:
    assert invited.sign_in("invited", TEMPORARY).url == reverse("cognito_mfa:new_password")
    page = invited.get(reverse("cognito_mfa:new_password"))
    assert "Choose a new password" in invited.text(page)

    assert choose(invited, "My-own-Horse-8").url == reverse("cognito_mfa:setup")
    invited.scan()
    invited.confirm_setup()

    assert invited.is_in()
    assert invited.cognito.operations() == [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "RespondToAuthChallenge",
        "SetUserMFAPreference",
    ]


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("Sh-1", "too short"),
        ("no-upper-case-1", "uppercase letter"),
        ("NO-LOWER-CASE-1", "lowercase letter"),
        ("No-number-here", "include a number"),
        ("NoSignHere123", "symbol, such as"),
    ],
)
def test_the_pools_policy_speaks_on_the_field(invited: Visitor, password: str, told: str) -> None:
    invited.sign_in("invited", TEMPORARY)
    response = choose(invited, password)

    assert response.status_code == 200
    assert told in invited.text(response)
    assert 'id="id_new_password1_error"' in invited.text(response)
    assert password not in invited.text(response)
    assert choose(invited, "My-own-Horse-8").url == reverse("cognito_mfa:setup")


def test_two_different_passwords_are_noticed_without_asking(invited: Visitor) -> None:
    invited.sign_in("invited", TEMPORARY)
    response = choose(invited, "My-own-Horse-8", "My-own-Horse-9")

    assert "passwords don’t match" in invited.text(response)
    assert invited.cognito.operations() == ["InitiateAuth"]


def test_attributes_that_the_pool_wants_are_asked_for(
    cognito: LocalCognito, visitor: Visitor
) -> None:
    pool = cognito.create_pool(POOL_ID, mfa="ON", required_attributes=["given_name"])
    pool.create_client(CLIENT_ID)
    pool.create_user("invited", password=TEMPORARY, status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited", TEMPORARY)
    assert "Given name" in visitor.text(visitor.get(reverse("cognito_mfa:new_password")))

    missing = choose(visitor, "My-own-Horse-8")
    assert missing.status_code == 200
    response = choose(visitor, "My-own-Horse-8", given_name="Ada")

    assert response.url == reverse("cognito_mfa:setup")
    assert pool.user("invited").attributes["given_name"] == "Ada"


@pytest.mark.over_api
def test_the_new_password_alone_opens_nothing(invited: Visitor) -> None:
    invited.sign_in("invited", TEMPORARY)
    choose(invited, "My-own-Horse-8")

    assert not invited.is_in()
