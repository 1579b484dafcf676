"""Where Cognito would send logs: "Logs" in docs/cognito-behavior.md."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local.pool import LocalPool
from tests.local.caller import POOL_ID, refused

GROUP = {"LogGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:mail"}
STREAM = {"StreamArn": "arn:aws:firehose:us-east-1:123456789012:deliverystream/events"}
MAIL = {
    "LogLevel": "ERROR",
    "EventSource": "userNotification",
    "CloudWatchLogsConfiguration": GROUP,
}
EVENTS = {"LogLevel": "INFO", "EventSource": "userAuthEvents", "FirehoseConfiguration": STREAM}


@pytest.fixture(autouse=True)
def plus(optional_pool: LocalPool) -> None:
    optional_pool.state.settings["UserPoolTier"] = "PLUS"


def put(boto: Any, *configurations: dict[str, Any]) -> Any:
    answer = boto.set_log_delivery_configuration(
        UserPoolId=POOL_ID, LogConfigurations=list(configurations)
    )
    return answer["LogDeliveryConfiguration"]["LogConfigurations"]


def got(boto: Any) -> Any:
    answer = boto.get_log_delivery_configuration(UserPoolId=POOL_ID)
    return answer["LogDeliveryConfiguration"]["LogConfigurations"]


def test_logs_are_configured_and_turned_off(either_boto: Any) -> None:
    assert got(either_boto) == []
    assert put(either_boto, MAIL, EVENTS) == got(either_boto) == [MAIL, EVENTS]
    assert put(either_boto) == got(either_boto) == []


def test_an_empty_destination_is_none(boto: Any) -> None:
    assert put(boto, {**MAIL, "S3Configuration": {}}) == got(boto) == [MAIL]


@pytest.mark.parametrize(
    "configurations",
    [
        [{**MAIL, "LogLevel": "INFO"}],
        [{**EVENTS, "LogLevel": "ERROR"}],
        [{**MAIL, "FirehoseConfiguration": STREAM}],
        [{"LogLevel": "INFO", "EventSource": "userAuthEvents"}],
        [{**MAIL, "CloudWatchLogsConfiguration": {}}],
        [MAIL, MAIL],
    ],
)
def test_each_source_has_its_level_and_one_destination(boto: Any, configurations: Any) -> None:
    put(boto, MAIL)
    with refused("InvalidParameterException"):
        put(boto, *configurations)
    assert got(boto) == [MAIL]


def test_logs_of_threat_protection_need_its_plan(boto: Any, optional_pool: LocalPool) -> None:
    optional_pool.state.settings["UserPoolTier"] = "ESSENTIALS"
    put(boto, MAIL)
    with refused("FeatureUnavailableInTierException"):
        put(boto, MAIL, EVENTS)
