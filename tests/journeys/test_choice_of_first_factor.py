"""A site whose clients begin with USER_AUTH: Cognito asks which first factor it is to be, and the password was typed."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito, make_client
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.state import Passkey
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

BOTH_CALLS = ["InitiateAuth", "RespondToAuthChallenge"]


def choosing_client(**kwargs: Any) -> Any:
    """The client of such a site, as its CLIENT_FACTORY makes it."""
    client: Any = make_client(**kwargs)
    event = "provide-client-params.cognito-identity-provider.InitiateAuth"
    client.meta.events.register(event, _let_the_user_choose)
    return client


def _let_the_user_choose(params: dict[str, Any], **_kwargs: object) -> dict[str, Any]:
    given = {k: v for k, v in params["AuthParameters"].items() if k != "PASSWORD"}
    return {**params, "AuthFlow": "USER_AUTH", "AuthParameters": given}


@pytest.fixture
def choosing(cognito: LocalCognito, settings: Settings) -> LocalPool:
    """A pool with passkeys, whose user has one."""
    factors = ["PASSWORD", "WEB_AUTHN", "EMAIL_OTP"]
    pool = cognito.create_pool(POOL_ID, mfa="OPTIONAL", first_factors=factors)
    pool.create_client(CLIENT_ID, explicit_auth_flows=["ALLOW_USER_AUTH"])
    attributes = {"email": "newcomer@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=attributes)
    passkey = Passkey(id="a", attested="", name="", relying_party="example.com", created_at=0.0)
    pool.user("newcomer").passkeys["a"] = passkey
    factory = "tests.journeys.test_choice_of_first_factor.choosing_client"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": factory}
    return pool


@pytest.mark.over_api
def test_the_password_is_chosen_and_the_code_follows(choosing: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in()
    assert visitor.cognito.operations() == [*BOTH_CALLS, "AssociateSoftwareToken"]
    assert visitor.cognito.calls[1].parameters["ChallengeName"] == "SELECT_CHALLENGE"
    visitor.scan()
    visitor.confirm_setup()
    visitor.sign_out()
    visitor.cognito.forget_calls()
    assert visitor.sign_in().url == reverse("cognito_mfa:challenge")
    assert not visitor.is_in()
    visitor.enter_code(visitor.code(steps=1))  # each code works once
    assert visitor.is_in()
    assert visitor.cognito.operations() == [*BOTH_CALLS, "RespondToAuthChallenge"]


@pytest.mark.over_api
def test_a_wrong_password_is_told_as_always(choosing: LocalPool, visitor: Visitor) -> None:
    response = visitor.sign_in(password="Wrong-Horse-1")
    assert "password" in visitor.text(response)
    assert not visitor.is_in()
    assert visitor.cognito.operations() == BOTH_CALLS


@pytest.mark.over_api
def test_a_user_without_a_password_gets_a_clear_page(choosing: LocalPool, visitor: Visitor) -> None:
    choosing.user("newcomer").password = None
    response = visitor.sign_in()
    assert response.answered == 403
    assert "doesn’t support" in visitor.text(response)
    assert visitor.cognito.operations() == ["InitiateAuth"]
