"""Sites whose users are known by something else than a name. ``tests/test_user_models.py`` runs this for each."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.user_models.settings import KIND
from tests.visitor import PASSWORD, Visitor

PHONE = "+12025550123"


def join(pool: LocalPool, name: str = "ada", *, verified: str = "true", **more: str) -> str:
    attributes = {
        "email": f"{name}@example.com",
        "email_verified": verified,
        "phone_number": PHONE,
        "phone_number_verified": verified,
        **more,
    }
    return pool.create_user(name, password=PASSWORD, attributes=attributes).sub


def only(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(kind != KIND, reason="of another user model")


def users() -> Any:
    return get_user_model()._default_manager


def name_of_the_user() -> object:
    return CognitoIdentity.objects.get().user.get_username()


def refusal() -> tuple[str, str]:
    """Return the reason and what else is said of it, without the reference, which is another each time."""
    event = MFAEvent.objects.get(kind="LINK_REFUSED")
    said = event.detail.split(" · ")
    return event.reason, " · ".join(part for part in said if not part.startswith("reference "))


@only("Unique")
def test_a_uuid_is_the_sub(optional_pool: LocalPool, visitor: Visitor) -> None:
    sub = join(optional_pool)
    visitor.set_up("ada")
    assert name_of_the_user() == uuid.UUID(sub)
    visitor.sign_out()
    visitor.sign_in("ada")
    visitor.enter_code()
    assert visitor.is_in()


@only("Called")
def test_a_phone_number_is_one_that_the_pool_has_verified(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    join(optional_pool)
    visitor.set_up("ada")
    assert name_of_the_user() == PHONE


@only("Called")
def test_a_column_for_phone_numbers_takes_nothing_else(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    join(optional_pool, verified="false")
    assert visitor.sign_in("ada").answered == 403
    assert refusal() == ("no_valid_username", "phone: no verified name of the person is valid")
    assert not users().exists()


@only("Called")
def test_a_phone_number_of_another_user_is_taken(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    other = users().create(phone=PHONE)
    join(optional_pool)
    assert visitor.sign_in("ada").answered == 403
    assert refusal() == ("username_taken", f"user {other.pk}")
    assert users().get() == other


@only("Numbered")
def test_a_number_is_nothing_that_the_pool_has(optional_pool: LocalPool, visitor: Visitor) -> None:
    join(optional_pool)
    assert visitor.sign_in("ada").answered == 403
    assert refusal() == ("no_valid_username", "number: no verified name of the person is valid")


@only("Numbered")
def test_a_number_that_is_the_name_in_the_pool_is_one(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    join(optional_pool, "4711")
    visitor.set_up("4711")
    assert name_of_the_user() == 4711


@only("Initials")
def test_a_name_that_the_columns_validators_refuse_is_none(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    """Nor is the ``sub``, which has digits and is too long."""
    join(optional_pool, "Ada-Lovelace")
    assert visitor.sign_in("Ada-Lovelace").answered == 403
    assert refusal() == ("no_valid_username", "name: no verified name of the person is valid")


@only("Initials")
def test_a_unique_address_is_not_left_empty(optional_pool: LocalPool, visitor: Visitor) -> None:
    """The first user without one would take the empty address from all others."""
    join(optional_pool, verified="false")
    assert visitor.sign_in("ada").answered == 403
    assert refusal() == ("user_not_created", "email: unique, and there is no value")
    assert not users().exists()
    join(optional_pool, "bob")
    visitor.set_up("bob")
    assert name_of_the_user() == "bob"


EXPECTED = {
    "Unique": set(),
    "Called": set(),
    "Numbered": set(),
    "Initials": {"cognito_mfa.W034"},
    "Employee": {"cognito_mfa.W033", "cognito_mfa.W034"},
}


def told() -> dict[str, str]:
    wanted = ("cognito_mfa.W033", "cognito_mfa.W034", "cognito_mfa.E029")
    return {str(one.id): f"{one.msg} {one.hint}" for one in run_checks() if one.id in wanted}


@pytest.mark.django_db
def test_the_checks_foresee_what_the_model_will_refuse() -> None:
    assert set(told()) == EXPECTED[KIND]


@only("Employee")
@pytest.mark.django_db
def test_they_name_the_fields_and_the_way_out(settings: Settings) -> None:
    given = settings.COGNITO_MFA
    assert "The user model requires number, which" in told()["cognito_mfa.W033"]
    assert "'email' is unique" in told()["cognito_mfa.W034"]
    settings.COGNITO_MFA = {**given, "USER_FIELDS": {"custom:number": "number"}}
    assert set(told()) == {"cognito_mfa.W034"}
    by_email = "cognito_mfa.sign_in.linking.by_verified_email"
    settings.COGNITO_MFA = {**given, "USER_RESOLVER": by_email}
    assert set(told()) == {"cognito_mfa.W033"}
    for quiet in ({"CREATE_USERS": False}, {"USER_RESOLVER": lambda person, *, request: None}):
        settings.COGNITO_MFA = {**given, **quiet}
        assert told() == {}


@only("Initials")
@pytest.mark.django_db
def test_the_name_is_written_by_no_claim(settings: Settings) -> None:
    """A name in capital letters would be one that the column refuses; and a name is how the site knows people."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_FIELDS": {"nickname": "name"}}
    assert "that field identifies users on this site" in told()["cognito_mfa.E029"]


@only("Called")
def test_the_number_that_is_the_name_follows_the_pool(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """Unless another user has it."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_FIELDS": {"phone_number": "phone"}}
    join(optional_pool)
    visitor.set_up("ada")
    users().create(phone="+12025550199")
    for number, stored in (("+12025550100", "+12025550100"), ("+12025550199", "+12025550100")):
        optional_pool.user("ada").attributes["phone_number"] = number
        visitor.cognito.clock.advance(30)
        visitor.sign_out()
        visitor.sign_in("ada")
        visitor.enter_code()
        assert name_of_the_user() == stored
        assert visitor.is_in()
    assert "user_field_skipped: phone, another user has the name" in caplog.text
