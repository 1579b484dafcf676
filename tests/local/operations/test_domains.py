"""Domains of pools: "Domains" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from tests.local.caller import POOL_ID, refused

POOL = {"UserPoolId": POOL_ID}
CERTIFICATE = {"CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/one"}


@pytest.fixture(autouse=True)
def plain(cognito: LocalCognito) -> None:
    cognito.create_pool(POOL_ID)


def described(boto: Any, name: str) -> Any:
    return boto.describe_user_pool_domain(Domain=name)["DomainDescription"]


def pool(boto: Any) -> Any:
    return boto.describe_user_pool(**POOL)["UserPool"]


def test_a_prefix_domain_is_described_until_it_is_deleted(either_boto: Any) -> None:
    made = either_boto.create_user_pool_domain(**POOL, Domain="example")
    assert (made["ManagedLoginVersion"], "CloudFrontDomain" in made) == (1, False)
    domain = described(either_boto, "example")
    assert (domain["UserPoolId"], domain["Status"]) == (POOL_ID, "ACTIVE")
    assert domain["AWSAccountId"] == "123456789012"
    assert domain["CustomDomainConfig"] == {}
    assert len(domain["Version"]) == len("20261127180000")
    assert pool(either_boto)["Domain"] == "example"
    either_boto.delete_user_pool_domain(**POOL, Domain="example")
    assert described(either_boto, "example") == {}
    assert "Domain" not in pool(either_boto)


def test_an_unknown_domain_is_described_by_nothing(boto: Any) -> None:
    assert described(boto, "unknown") == described(boto, "auth.example.com") == {}


def test_a_pool_has_a_prefix_domain_and_a_custom_domain(boto: Any) -> None:
    boto.create_user_pool_domain(**POOL, Domain="example")
    made = boto.create_user_pool_domain(
        **POOL, Domain="auth.example.com", CustomDomainConfig=CERTIFICATE, ManagedLoginVersion=2
    )
    domain = described(boto, "auth.example.com")
    assert made["CloudFrontDomain"] == domain["CloudFrontDistribution"]
    assert domain["CustomDomainConfig"] == CERTIFICATE
    assert domain["ManagedLoginVersion"] == 2
    assert (pool(boto)["Domain"], pool(boto)["CustomDomain"]) == ("example", "auth.example.com")
    for name, more in (("other", {}), ("login.example.com", {"CustomDomainConfig": CERTIFICATE})):
        with refused("InvalidParameterException", "User pool already has a domain configured."):
            boto.create_user_pool_domain(**POOL, Domain=name, **more)


def test_a_domain_is_taken_once(boto: Any) -> None:
    boto.create_user_pool_domain(**POOL, Domain="example")
    other = boto.create_user_pool(PoolName="other")["UserPool"]["Id"]
    text = "Domain already associated with another user pool."
    with refused("InvalidParameterException", text):
        boto.create_user_pool_domain(UserPoolId=other, Domain="example")


def test_an_update_changes_certificate_and_version(boto: Any) -> None:
    boto.create_user_pool_domain(**POOL, Domain="a.example.com", CustomDomainConfig=CERTIFICATE)
    newer = {"CertificateArn": CERTIFICATE["CertificateArn"].replace("one", "two")}
    boto.update_user_pool_domain(**POOL, Domain="a.example.com", CustomDomainConfig=newer)
    boto.update_user_pool_domain(**POOL, Domain="a.example.com", ManagedLoginVersion=2)
    domain = described(boto, "a.example.com")
    assert (domain["CustomDomainConfig"], domain["ManagedLoginVersion"]) == (newer, 2)
    boto.create_user_pool_domain(**POOL, Domain="example")
    with refused("InvalidParameterException"):
        boto.update_user_pool_domain(**POOL, Domain="example", CustomDomainConfig=newer)


@pytest.mark.parametrize("name", ["auth.example.com", "Example", "-example", "my_example"])
def test_a_prefix_has_lower_case_letters_numbers_and_hyphens(boto: Any, name: str) -> None:
    with refused("InvalidParameterException") as caught:
        boto.create_user_pool_domain(**POOL, Domain=name)
    assert caught.text.startswith("The domain name contains an invalid character. ")


@pytest.mark.parametrize("word", ["aws", "amazon", "cognito"])
def test_a_prefix_has_no_reserved_word(boto: Any, word: str) -> None:
    text = f"Domain cannot contain reserved word: {word}"
    with refused("InvalidParameterException", text):
        boto.create_user_pool_domain(**POOL, Domain=f"my{word}domain")


def test_a_custom_domain_is_a_name_with_dots(boto: Any) -> None:
    with refused("InvalidParameterException"):
        boto.create_user_pool_domain(**POOL, Domain="example", CustomDomainConfig=CERTIFICATE)


def test_another_pool_can_neither_change_nor_delete_a_domain(boto: Any) -> None:
    boto.create_user_pool_domain(**POOL, Domain="example")
    other = boto.create_user_pool(PoolName="other")["UserPool"]["Id"]
    for call in (boto.delete_user_pool_domain, boto.update_user_pool_domain):
        for whose, name in ((other, "example"), (POOL_ID, "unknown"), ("us-east-1_No", "example")):
            with refused("InvalidParameterException", "No such domain or user pool exists."):
                call(UserPoolId=whose, Domain=name)
    assert described(boto, "example")["UserPoolId"] == POOL_ID


def test_a_pool_with_a_domain_cannot_be_deleted(boto: Any) -> None:
    boto.create_user_pool_domain(**POOL, Domain="example")
    text = "User pool cannot be deleted. It has a domain configured that should be deleted first."
    with refused("InvalidParameterException", text):
        boto.delete_user_pool(**POOL)
    boto.delete_user_pool_domain(**POOL, Domain="example")
    boto.delete_user_pool(**POOL)


def test_managed_login_needs_more_than_the_lite_plan(boto: Any) -> None:
    lite = boto.create_user_pool(PoolName="lite", UserPoolTier="LITE")["UserPool"]["Id"]
    with refused("FeatureUnavailableInTierException"):
        boto.create_user_pool_domain(UserPoolId=lite, Domain="example", ManagedLoginVersion=2)
    boto.create_user_pool_domain(UserPoolId=lite, Domain="example", ManagedLoginVersion=1)
    with refused("InvalidParameterException"):
        boto.update_user_pool_domain(UserPoolId=lite, Domain="example", ManagedLoginVersion=3)
