"""A site that changed to another user pool: nobody comes in by a link of the former one, and nobody gets a second account."""

from __future__ import annotations

import logging

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from tests.factories import make
from tests.visitor import PASSWORD, Visitor

NEW_POOL, NEW_CLIENT = "us-east-1_Rebuilt00", "rebuiltclient0000000000000"
RESOLVERS = [f"by_{name}" for name in ("pool_and_sub", "username", "verified_email")]


def rebuild_pool(cognito: LocalCognito, settings: Settings, *names: str) -> LocalPool:
    """Make another pool with users of the same names and addresses, and the site's."""
    pool = cognito.create_pool(NEW_POOL, mfa="ON")
    pool.create_client(NEW_CLIENT)
    for name in names:
        address = {"email": f"{name}@example.com", "email_verified": "true"}
        pool.create_user(name, password=PASSWORD, attributes=address)
    use_pool(settings, NEW_POOL, NEW_CLIENT)
    return pool


def use_pool(settings: Settings, pool_id: str, client_id: str) -> None:
    named = {"USER_POOL_ID": pool_id, "CLIENT_ID": client_id}
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **named}


@pytest.mark.parametrize("resolver", RESOLVERS)
def test_everybody_is_refused_for_the_true_reason(
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    resolver: str,
) -> None:
    ada = make(pool, "ada", email="ada@example.com")
    rebuild_pool(visitor.cognito, settings, "ada")
    path = f"cognito_mfa.sign_in.linking.{resolver}"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": path}
    with caplog.at_level(logging.WARNING, "cognito_mfa"):
        visitor.sign_in("ada")
        visitor.scan()
        answer = visitor.confirm_setup()
    assert answer.status_code == 403
    assert "linked_in_another_pool" in caplog.text
    assert "--from-pool" in caplog.text
    event = MFAEvent.objects.get(kind="LINK_REFUSED")
    assert (event.reason, f"user {ada.user_id}" in event.detail) == ("linked_in_another_pool", True)
    assert User.objects.count() == 1
    assert CognitoIdentity.objects.get() == ada


def test_somebody_who_was_never_here_is_new_as_ever(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "ada")
    gone = make(pool, "bob")
    gone.record_status(CognitoIdentity.Status.GONE)
    rebuild_pool(visitor.cognito, settings, "zoe", "bob")
    for name in ("zoe", "bob"):  # this bob is another one: the former pool deleted the first
        person = Visitor(Client(), visitor.cognito)
        person.set_up(name)
        assert person.is_in()
    assert CognitoIdentity.objects.in_pool().count() == 2


def test_an_address_that_is_not_verified_says_nothing_of_who_was_here(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "ada")
    new = rebuild_pool(visitor.cognito, settings)
    claimed = {"email": "ada@example.com", "email_verified": "false"}
    new.create_user("zoe", password=PASSWORD, attributes=claimed)
    visitor.set_up("zoe")
    assert visitor.is_in()


def test_sessions_of_the_former_pool_end(
    pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    make(pool, "ada")
    visitor.come_with_app("ada")
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    assert visitor.is_in()
    rebuild_pool(visitor.cognito, settings, "ada")
    assert not visitor.is_in()
    assert "_auth_user_id" not in visitor.client.session
