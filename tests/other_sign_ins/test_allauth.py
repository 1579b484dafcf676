"""Journey: people of django-allauth, who sign in at the pool's own pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.other_sign_ins import settings as own
from tests.other_sign_ins.conftest import make_pool
from tests.other_sign_ins.person import Person
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

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
    assert "You’re signed in as" in person.text(person.get(SET_UP))

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
    assert ".eyJ" not in str(session)
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
    assert person.get(SET_UP).answered == 503
    assert "doesn’t have permission to set up two-step verification" in person.text(person.start())


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
    """A session without a proof adds no way in."""
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
        state: Any = person.pool.state
        state.behavior = replace(state.behavior, acr_and_amr=with_amr)
        person.set_up_here()
        person.sign_in_again()
        person.arrive_with_code()
        assert person.is_in() is with_amr


class TestAnotherProvider:
    """Another ``openid_connect`` app, whose server says what it likes. ``contrib.allauth._is_cognito``."""

    @pytest.fixture(params=["enrolled", "everyone"])
    def partner(self, request: pytest.FixtureRequest, site: Settings) -> Iterator[Person]:
        """A server of the same kind, with people of its own, our pool's id, our client's, and even the keys."""
        theirs = LocalCognito()
        pool = make_pool(theirs, mfa="OPTIONAL")
        with theirs.serve() as door:
            app = site.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]
            server = {"server_url": f"{door.url}/{POOL_ID}", "fetch_userinfo": False}
            partner = {**app, "provider_id": "partner", "name": "Partner", "settings": server}
            site.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"].append(partner)
            site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {BACKEND: request.param}}
            pool.state.clients[CLIENT_ID].settings["CallbackURLs"].append(
                "http://testserver/accounts/oidc/partner/login/callback/"
            )
            person = Person(Client(), theirs, pool)
            person.begin = "/accounts/oidc/partner/login/?next=/private/"
            yield person

    def test_lets_no_one_in(self, person: Person, partner: Person) -> None:
        state = partner.pool.state
        state.behavior = replace(state.behavior, acr_and_amr=True)
        partner.secret = partner.pool.register_software_token("newcomer")
        partner.arrive_with_code()
        assert "_auth_user_id" in partner.client.session
        assert "_cognito_mfa_token" not in partner.client.session
        assert not partner.is_in()
        assert not CognitoIdentity.objects.exists()
        assert person.cognito.operations() == []

    def test_occupies_no_sub(self, person: Person, partner: Person) -> None:
        partner.pool.state.subs.clear()
        mallory, owner = partner.pool.user("somebody"), person.pool.user("newcomer")
        mallory.sub = owner.sub
        partner.pool.state.subs[owner.sub] = "somebody"
        partner.arrive("somebody")
        person.arrive()
        assert CognitoIdentity.objects.get().user_id == int(person.client.session["_auth_user_id"])


@pytest.mark.parametrize("named", [None, "", "Cognito", "cognito ", "openid_connect", "cogn"])
def test_a_provider_that_is_not_named_is_not_believed(
    person: Person, site: Settings, named: str | None
) -> None:
    """``contrib.allauth._is_cognito``: its name, exactly."""
    person.set_up_here()
    person.sign_in_again()
    site.COGNITO_MFA = {**site.COGNITO_MFA, "ALLAUTH_PROVIDER": named}
    person.arrive_with_code()
    assert "_auth_user_id" in person.client.session
    assert "_cognito_mfa_token" not in person.client.session
    assert not person.is_in()


class TestTokensThatWereHandedOver:
    """As allauth hands over what it was given: whatever their claims say, the pool must have signed them."""

    def hand_over(self, person: Person, access: str, claims: dict[str, Any], provider: str) -> None:
        from allauth.account.signals import user_logged_in
        from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken

        user = get_user_model().objects.create_user("newborn")
        person.client.force_login(user, backend=BACKEND)
        request: Any = person.get("/account/setup/").wsgi_request
        account = SocialAccount.objects.create(
            user=user, provider=provider, uid="x", extra_data={"id_token": claims}
        )
        token = SocialToken(account=account, token=access)
        login = SocialLogin(user=user, account=account, token=token)
        user_logged_in.send(type(user), request=request, user=user, sociallogin=login)
        request.session.save()

    def claims(self, person: Person) -> dict[str, Any]:
        return {
            "iss": f"https://evil.example/{POOL_ID}",
            "client_id": CLIENT_ID,
            "aud": CLIENT_ID,
            "token_use": "access",
            "sub": person.pool.user("newcomer").sub,
            "username": "newcomer",
            "auth_time": int(time.time()),
            "exp": int(time.time()) + 3600,
            "amr": ["pwd", "otp", "mfa"],
            "scope": "openid aws.cognito.signin.user.admin",
        }

    @pytest.mark.parametrize("provider", ["some-other-idp", "cognito"])
    @pytest.mark.parametrize(
        "issuer", ["https://evil.example", "https://cognito-idp.us-east-1.amazonaws.com"]
    )
    def test_signed_by_a_stranger(self, person: Person, provider: str, issuer: str) -> None:
        import jwt

        claims = {**self.claims(person), "iss": f"{issuer}/{POOL_ID}"}
        access = jwt.encode(claims, "x" * 32, "HS256")
        self.hand_over(person, access, claims, provider)
        assert not person.is_in()
        assert not CognitoIdentity.objects.exists()

    def test_claims_beside_a_true_token_are_not_believed(
        self, person: Person, site: Settings
    ) -> None:
        """``login._judge``: no one checked who signed them, so Cognito is asked."""
        site.COGNITO_MFA = {**site.COGNITO_MFA, "FEDERATED": "exempt"}
        person.pool.create_user("Google_1138", password=PASSWORD)
        tokens = person.pool.issue_tokens("Google_1138", CLIENT_ID, scopes=SCOPES)
        sub = person.pool.user("Google_1138").sub
        made_up = {
            "sub": sub,
            "identities": [{"providerName": "Google", "userId": "1138"}],
            "email": "victim@example.com",
            "email_verified": True,
            "amr": ["mfa"],
        }
        self.hand_over(person, tokens["AccessToken"], made_up, "cognito")
        assert not person.is_in()
        assert CognitoIdentity.objects.get().email == ""


def test_claims_and_groups_are_written_here_too(person: Person, site: Settings) -> None:
    """Attributes come from Cognito's own answer, since allauth checks no signature; groups from the access token."""
    site.COGNITO_MFA = {
        **site.COGNITO_MFA,
        "USER_FIELDS": {"email": "last_name", "nickname": "first_name"},
        "GROUPS": {"editors": "Editors"},
    }
    boto: Any = person.cognito.client()
    user = {"UserPoolId": POOL_ID, "Username": "newcomer"}
    boto.create_group(UserPoolId=POOL_ID, GroupName="editors")
    boto.admin_add_user_to_group(**user, GroupName="editors")
    nickname = {"Name": "nickname", "Value": "New"}
    boto.admin_update_user_attributes(**user, UserAttributes=[nickname])
    Group.objects.create(name="Editors")
    person.arrive()
    found = CognitoIdentity.objects.get().user
    assert (found.first_name, found.last_name) == ("New", "newcomer@example.com")
    assert [group.name for group in found.groups.all()] == ["Editors"]
