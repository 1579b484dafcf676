"""Journey: people of django-allauth, who sign in at the pool's own pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.other_sign_ins import settings as own
from tests.other_sign_ins.person import Person
from tests.visitor import CLIENT_ID, POOL_ID

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
SCOPES = ["openid", "email", "aws.cognito.signin.user.admin"]
SET_UP = "/account/setup/?next=%2Fprivate%2F"


@pytest.fixture
def site(settings: Settings, address: str) -> Settings:
    """The site's settings for allauth."""
    app = {"client_id": CLIENT_ID, "secret": own.OIDC_RP_CLIENT_SECRET}
    settings.AUTHENTICATION_BACKENDS = [BACKEND]
    settings.LOGIN_URL = "/accounts/oidc/cognito/login/"
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "SCOPE": SCOPES,
            "APPS": [
                {
                    **app,
                    "provider_id": "cognito",
                    "name": "Cognito",
                    # Cognito's user information says "true", as text, which allauth cannot read.
                    "settings": {"server_url": f"{address}/{POOL_ID}", "fetch_userinfo": False},
                }
            ],
        },
        "amazon_cognito": {"DOMAIN": address, "SCOPE": SCOPES, "APP": app},
    }
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "TOKEN_PROVIDER": "cognito_mfa.contrib.allauth.access_token",
        "TRUSTED_BACKENDS": {BACKEND: "enrolled"},
        "ALLAUTH_PROVIDER": "cognito",
    }
    return settings


@pytest.fixture
def person(person: Person, site: Settings) -> Person:
    person.begin = "/accounts/oidc/cognito/login/?next=/private/"
    return person


def test_a_person_sets_up_here_and_is_asked_there_from_then_on(person: Person) -> None:
    assert person.arrive().url == "/private/"
    assert person.get("/private/").url == SET_UP
    assert "You are signed in as newcomer@example.com." in person.text(person.get(SET_UP))

    assert person.start().url == reverse("cognito_mfa:setup")
    person.scan()
    assert person.confirm_setup(friendly_name="Phone").url.startswith("/account/setup/done/")
    assert person.is_in()
    assert person.client.session["_auth_user_backend"] == BACKEND
    identity = CognitoIdentity.objects.get()
    assert identity.user == get_user_model().objects.get()
    assert identity.sub == person.pool.user("newcomer").sub

    person.pass_time()
    out = person.sign_in_again()
    assert out.url == "/accounts/oidc/cognito/login/?next=%2Fprivate%2F"
    person.arrive_with_code()
    assert person.is_in()
    assert person.cognito.operations() == ["GetUser", "GetUserPoolMfaConfig"]


def test_the_token_is_kept_encrypted_and_not_in_the_database(person: Person) -> None:
    from allauth.socialaccount.models import SocialToken

    person.arrive()
    session = dict(person.client.session.items())
    assert "_cognito_mfa_token" in session
    assert "eyJ" not in str(session)
    assert not SocialToken.objects.exists()


def test_people_of_a_provider_are_stopped_or_let_in_as_the_site_says(
    person: Person, site: Settings
) -> None:
    person.arrive_through("Google")
    assert not person.is_in()
    assert "can only be set up there" in person.text(person.get(SET_UP))
    site.COGNITO_MFA = {**site.COGNITO_MFA, "FEDERATED": "exempt"}
    assert person.is_in()


def test_a_token_without_the_scope_gets_a_clear_page(person: Person, site: Settings) -> None:
    site.SOCIALACCOUNT_PROVIDERS["openid_connect"]["SCOPE"] = ["openid", "email"]
    person.arrive()
    assert person.get(SET_UP).status_code == 503
    assert "not allowed to set up a second step" in person.text(person.start())


def test_a_password_of_allauths_own_proves_nothing(person: Person, pool: LocalPool) -> None:
    """The same backend signs in people whom Cognito does not know."""
    get_user_model().objects.create_user("local", password="Local-Horse-7")
    given = {"login": "local", "password": "Local-Horse-7"}
    person.post(reverse("account_login"), given)
    assert person.client.session["_auth_user_backend"] == BACKEND
    assert not person.is_in()
    assert "Sign in again" in person.text(person.get(SET_UP))


@pytest.mark.parametrize("word", ["enrolled", "everyone"])
def test_nor_does_it_where_the_pool_requires_mfa(person: Person, site: Settings, word: str) -> None:
    site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {BACKEND: word}}
    get_user_model().objects.create_user("local", password="Local-Horse-7")
    person.post(reverse("account_login"), {"login": "local", "password": "Local-Horse-7"})
    assert not person.is_in()


def test_leaving_is_possible_at_the_gate(person: Person) -> None:
    person.arrive()
    assert person.post(reverse("account_logout")).status_code == 302
    assert "_auth_user_id" not in person.client.session


def test_connecting_another_account_is_not(person: Person) -> None:
    """B-02: nobody without a proof adds a way in."""
    person.arrive()
    path = "/accounts/oidc/cognito/login/?process=connect"
    assert person.post(path).url == "/account/setup/"
    assert person.get(reverse("socialaccount_connections")).url.startswith("/account/setup/")


class TestTheProviderAmazonCognito:
    """It drops the ID token."""

    @pytest.fixture
    def person(self, person: Person, site: Settings) -> Person:
        site.COGNITO_MFA = {**site.COGNITO_MFA, "ALLAUTH_PROVIDER": "amazon_cognito"}
        person.begin = "/accounts/amazon-cognito/login/?next=/private/"
        return person

    def test_sets_up(self, person: Person) -> None:
        person.set_up_here()
        assert person.is_in()

    @pytest.mark.parametrize("with_amr", [True, False])
    def test_proves_something_only_where_tokens_say_how(
        self, person: Person, with_amr: bool
    ) -> None:
        from dataclasses import replace

        state: Any = person.pool.state
        state.behaviour = replace(state.behaviour, acr_and_amr=with_amr)
        person.set_up_here()
        person.sign_in_again()
        person.arrive_with_code()
        assert person.is_in() is with_amr
