"""Addresses of somebody else, on a site whose users are known by their address; whose ``root@example.com``
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


def resolve_by(settings: Settings, name: str) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "USER_RESOLVER": f"cognito_mfa.sign_in.linking.{name}",
    }


def test_an_unverified_address_names_nobody(optional_pool: LocalPool, visitor: Visitor) -> None:
    """``linking._candidate_usernames``: ``person.email``, not what the person says."""
    join(optional_pool, "mallory", ROOT)
    join(optional_pool, "theceo", ROOT, verified="true")
    visitor.set_up("mallory")
    identity = CognitoIdentity.objects.get()
    assert (identity.user.email, identity.user.is_superuser) == (identity.sub, False)
    assert visitor.get("/admin/").status_code == 302

    owner = another(visitor)
    owner.set_up("theceo")
    assert user_of("theceo").email == ROOT
    assert owner.get("/admin/").status_code == 200


@pytest.mark.parametrize("name", [ROOT, "Root@Example.com"])
def test_nor_does_a_name_of_the_pool_that_is_an_address(
    optional_pool: LocalPool, visitor: Visitor, name: str
) -> None:
    """``linking._candidate_usernames``: ``_is_named_by_address``."""
    join(optional_pool, name, "mallory@example.org", verified="true")
    visitor.set_up(name)
    user = CognitoIdentity.objects.get().user
    assert (user.email, user.is_superuser) == ("mallory@example.org", False)


@pytest.mark.parametrize("address", ["ROOT@example.com", "r\uff4f\uff4ft@example.com"])
def test_an_address_that_may_be_read_as_anothers_is_taken(
    optional_pool: LocalPool, visitor: Visitor, address: str
) -> None:
    get_user_model().objects.create(email=ROOT)
    join(optional_pool, "mallory", address, verified="true")
    visitor.set_up("mallory")
    identity = CognitoIdentity.objects.get()
    assert identity.user.email == identity.sub


@pytest.mark.parametrize("resolver", ["by_username", "by_verified_email"])
@pytest.mark.parametrize("verified", ["true", "false"])
def test_a_superuser_by_code_alone_is_linked_by_hand_too(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings, resolver: str, verified: str
) -> None:
    """``linking._check_linkable``: this site has no columns that tell."""
    resolve_by(settings, resolver)
    root = get_user_model().objects.create(email=ROOT)
    join(optional_pool, ROOT, ROOT, verified=verified)
    visitor.sign_in(ROOT)
    assert not CognitoIdentity.objects.filter(user=root).exists()
    proposed = resolver == "by_username" or verified == "true"
    reasons = list(MFAEvent.objects.filter(kind="LINK_REFUSED").values_list("reason", flat=True))
    assert reasons == (["staff"] if proposed else [])


def test_an_owner_is_linked(optional_pool: LocalPool, visitor: Visitor, settings: Settings) -> None:
    resolve_by(settings, "by_verified_email")
    ada = get_user_model().objects.create(email="ada@example.com")
    join(optional_pool, "mallory", "ada@example.com")
    join(optional_pool, "ada", "Ada@example.com", verified="true")
    visitor.set_up("mallory")
    another(visitor).set_up("ada")
    assert (user_of("ada"), user_of("mallory") == ada) == (ada, False)


def test_no_mail_goes_to_a_name_that_is_no_address(
    optional_pool: LocalPool,
    visitor: Visitor,
    django_capture_on_commit_callbacks: Any,
    mailoutbox: list[Any],
) -> None:
    """Who has no verified address is named by the ``sub``, which is no mailbox."""
    join(optional_pool, "mallory", ROOT)
    with django_capture_on_commit_callbacks(execute=True):
        visitor.set_up("mallory")
    assert mailoutbox == []
