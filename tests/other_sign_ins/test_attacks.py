"""Skipped steps and linked accounts, with the packages themselves: whom they take a user for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.models import CognitoIdentity
from tests.other_sign_ins import settings as own
from tests.other_sign_ins.conftest import WEB
from tests.other_sign_ins.person import Person
from tests.security import forging
from tests.visitor import CLIENT_ID, PASSWORD

THEIRS = "mozilla_django_oidc.auth.OIDCAuthenticationBackend"


@pytest.fixture
def site(mozilla: Settings) -> Settings:
    """With our backend for mozilla-django-oidc."""
    return mozilla


@pytest.fixture
def theirs(site: Settings) -> Settings:
    """With the package's own backend, which knows people by their email address."""
    site.AUTHENTICATION_BACKENDS = [THEIRS]
    site.OIDC_STORE_ACCESS_TOKEN = site.OIDC_STORE_ID_TOKEN = True
    site.COGNITO_MFA = {**site.COGNITO_MFA, "TRUSTED_BACKENDS": {THEIRS: "enrolled"}}
    return site


def mallory(
    person: Person, *, email: str, verified: str = "false", name: str = "mallory"
) -> Person:
    """A user with an account and an authenticator of her own, and an address as she likes."""
    attributes = {"email": email, "email_verified": verified}
    person.pool.create_user(name, password=PASSWORD, attributes=attributes)
    hers = Person(Client(), person.cognito, person.pool)
    hers.secret = person.pool.register_software_token(name)
    return hers


@pytest.mark.parametrize("email", ["newcomer@example.com", "Newcomer@Example.com"])
def test_with_the_packages_backend_the_victims_user_is_worth_nothing(
    person: Person, theirs: Settings, email: str
) -> None:
    """It signs her in as the victim; the gate does not open, and she can set up nothing."""
    person.set_up_here()
    hers = mallory(person, email=email, verified="true")
    hers.arrive_with_code("mallory")
    assert hers.client.session["_auth_user_id"] == str(get_user_model().objects.get().pk)
    assert not hers.is_in()
    assert hers.start().answered == 403
    assert CognitoIdentity.objects.get().username == "newcomer"


def test_the_victims_user_is_worth_nothing_before_the_victim_ever_came(
    person: Person, theirs: Settings
) -> None:
    get_user_model().objects.create_user("victim", email="victim@example.com")
    hers = mallory(person, email="victim@example.com")
    hers.arrive_with_code("mallory")
    assert not hers.is_in()
    assert hers.start().answered == 403
    assert not CognitoIdentity.objects.exists()


@pytest.mark.postgresql
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite folds ASCII only"
)
@pytest.mark.parametrize(
    "email", ["mike@g\u0131thub.example", "m\u0131ke@github.example"], ids=ascii
)
def test_a_verified_address_that_the_database_takes_for_the_victims_is_worth_nothing(
    person: Person, theirs: Settings, email: str
) -> None:
    """The package signs her in as him; ``linkability.check_linkable_by_address`` refuses the link, and so the setup."""
    mike = get_user_model().objects.create_user("mike", email="mike@github.example")
    hers = mallory(person, email=email, verified="true")
    hers.arrive_with_code("mallory")
    assert hers.client.session["_auth_user_id"] == str(mike.pk)
    assert not hers.is_in()
    assert hers.start().answered == 403
    assert not CognitoIdentity.objects.exists()


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("email", ["victim@example.com", "Victim@Example.com"])
def test_with_our_backend_an_address_names_no_one(person: Person, email: str) -> None:
    victim = get_user_model().objects.create_user("victim", email="victim@example.com")
    hers = mallory(person, email=email, verified="true")
    hers.arrive_with_code("mallory")
    assert hers.client.session["_auth_user_id"] != str(victim.pk)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", ["root", "Root", "ROOT"])
def test_a_chosen_name_is_not_the_django_user_of_that_name(person: Person, name: str) -> None:
    root = get_user_model().objects.create_superuser("root")
    hers = mallory(person, email="m@example.com", name=name)
    hers.arrive_with_code(name)
    user = get_user_model().objects.get(pk=hers.client.session["_auth_user_id"])
    assert (user.pk != root.pk, user.is_superuser) == (True, False)


@pytest.mark.usefixtures("site")
def test_a_name_that_was_another_users_is_a_new_user(person: Person) -> None:
    person.set_up_here()
    before = get_user_model().objects.get()
    person.pool.state.users.clear()
    person.pool.create_user("newcomer", password=PASSWORD)
    again = Person(Client(), person.cognito, person.pool)
    again.arrive()
    assert again.client.session["_auth_user_id"] != str(before.pk)
    assert not again.is_in()


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Alice", "alice"),
        ("ﬀ", "ff"),
        ("\uff46\uff46", "ff"),
        ("\u212aelvin", "kelvin"),
        ("\u017fam", "sam"),
        ("\u0131van", "ivan"),
        ("á", "a\u0301"),
    ],
)  # fmt: skip
def test_names_that_look_the_same_are_two_users(person: Person, one: str, other: str) -> None:
    """Case and compatibility forms: the sub tells them apart, and neither name is cut or merged."""
    person.pool.state.case_insensitive = False
    for name in (one, other):
        person.pool.create_user(name, password=PASSWORD)
        Person(Client(), person.cognito, person.pool).arrive(name)
    assert CognitoIdentity.objects.count() == get_user_model().objects.count() == 2
    assert set(CognitoIdentity.objects.values_list("username", flat=True)) == {one, other}


def test_a_provider_with_the_address_of_the_pools_own_user_is_another_user(
    person: Person, theirs: Settings
) -> None:
    """The package takes both for one user; the second one gets nothing."""
    theirs.COGNITO_MFA = {**theirs.COGNITO_MFA, "FEDERATED": "block"}
    person.pool.user("newcomer").attributes["email"] = "somebody@example.com"
    person.set_up_here()
    google = Person(Client(), person.cognito, person.pool)
    google.arrive_through("Google")
    assert google.client.session["_auth_user_id"] == str(get_user_model().objects.get().pk)
    assert not google.is_in()
    assert google.start().answered == 403


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("name", ["n" * 128, "日本語" * 40, "a@b+c.d-e_f!#$%&'*/=?^`{|}~"])
def test_long_and_odd_names_are_kept_whole(person: Person, name: str) -> None:
    person.pool.create_user(name, password=PASSWORD)
    person.arrive(name)
    assert CognitoIdentity.objects.get().username == name
    assert get_user_model().objects.get().get_username() == name


def test_a_token_of_another_client_of_the_pool_proves_nothing(
    person: Person, theirs: Settings
) -> None:
    """The package does not look at whom its token is for."""
    person.set_up_here()
    person.sign_in_again()
    person.pool.create_client("otherclient", secret=own.OIDC_RP_CLIENT_SECRET, settings=WEB)
    theirs.OIDC_RP_CLIENT_ID = "otherclient"
    person.arrive_with_code()
    assert not person.is_in()


@pytest.mark.parametrize("backend", ["ours", "theirs"])
def test_a_token_that_a_failed_sign_in_left_behind_links_and_sets_up_nothing(
    person: Person, site: Settings, request: pytest.FixtureRequest, backend: str
) -> None:
    """With a stolen session, in which the thief signs in with an account of her own, in vain."""
    if backend == "theirs":
        request.getfixturevalue("theirs")
    victim = get_user_model().objects.create_user("victim", email="victim@example.com")
    client = Client()
    used: Any = site.COGNITO_MFA["TRUSTED_BACKENDS"]
    client.force_login(victim, backend=next(iter(used)))
    stolen = Person(client, person.cognito, person.pool)
    site.OIDC_CREATE_USER = False
    site.COGNITO_MFA = {**site.COGNITO_MFA, "CREATE_USERS": False}
    stolen.arrive("somebody")
    assert client.session["_auth_user_id"] == str(victim.pk)
    refused = stolen.start()
    assert refused.url == "/account/sign-in/?again=1&next=%2Fprivate%2F"
    assert not CognitoIdentity.objects.exists()
    assert "AssociateSoftwareToken" not in person.cognito.operations()
    assert stolen.get(reverse("cognito_mfa:setup")).status_code == 200


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("token", "claims"),
    [
        ("IdToken", {"iss": "https://evil.example/us-east-1_Example00"}),
        ("IdToken", {"aud": "otherclient"}),
        ("IdToken", {"token_use": "access"}),
        ("IdToken", {"sub": "somebody-else"}),
        ("IdToken", {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}),
        ("AccessToken", {"iss": "https://evil.example/us-east-1_Example00"}),
        ("AccessToken", {"client_id": "otherclient"}),
        ("AccessToken", {"token_use": "id"}),
        ("AccessToken", {"exp": 1_600_000_000}),
    ],
    ids=str,
)
def test_our_backend_looks_at_what_the_package_does_not(
    person: Person, token: str, claims: dict[str, Any]
) -> None:
    """The package checks the ID token's signature alone; each of these is signed by the pool.

    ``CognitoOIDCBackend.get_or_create_user``: ``check_signatures``, by which the tokens must also belong
    together and be in force.
    """
    scopes = ["openid", "aws.cognito.signin.user.admin"]
    tokens = person.pool.issue_tokens("newcomer", CLIENT_ID, scopes=scopes)
    assert signed_in(tokens) is not None
    get_user_model().objects.all().delete()
    tokens[token] = forging.saying(person.pool, tokens[token], **claims)
    assert signed_in(tokens) is None
    assert not get_user_model().objects.exists()


@pytest.mark.usefixtures("site")
def test_our_backend_takes_no_access_token_that_no_one_signed(person: Person) -> None:
    tokens = person.pool.issue_tokens("newcomer", CLIENT_ID, scopes=["openid"])
    claims = forging.claims_of(tokens["AccessToken"])
    key = forging.key_of(person.pool, tokens["AccessToken"])
    tokens["AccessToken"] = forging.with_hmac(claims, b"x" * 32, key.kid)
    assert signed_in(tokens) is None
    assert not get_user_model().objects.exists()


def signed_in(tokens: dict[str, Any]) -> Any:
    """The user whom our backend makes of two tokens, of which the package has checked one."""
    from cognito_mfa.contrib.mozilla_oidc import CognitoOIDCBackend

    backend = CognitoOIDCBackend()
    backend.request = RequestFactory().get("/oidc/callback/")
    backend.request.session, backend.request.user = {}, AnonymousUser()
    payload = forging.claims_of(tokens["IdToken"])
    return backend.get_or_create_user(tokens["AccessToken"], tokens["IdToken"], payload)
