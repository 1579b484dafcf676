"""Addresses of another user, on a site whose users are known by their address; whose ``root@example.com``
is the superuser. ``tests/test_custom_user.py`` runs this."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.visitor import PASSWORD, Visitor

ROOT = "root@example.com"


def join(pool: LocalPool, name: str, email: str, *, verified: str = "false") -> None:
    attributes = {"email": email, "email_verified": verified}
    pool.create_user(name, password=PASSWORD, attributes=attributes)


def another(visitor: Visitor) -> Visitor:
    return Visitor(Client(), visitor.cognito)


def user_of(name: str) -> Any:
    return CognitoIdentity.objects.get(username=name).user


def reasons() -> list[str]:
    return list(MFAEvent.objects.filter(kind="LINK_REFUSED").values_list("reason", flat=True))


def resolve_by(settings: Settings, name: str) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "USER_RESOLVER": f"cognito_mfa.sign_in.linking.{name}",
    }


def test_an_unverified_address_names_no_one(optional_pool: LocalPool, visitor: Visitor) -> None:
    """``new_users.candidate_names``: ``person.email``, not what the person says."""
    join(optional_pool, "mallory", ROOT)
    join(optional_pool, "theceo", ROOT, verified="true")
    assert visitor.sign_in("mallory").answered == 403
    assert reasons() == ["email_not_verified"]
    assert not get_user_model().objects.exists()
    assert visitor.get("/admin/").status_code == 302

    owner = another(visitor)
    owner.set_up("theceo")
    assert user_of("theceo").email == ROOT
    assert owner.get("/admin/").status_code == 200


@pytest.mark.parametrize("name", [ROOT, "Root@Example.com"])
def test_nor_does_a_name_of_the_pool_that_is_an_address(
    optional_pool: LocalPool, visitor: Visitor, name: str
) -> None:
    """``new_users.candidate_names``: ``is_for_addresses``."""
    join(optional_pool, name, "mallory@example.org", verified="true")
    visitor.set_up(name)
    user = CognitoIdentity.objects.get().user
    assert (user.email, user.is_superuser) == ("mallory@example.org", False)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("ROOT@example.com", "username_taken"),
        ("r\uff4f\uff4ft@example.com", "email_not_verified"),  # no address that mail can be sent to
    ],
)
def test_an_address_that_may_be_read_as_anothers_is_taken(
    optional_pool: LocalPool, visitor: Visitor, address: str, reason: str
) -> None:
    get_user_model().objects.create(email=ROOT)
    join(optional_pool, "mallory", address, verified="true")
    assert visitor.sign_in("mallory").answered == 403
    assert reasons() == [reason]
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("resolver", ["by_username", "by_verified_email"])
@pytest.mark.parametrize("verified", ["true", "false"])
def test_a_superuser_by_code_alone_is_linked_by_hand_too(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, resolver: str, verified: str
) -> None:
    """``linkability.check_linkable``: this site has no columns that tell."""
    resolve_by(settings, resolver)
    root = get_user_model().objects.create(email=ROOT)
    join(optional_pool, ROOT, ROOT, verified=verified)
    visitor.sign_in(ROOT)
    assert not CognitoIdentity.objects.filter(user=root).exists()
    proposed = resolver == "by_username" or verified == "true"
    assert reasons() == (["staff"] if proposed else ["email_not_verified"])


def test_an_owner_is_linked(optional_pool: LocalPool, visitor: Visitor, settings: Settings) -> None:
    resolve_by(settings, "by_verified_email")
    ada = get_user_model().objects.create(email="ada@example.com")
    join(optional_pool, "mallory", "ada@example.com")
    join(optional_pool, "ada", "Ada@example.com", verified="true")
    assert visitor.sign_in("mallory").answered == 403
    another(visitor).set_up("ada")
    assert user_of("ada") == ada
