"""Identity providers as records: "Identity providers" in docs/cognito-behavior.md."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509  # noqa: TID253

from cognito_mfa.local import LocalCognito
from tests.local.caller import POOL_ID, members, refused

POOL = {"UserPoolId": POOL_ID}
OIDC = {
    "client_id": "at-the-provider",
    "client_secret": "known-to-the-provider",
    "attributes_request_method": "GET",
    "oidc_issuer": "https://login.example.com",
    "authorize_scopes": "openid email",
}
GOOGLE = {"client_id": "c", "client_secret": "s", "authorize_scopes": "email openid"}


@pytest.fixture(autouse=True)
def plain(cognito: LocalCognito) -> None:
    cognito.create_pool(POOL_ID, custom_attributes=["custom:team"])


def create(boto: Any, name: str = "Corporate", kind: str = "OIDC", **more: Any) -> Any:
    details = more.pop("details", OIDC)
    answer = boto.create_identity_provider(
        **POOL, ProviderName=name, ProviderType=kind, ProviderDetails=details, **more
    )
    return answer["IdentityProvider"]


def describe(boto: Any, name: str = "Corporate") -> Any:
    answer = boto.describe_identity_provider(**POOL, ProviderName=name)
    return answer["IdentityProvider"]


def test_a_provider_is_described_as_it_was_made(either_boto: Any) -> None:
    made = create(
        either_boto,
        AttributeMapping={"email": "mail", "custom:team": "unit"},
        IdpIdentifiers=["example.com", "corporate"],
    )
    assert made["ProviderDetails"] == {**OIDC, "attributes_url_add_attributes": "false"}
    mapping = {"username": "sub", "email": "mail", "custom:team": "unit"}
    assert made["AttributeMapping"] == mapping
    assert made["IdpIdentifiers"] == ["example.com", "corporate"]
    assert describe(either_boto) == made
    found = either_boto.get_identity_provider_by_identifier(**POOL, IdpIdentifier="corporate")
    assert found["IdentityProvider"] == made


def test_cognito_adds_what_it_knows_of_a_social_provider(boto: Any) -> None:
    made = create(boto, "Google", "Google", details=GOOGLE)
    assert made["ProviderDetails"]["oidc_issuer"] == "https://accounts.google.com"
    assert len(made["ProviderDetails"]) == 9
    assert made["AttributeMapping"] == {"username": "sub"}
    face = create(boto, "Facebook", "Facebook", details={**GOOGLE, "api_version": "v19.0"})
    address = "https://graph.facebook.com/v19.0/me?fields="
    assert face["ProviderDetails"]["attributes_url"] == address


def test_the_private_key_for_apple_is_never_described(boto: Any) -> None:
    details = {
        "client_id": "com.example",
        "team_id": "team",
        "key_id": "key",
        "private_key": "secret",
        "authorize_scopes": "email",
    }
    create(boto, "SignInWithApple", "SignInWithApple", details=details)
    assert "private_key" not in describe(boto, "SignInWithApple")["ProviderDetails"]


def test_an_update_leaves_what_it_leaves_out(boto: Any, cognito: LocalCognito) -> None:
    create(boto, AttributeMapping={"email": "mail"}, IdpIdentifiers=["corporate"])
    cognito.clock.advance(60)
    named = {**POOL, "ProviderName": "Corporate"}
    boto.update_identity_provider(**named, AttributeMapping={"name": "displayName"})
    changed = describe(boto)
    assert changed["AttributeMapping"] == {"username": "sub", "name": "displayName"}
    assert changed["IdpIdentifiers"] == ["corporate"]
    assert changed["ProviderDetails"]["client_id"] == "at-the-provider"
    assert (changed["LastModifiedDate"] - changed["CreationDate"]).total_seconds() == 60
    boto.update_identity_provider(**named, ProviderDetails={**OIDC, "client_id": "other"})
    boto.update_identity_provider(**named, IdpIdentifiers=[])
    assert describe(boto)["ProviderDetails"]["client_id"] == "other"
    assert describe(boto)["IdpIdentifiers"] == []


def test_a_name_is_taken_once(boto: Any) -> None:
    create(boto)
    text = f"Corporate already exists in user pool {POOL_ID}"
    with refused("DuplicateProviderException", text):
        create(boto)


@pytest.mark.parametrize(
    ("name", "kind"), [("Corporate", "Google"), ("Google", "OIDC"), ("Cognito", "OIDC")]
)
def test_a_social_provider_has_the_name_of_its_type(boto: Any, name: str, kind: str) -> None:
    text = f"Provider {name} cannot be of type {kind}."
    with refused("InvalidParameterException", text):
        create(boto, name, kind)


@pytest.mark.parametrize(
    ("kind", "details", "text"),
    [
        (
            "OIDC",
            {name: value for name, value in OIDC.items() if name != "oidc_issuer"},
            "ProviderDetails of type OIDC lacks oidc_issuer.",
        ),
        (
            "SAML",
            {"IDPSignout": "true"},
            "At least one of the MetadataURL or MetadataFile should be provided.",
        ),
        (
            "Google",
            {"client_id": "c", "authorize_scopes": "email"},
            "ProviderDetails of type Google lacks client_secret.",
        ),
    ],
)
def test_details_that_a_provider_needs_must_be_there(
    boto: Any, kind: str, details: dict[str, str], text: str
) -> None:
    name = kind if kind == "Google" else "Corporate"
    with refused("InvalidParameterException", text):
        create(boto, name, kind, details=details)
    assert boto.list_identity_providers(**POOL)["Providers"] == []


def test_only_attributes_of_the_pool_are_mapped(boto: Any) -> None:
    for unknown in ("custom:unknown", "unknown", "sub"):
        with refused("InvalidParameterException"):
            create(boto, AttributeMapping={unknown: "claim"})
    create(boto)
    with refused("InvalidParameterException"):
        boto.update_identity_provider(
            **POOL,
            ProviderName="Corporate",
            ProviderDetails={**OIDC, "client_id": "other"},
            AttributeMapping={"unknown": "claim"},
        )
    assert describe(boto)["ProviderDetails"]["client_id"] == "at-the-provider"


def test_an_identifier_belongs_to_one_provider(boto: Any) -> None:
    create(boto, IdpIdentifiers=["corporate"])
    with refused("InvalidParameterException"):
        create(boto, "Other", IdpIdentifiers=["corporate"])
    boto.update_identity_provider(**POOL, ProviderName="Corporate", IdpIdentifiers=["corporate"])


def test_a_deleted_provider_is_gone(boto: Any) -> None:
    create(boto)
    named = {**POOL, "ProviderName": "Corporate"}
    assert members(boto.delete_identity_provider(**named)) == {}
    text = "Identity provider Corporate does not exist."
    for call in (
        boto.delete_identity_provider,
        boto.describe_identity_provider,
        boto.update_identity_provider,
    ):
        with refused("ResourceNotFoundException", text):
            call(**named)
    with refused("ResourceNotFoundException"):
        boto.get_identity_provider_by_identifier(**POOL, IdpIdentifier="corporate")


def test_they_are_listed_in_pages_without_their_secrets(boto: Any) -> None:
    for name in ("One0", "Two0", "Three"):
        create(boto, name)
    first = boto.list_identity_providers(**POOL, MaxResults=2)
    second = boto.list_identity_providers(**POOL, MaxResults=2, NextToken=first["NextToken"])
    listed = first["Providers"] + second["Providers"]
    assert [provider["ProviderName"] for provider in listed] == ["One0", "Two0", "Three"]
    assert not any("ProviderDetails" in provider for provider in listed)


def test_a_provider_name_has_three_characters_and_no_underscore(boto: Any) -> None:
    for name in ("My_Provider", "ab", "with space"):
        with refused("InvalidParameterException"):
            create(boto, name)


def test_a_client_has_providers_that_exist(boto: Any) -> None:
    create(boto)
    client = {**POOL, "ClientName": "web"}
    both = ["COGNITO", "Corporate"]
    made = boto.create_user_pool_client(**client, SupportedIdentityProviders=both)
    assert made["UserPoolClient"]["SupportedIdentityProviders"] == both
    text = f"The provider Google does not exist for User Pool {POOL_ID}."
    with refused("InvalidParameterException", text):
        boto.create_user_pool_client(**client, SupportedIdentityProviders=["Google"])
    with refused("InvalidParameterException", text):
        boto.update_user_pool_client(
            **POOL,
            ClientId=made["UserPoolClient"]["ClientId"],
            SupportedIdentityProviders=["COGNITO", "Google"],
        )


def signing_certificate(boto: Any, pool_id: str = POOL_ID) -> x509.Certificate:
    text = boto.get_signing_certificate(UserPoolId=pool_id)["Certificate"]
    return x509.load_der_x509_certificate(base64.b64decode(text, validate=True))


def test_a_signing_certificate_is_of_one_pool_and_valid_for_ten_years(
    either_boto: Any, cognito: LocalCognito
) -> None:
    certificate = signing_certificate(either_boto)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.subject.rfc4514_string() == f"CN={POOL_ID}"
    assert certificate.not_valid_before_utc == datetime.fromtimestamp(cognito.clock.now(), UTC)
    validity = certificate.not_valid_after_utc - certificate.not_valid_before_utc
    assert validity == timedelta(days=3652)
    cognito.create_pool("us-east-1_Another00")
    other = signing_certificate(either_boto, "us-east-1_Another00")
    assert other.public_key() != certificate.public_key()


def test_a_signing_certificate_is_replaced_each_year(boto: Any, cognito: LocalCognito) -> None:
    first = signing_certificate(boto)
    cognito.clock.advance(365 * 86400 - 1)
    assert signing_certificate(boto) == first
    cognito.clock.advance(1)
    second = signing_certificate(boto)
    assert second.public_key() != first.public_key()
    assert second.not_valid_before_utc < first.not_valid_after_utc


def test_a_pool_that_does_not_exist_has_no_signing_certificate(boto: Any) -> None:
    text = "User pool us-east-1_Unknown00 does not exist."
    with refused("ResourceNotFoundException", text):
        boto.get_signing_certificate(UserPoolId="us-east-1_Unknown00")
