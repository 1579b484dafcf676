"""Sites whose users are known by something else than a name. ``tests/test_user_models.py`` runs this for each."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.checks import run_checks

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
    event = MFAEvent.objects.get(kind="LINK_REFUSED")
    return event.reason, event.detail.rpartition(" · ")[0]


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
    assert visitor.sign_in("ada").status_code == 403
    assert refusal() == ("no_valid_username", "phone: no verified name of the person is valid")
    assert not users().exists()


@only("Called")
def test_a_phone_number_of_somebody_else_is_taken(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    other = users().create(phone=PHONE)
    join(optional_pool)
    assert visitor.sign_in("ada").status_code == 403
    assert refusal() == ("username_taken", f"user {other.pk}")
    assert users().get() == other


@only("Numbered")
def test_a_number_is_nothing_that_the_pool_has(optional_pool: LocalPool, visitor: Visitor) -> None:
    join(optional_pool)
    assert visitor.sign_in("ada").status_code == 403
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
    assert visitor.sign_in("Ada-Lovelace").status_code == 403
    assert refusal() == ("no_valid_username", "name: no verified name of the person is valid")


@only("Initials")
def test_a_unique_address_is_not_left_empty(optional_pool: LocalPool, visitor: Visitor) -> None:
    """The first user without one would take the empty address from all others."""
    join(optional_pool, verified="false")
    assert visitor.sign_in("ada").status_code == 403
    assert refusal() == ("user_not_created", "email: unique, and there is no value")
    assert not users().exists()
    join(optional_pool, "bob")
    visitor.set_up("bob")
    assert name_of_the_user() == "bob"


def test_the_checks_bear_every_model() -> None:
    assert not [message for message in run_checks() if message.id == "cognito_mfa.E029"]
