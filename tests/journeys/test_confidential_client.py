"""Journey 5: an app client with a secret; every step carries the right SECRET_HASH."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH")

SECRET = "clientsecretclientsecretclientsecret"


def hash_over(username: str) -> str:
    digest = hmac.new(SECRET.encode(), (username + CLIENT_ID).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


@pytest.fixture
def confidential(cognito: LocalCognito, settings: Settings) -> LocalPool:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_SECRET": SECRET}
    pool = cognito.create_pool(POOL_ID, mfa="ON", alias_attributes=["email"])
    pool.create_client(CLIENT_ID, secret=SECRET)
    attributes = {"email": "newcomer@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=attributes)
    return pool


@pytest.mark.over_api
@pytest.mark.parametrize("typed", ["newcomer", "newcomer@example.com"])
def test_each_step_is_signed_for_the_name_it_sends(
    confidential: LocalPool, visitor: Visitor, typed: str
) -> None:
    visitor.set_up(typed)
    visitor.sign_out()
    visitor.sign_in(typed)
    visitor.enter_code()
    assert visitor.is_in()

    start, answer = visitor.cognito.calls
    assert start.parameters["AuthParameters"]["SECRET_HASH"] == hash_over(typed)
    responses = answer.parameters["ChallengeResponses"]
    assert responses["USERNAME"] == "newcomer"
    assert responses["SECRET_HASH"] == hash_over("newcomer")


def test_an_invited_person_passes_too(confidential: LocalPool, visitor: Visitor) -> None:
    confidential.create_user("invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited", "Temporary-1")
    data = {"new_password1": "My-own-Horse-8", "new_password2": "My-own-Horse-8"}
    visitor.post(reverse("cognito_mfa:new_password"), data)
    visitor.scan()
    visitor.confirm_setup()
    assert visitor.is_in()


def wrong() -> str:
    return "anothersecretanothersecretanothersecret"


def none_at_all() -> None:
    return None


@pytest.mark.parametrize("secret", [wrong, none_at_all])
def test_a_wrong_client_secret_is_the_operators_problem_not_the_persons(
    confidential: LocalPool,
    visitor: Visitor,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    secret: Callable[[], str | None],
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_SECRET": secret}

    response = visitor.sign_in()

    assert response.answered == 503
    assert "CLIENT_SECRET does not match CLIENT_ID" in caplog.text
    assert "SECRET" not in visitor.text(response)
