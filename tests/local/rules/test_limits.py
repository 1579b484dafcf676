"""How many requests a second an account may send: "Rate limits" in docs/cognito-behavior.md.

Limits of one user are tested with their operations.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import Behavior, Clock, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.limits import CATEGORIES, RATES
from tests.local.caller import POOL_ID, refused
from tests.local.conftest import ONE_ATTEMPT, START, populated


@pytest.fixture
def cognito() -> LocalCognito:
    return LocalCognito(Clock(START, ticking=False), behavior=Behavior(request_quotas=True))


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalPool:
    return populated(cognito)


def test_a_category_has_so_many_requests_a_second(
    cognito: LocalCognito, boto: Any, pool: LocalPool
) -> None:
    for _ in range(RATES["UserPoolRead"]):
        boto.describe_user_pool(UserPoolId=POOL_ID)
    with refused("TooManyRequestsException", "Too many requests"):
        boto.describe_user_pool(UserPoolId=POOL_ID)
    assert boto.get_user_pool_mfa_config(UserPoolId=POOL_ID)
    cognito.clock.advance(1)
    assert boto.describe_user_pool(UserPoolId=POOL_ID)


def test_operations_of_a_category_share_it(
    cognito: LocalCognito, boto: Any, pool: LocalPool
) -> None:
    """UserResourceUpdate, which is not adjustable."""
    who = {"UserPoolId": POOL_ID, "Username": "newcomer"}
    for _ in range(RATES["UserResourceUpdate"]):
        boto.admin_set_user_mfa_preference(**who, SoftwareTokenMfaSettings={"Enabled": False})
    with refused("TooManyRequestsException"):
        boto.verify_software_token(Session="x" * 20, UserCode="123456")


def test_by_default_no_one_counts(pool: LocalPool) -> None:
    cognito = LocalCognito(Clock(START, ticking=False))
    populated(cognito)
    boto = cognito.client(config=ONE_ATTEMPT)
    for _ in range(RATES["UserPoolRead"] + 1):
        boto.describe_user_pool(UserPoolId=POOL_ID)


def test_every_category_has_a_rate() -> None:
    assert set(CATEGORIES.values()) == set(RATES)
