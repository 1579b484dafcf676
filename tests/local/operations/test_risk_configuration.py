"""Risk configurations: "Risk configurations" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, POOL_ID, refused

BLOCKED = {"Actions": {"EventAction": "BLOCK"}}
TAKEOVER = {"Actions": {"HighAction": {"Notify": False, "EventAction": "MFA_REQUIRED"}}}
RANGES = {"BlockedIPRangeList": ["192.0.2.0/24"]}


@pytest.fixture(autouse=True)
def protected(optional_pool: LocalPool) -> None:
    optional_pool.state.settings |= {
        "UserPoolTier": "PLUS",
        "UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"},
    }


def put(boto: Any, **configuration: Any) -> Any:
    return boto.set_risk_configuration(UserPoolId=POOL_ID, **configuration)["RiskConfiguration"]


def described(boto: Any, **which: str) -> Any:
    return boto.describe_risk_configuration(UserPoolId=POOL_ID, **which)["RiskConfiguration"]


def test_a_configuration_is_read_back(either_boto: Any) -> None:
    made = put(
        either_boto,
        CompromisedCredentialsRiskConfiguration=BLOCKED,
        AccountTakeoverRiskConfiguration=TAKEOVER,
        RiskExceptionConfiguration=RANGES,
    )
    assert described(either_boto) == made
    assert made["AccountTakeoverRiskConfiguration"] == TAKEOVER
    assert made["RiskExceptionConfiguration"] == RANGES
    compromised = made["CompromisedCredentialsRiskConfiguration"]
    assert set(compromised["EventFilter"]) == {"SIGN_IN", "SIGN_UP", "PASSWORD_CHANGE"}


def test_a_client_has_that_of_the_pool_unless_it_has_its_own(boto: Any) -> None:
    put(boto, RiskExceptionConfiguration=RANGES)
    assert described(boto, ClientId=CLIENT_ID)["RiskExceptionConfiguration"] == RANGES
    put(boto, ClientId=CLIENT_ID, AccountTakeoverRiskConfiguration=TAKEOVER)
    assert "RiskExceptionConfiguration" not in described(boto, ClientId=CLIENT_ID)
    put(boto, ClientId=CLIENT_ID)
    assert described(boto, ClientId=CLIENT_ID)["RiskExceptionConfiguration"] == RANGES


@pytest.mark.parametrize(
    "empty",
    [
        {"RiskExceptionConfiguration": {}},
        {"RiskExceptionConfiguration": {"BlockedIPRangeList": []}},
        {"AccountTakeoverRiskConfiguration": {"Actions": {}}},
    ],
    ids=str,
)
def test_an_empty_part_is_none(boto: Any, empty: dict[str, Any]) -> None:
    assert put(boto, **empty) == described(boto) == {"UserPoolId": POOL_ID}


def test_an_empty_filter_is_every_event(boto: Any) -> None:
    compromised = {**BLOCKED, "EventFilter": []}
    made = put(boto, CompromisedCredentialsRiskConfiguration=compromised)
    assert len(made["CompromisedCredentialsRiskConfiguration"]["EventFilter"]) == 3


def test_without_any_part_it_is_taken_away(boto: Any) -> None:
    put(boto, RiskExceptionConfiguration=RANGES)
    assert put(boto) == described(boto) == {"UserPoolId": POOL_ID}


def test_it_needs_threat_protection(boto: Any, optional_pool: LocalPool) -> None:
    del optional_pool.state.settings["UserPoolAddOns"]
    with refused("UserPoolAddOnNotEnabledException"):
        put(boto, RiskExceptionConfiguration=RANGES)
    with refused("UserPoolAddOnNotEnabledException"):
        described(boto)


def test_an_unknown_client_has_none(boto: Any) -> None:
    with refused("ResourceNotFoundException"):
        put(boto, ClientId="unknown", RiskExceptionConfiguration=RANGES)
