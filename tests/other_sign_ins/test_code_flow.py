"""Attacks on the redirects of the code flow: another browser's code, another browser's state, a code used again."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from tests.other_sign_ins import test_allauth
from tests.other_sign_ins.person import Person
from tests.visitor import PASSWORD

MOZILLA, ALLAUTH, AMAZON = "mozilla", "allauth", "allauth's amazon_cognito"
BEGIN = {
    MOZILLA: "/oidc/authenticate/?next=/private/",
    ALLAUTH: "/accounts/oidc/cognito/login/?next=/private/",
    AMAZON: "/accounts/amazon-cognito/login/?next=/private/",
}
site = test_allauth.site


@pytest.fixture(params=BEGIN)
def package(request: pytest.FixtureRequest) -> str:
    """A package, with the settings that the manual shows."""
    name = str(request.param)
    settings: Settings = request.getfixturevalue("mozilla" if name == MOZILLA else "site")
    if name == MOZILLA:
        settings.OIDC_USE_PKCE = True
    else:
        providers = settings.SOCIALACCOUNT_PROVIDERS
        for one in providers.values():
            one["OAUTH_PKCE_ENABLED"] = True
        provider = "amazon_cognito" if name == AMAZON else "cognito"
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ALLAUTH_PROVIDER": provider}
    return name


@pytest.fixture
def victim(person: Person, package: str) -> Person:
    person.begin = BEGIN[package]
    person.set_up_here()
    person.client.logout()
    return person


@pytest.fixture
def attacker(victim: Person) -> Person:
    attacker = Person(Client(), victim.cognito, victim.pool)
    attacker.begin = victim.begin
    return attacker


def answer_to(person: Person, username: str, *, code: str = "") -> str:
    """Sign in at Cognito, and return the address that leads back, which the browser never opens."""
    browser = person.at_cognito()
    browser.fill_in(username=username, password=PASSWORD)
    if code:
        browser.fill_in(SOFTWARE_TOKEN_MFA_CODE=code)
    parts = urlsplit(browser.sent_back_to)
    return f"{parts.path}?{parts.query}"


def saying(address: str, **changes: str) -> str:
    parts = urlsplit(address)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return f"{parts.path}?{urlencode({**query, **changes})}"


def user_in(person: Person) -> Any:
    return person.client.session.get("_auth_user_id")


def test_a_stolen_code_is_no_good_in_another_browser(victim: Person, attacker: Person) -> None:
    """PKCE: Cognito exchanges the code for the browser that has the verifier, whatever state it says."""
    stolen = answer_to(victim, "newcomer", code=victim.code())
    own = parse_qs(urlsplit(attacker.get(attacker.begin).url).query)["state"][0]
    attacker.get(saying(stolen, state=own))
    assert user_in(attacker) is None
    assert not attacker.is_in()


def test_an_address_that_another_browser_was_sent_to_signs_no_one_in(
    victim: Person, attacker: Person
) -> None:
    """The state, which is of one browser: whether it has begun a sign-in of its own, or none."""
    stolen = answer_to(victim, "newcomer", code=victim.code())
    attacker.get(stolen)
    assert user_in(attacker) is None
    attacker.get(attacker.begin)
    attacker.get(stolen)
    assert user_in(attacker) is None


def test_no_one_is_signed_in_as_an_attacker(victim: Person, attacker: Person) -> None:
    """The same, the other way around: the victim opens the attacker's address."""
    planted = answer_to(attacker, "somebody")
    victim.get(victim.begin)
    victim.get(planted)
    assert user_in(victim) is None


def test_a_code_is_used_once(victim: Person, attacker: Person) -> None:
    address = answer_to(victim, "newcomer", code=victim.code())
    victim.get(address)
    assert user_in(victim) is not None
    victim.client.logout()
    victim.get(victim.begin)
    victim.get(address)
    assert user_in(victim) is None


@pytest.mark.parametrize("named", ["", "x", "%00", "other"])
def test_no_state_and_no_other_one_is_taken(victim: Person, attacker: Person, named: str) -> None:
    address = answer_to(victim, "newcomer", code=victim.code())
    victim.get(saying(address, state=named))
    assert user_in(victim) is None


@pytest.mark.parametrize("url", ["//evil.example/", "https://evil.example/", "/\t/evil.example/"])
def test_the_way_back_stays_on_the_site(victim: Person, package: str, url: str) -> None:
    victim.begin = f"{BEGIN[package].partition('?')[0]}?{urlencode({'next': url})}"
    answer = victim.arrive_with_code()
    assert answer.status_code == 302
    assert urlsplit(answer.url).netloc in ("", "testserver")
    assert not answer.url.startswith(("//", "/\t"))
