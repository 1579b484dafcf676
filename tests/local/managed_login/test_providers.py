"""Identity providers on managed login: "Federated users" in docs/cognito-behavior.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import attribute_schema
from tests.local.browser import Browser
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID
from tests.local.web_client import WEB, Site

POOL = {"UserPoolId": POOL_ID}
UNAVAILABLE = "Login option is not available. Please try another one"


@pytest.fixture
def site(cognito: LocalCognito) -> Iterator[Site]:
    with cognito.serve() as server:
        yield Site(server.url)


@pytest.fixture(autouse=True)
def federated(cognito: LocalCognito) -> LocalPool:
    pool = cognito.create_pool(POOL_ID, custom_attributes=["custom:team"])
    pool.create_client(CLIENT_ID, settings=WEB)
    pool.create_user("newcomer", password=PASSWORD)
    mapping = {"username": "sub", "email": "mail", "custom:team": "unit"}
    pool.create_identity_provider(
        "Corporate", attribute_mapping=mapping, identifiers=["example.com"]
    )
    return pool


def who(site: Site, browser: Browser) -> str:
    tokens = site.exchange(str(browser.answer["code"])).json()
    said = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    return str(said["username"])


@pytest.mark.parametrize("way", ["identity_provider", "idp_identifier"])
def test_a_request_leads_to_a_provider(site: Site, federated: LocalPool, way: str) -> None:
    name = "Corporate" if way == "identity_provider" else "example.com"
    browser = site.open(**{way: name})
    assert "Sign in with Corporate (simulated)" in browser.text
    browser.fill_in(**{"subject": "7", "email": "a@example.com", "custom:team": "web"})
    assert who(site, browser) == "Corporate_7"
    user = federated.user("Corporate_7")
    assert user.attributes["custom:team"] == "web"
    assert user.attributes["email_verified"] == "false"


@pytest.mark.parametrize(
    "asked", [{"identity_provider": "Unknown"}, {"idp_identifier": "unknown.example"}]
)
def test_a_provider_that_is_not_there(site: Site, asked: dict[str, str | None]) -> None:
    browser = site.open(**asked)
    assert browser.page.status == 400
    assert UNAVAILABLE in browser.text


def test_a_provider_must_say_who_it_is(site: Site, federated: LocalPool) -> None:
    browser = site.open(identity_provider="Corporate")
    browser.fill_in(email="a@example.com")
    assert "The provider must say which of its users this is." in browser.text
    assert list(federated.state.users) == ["newcomer"]
    browser.fill_in(subject="7")
    assert who(site, browser) == "Corporate_7"


def test_a_client_has_its_own_providers(site: Site, federated: LocalPool) -> None:
    federated.create_identity_provider("Other")
    client = federated.state.clients[CLIENT_ID]
    client.settings["SupportedIdentityProviders"] = ["COGNITO", "Corporate"]
    assert UNAVAILABLE in site.open(identity_provider="Other").text
    first = site.open().text
    assert "Sign in with Corporate" in first
    assert "Sign in with Other" not in first
    assert 'name="password"' in site.open(identity_provider="COGNITO").text


def test_users_of_the_pool_can_be_left_out(site: Site, federated: LocalPool) -> None:
    client = federated.state.clients[CLIENT_ID]
    with_password = site.open()
    client.settings["SupportedIdentityProviders"] = ["Corporate"]
    assert "Sign in with Corporate (simulated)" in site.open().text
    assert UNAVAILABLE in site.open(identity_provider="COGNITO").text
    federated.create_identity_provider("Other")
    client.settings["SupportedIdentityProviders"] = ["Corporate", "Other"]
    both = site.open().text
    assert "Sign in with Other" in both
    assert 'name="password"' not in both
    with_password.fill_in(username="newcomer", password=PASSWORD)
    assert with_password.page.status != 302


def test_each_visit_brings_the_providers_attributes(site: Site, federated: LocalPool) -> None:
    for team in ("web", "data"):
        browser = site.open(identity_provider="Corporate")
        browser.fill_in(**{"subject": "7", "custom:team": team})
        assert who(site, browser) == "Corporate_7"
    assert federated.user("Corporate_7").attributes["custom:team"] == "data"


def test_a_user_linked_by_an_attribute_is_known_by_the_id_afterwards(
    site: Site, federated: LocalPool, boto: Any
) -> None:
    boto.admin_link_provider_for_user(
        **POOL,
        DestinationUser={"ProviderName": "Cognito", "ProviderAttributeValue": "newcomer"},
        SourceUser={
            "ProviderName": "Corporate",
            "ProviderAttributeName": "email",
            "ProviderAttributeValue": "a@example.com",
        },
    )
    for values in ({"email": "a@example.com"}, {"email": "b@example.com"}):
        browser = site.open(identity_provider="Corporate")
        browser.fill_in(subject="7", **values)
        assert who(site, browser) == "newcomer"
    browser = site.open(identity_provider="Corporate")
    browser.fill_in(subject="8", email="a@example.com")
    assert who(site, browser) == "Corporate_8"


def test_a_link_that_is_removed_makes_a_user_of_its_own(
    site: Site, federated: LocalPool, boto: Any
) -> None:
    federated.link_identity("newcomer", "Corporate", "7")
    boto.admin_disable_provider_for_user(
        **POOL,
        User={
            "ProviderName": "Corporate",
            "ProviderAttributeName": "Cognito_Subject",
            "ProviderAttributeValue": "7",
        },
    )
    browser = site.open(identity_provider="Corporate")
    browser.fill_in(subject="7")
    assert who(site, browser) == "Corporate_7"


def test_a_user_who_is_disabled_does_not_get_in(site: Site, federated: LocalPool) -> None:
    federated.link_identity("newcomer", "Corporate", "7")
    federated.user("newcomer").enabled = False
    browser = site.open(identity_provider="Corporate")
    browser.fill_in(subject="7")
    assert browser.page.status == 400
    assert "User is disabled." in browser.text


def test_a_deleted_provider_leads_nowhere(site: Site, federated: LocalPool, boto: Any) -> None:
    federated.link_identity("newcomer", "Corporate", "7")
    boto.delete_identity_provider(**POOL, ProviderName="Corporate")
    assert UNAVAILABLE in site.open(identity_provider="Corporate").text
    assert "identities" in federated.user("newcomer").attributes


class TestWhatAPoolTakes:
    """The schema of the pool and WriteAttributes of the client hold for providers as well."""

    def visit(self, site: Site, **values: str) -> Browser:
        browser = site.open(identity_provider="Corporate")
        browser.fill_in(subject="7", **values)
        return browser

    def test_an_immutable_attribute_ends_the_second_visit(
        self, site: Site, federated: LocalPool
    ) -> None:
        """aws-amplify/amplify-js#3526: although the address is the same."""
        attribute_schema.declare(federated.state, [{"Name": "email", "Mutable": False}])
        same = {"email": "a@example.com"}
        assert who(site, self.visit(site, **same)) == "Corporate_7"
        assert "user.email: Attribute cannot be updated." in self.visit(site, **same).text
        assert who(site, self.visit(site)) == "Corporate_7"

    def test_a_required_attribute_must_come_along(self, site: Site, federated: LocalPool) -> None:
        required = {"Required": True}
        attribute_schema.declare(
            federated.state, [{"Name": "email", **required}, {"Name": "name", **required}]
        )
        browser = self.visit(site, email="a@example.com")
        assert "attributes required: [name]" in browser.text
        with pytest.raises(LookupError):
            federated.user("Corporate_7")

    @pytest.mark.parametrize("writable", [["email"], ["email", "custom:team"]])
    def test_the_client_must_write_what_is_mapped(
        self, site: Site, federated: LocalPool, writable: list[str]
    ) -> None:
        federated.state.clients[CLIENT_ID].settings["WriteAttributes"] = writable
        browser = self.visit(site, **{"email": "a@example.com", "custom:team": "web"})
        if "custom:team" in writable:
            assert who(site, browser) == "Corporate_7"
        else:
            assert "A client attempted to write unauthorized attribute" in browser.text
