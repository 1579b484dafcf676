"""SMS as a second factor in the old way: "The old way" in docs/cognito-behavior.md.

The preference itself is tested in tests/local/rules/test_preferences.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.local.caller import POOL_ID, Caller, access_token, members, refused

PHONE = "+15555550100"
ON = [{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}]
OFF: list[dict[str, str]] = []


@pytest.fixture(autouse=True)
def with_a_phone(optional_pool: LocalPool) -> None:
    optional_pool.state.sms = True
    optional_pool.user("newcomer").attributes["phone_number"] = PHONE


def put(boto: Any, options: Any, username: str = "newcomer") -> Any:
    return boto.admin_set_user_settings(UserPoolId=POOL_ID, Username=username, MFAOptions=options)


def enabled(boto: Any, username: str = "newcomer") -> list[str]:
    shown = boto.admin_get_user(UserPoolId=POOL_ID, Username=username)
    factors: list[str] = shown.get("UserMFASettingList", [])
    return factors


def test_it_turns_sms_on_and_off(either_boto: Any) -> None:
    assert members(put(either_boto, ON)) == {}
    assert enabled(either_boto) == ["SMS_MFA"]
    put(either_boto, OFF)
    assert enabled(either_boto) == []


def test_the_own_call_does_the_same(caller: Caller) -> None:
    token = access_token(caller.password())
    assert members(caller.boto.set_user_settings(AccessToken=token, MFAOptions=ON)) == {}
    assert enabled(caller.boto) == ["SMS_MFA"]


def test_the_next_sign_in_sends_a_code(caller: Caller) -> None:
    put(caller.boto, ON)
    assert caller.password()["ChallengeName"] == "SMS_MFA"


def test_the_preference_stays(boto: Any, optional_pool: LocalPool) -> None:
    user = optional_pool.user("newcomer")
    user.enabled_factors, user.preferred_factor = ["SMS_MFA"], "SMS_MFA"
    put(boto, ON)
    assert user.preferred_factor == "SMS_MFA"


@pytest.mark.parametrize(
    "option",
    [
        {},
        {"DeliveryMedium": "SMS"},
        {"AttributeName": "phone_number"},
        {"DeliveryMedium": "EMAIL", "AttributeName": "email"},
        {"DeliveryMedium": "SMS", "AttributeName": "email"},
    ],
    ids=str,
)
def test_it_sets_up_sms_only(boto: Any, option: dict[str, str]) -> None:
    with refused("InvalidParameterException"):
        put(boto, [option])
    assert enabled(boto) == []


def test_a_user_without_a_phone_has_no_sms(boto: Any, optional_pool: LocalPool) -> None:
    del optional_pool.user("newcomer").attributes["phone_number"]
    with refused(
        "InvalidParameterException", "User does not have a phone_number set to turn on SMS MFA"
    ):
        put(boto, ON)
    assert members(put(boto, OFF)) == {}
