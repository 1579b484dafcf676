"""Where Cognito would send logs. The configuration is only stored, and no logs are sent.

See "Logs" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.errors import (
    FeatureUnavailableInTierException,
    InvalidParameterException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.empty import without_empty
from cognito_mfa.local.rules.pool_settings import PLUS
from cognito_mfa.local.rules.state import UserPool

CLOUD_WATCH = "CloudWatchLogsConfiguration"
DESTINATIONS = (CLOUD_WATCH, "S3Configuration", "FirehoseConfiguration")
#: For each source, the level and the possible destinations of its logs.
SOURCES = {
    "userNotification": ("ERROR", (CLOUD_WATCH,)),
    "userAuthEvents": ("INFO", DESTINATIONS),
}
OF_THREAT_PROTECTION = "userAuthEvents"


def set_log_delivery_configuration(context: Context, parameters: Parameters) -> Payload:
    """Replace the destinations of a pool's logs. An empty list turns logs off."""
    pool = context.pool(parameters)
    given = [without_empty(configuration) for configuration in parameters["LogConfigurations"]]
    for configuration in given:
        _check(pool, configuration)
    sources = [configuration["EventSource"] for configuration in given]
    if len(set(sources)) < len(sources):
        raise InvalidParameterException("LogConfigurations names an EventSource twice.")
    pool.log_configurations = given
    return _described(pool)


def get_log_delivery_configuration(context: Context, parameters: Parameters) -> Payload:
    """Return the destinations of a pool's logs."""
    return _described(context.pool(parameters))


def _check(pool: UserPool, configuration: dict[str, Any]) -> None:
    source = configuration["EventSource"]
    level, possible = SOURCES[source]
    if configuration["LogLevel"] != level:
        raise InvalidParameterException(f"The LogLevel of {source} must be {level}.")
    wanted = [name for name in DESTINATIONS if name in configuration]
    if len(wanted) != 1 or wanted[0] not in possible:
        raise InvalidParameterException(f"{source} needs one of {', '.join(possible)}.")
    if source == OF_THREAT_PROTECTION and pool.settings.get("UserPoolTier") != PLUS:
        raise FeatureUnavailableInTierException(
            f"{OF_THREAT_PROTECTION} logs are available in the {PLUS} pricing tier only."
        )


def _described(pool: UserPool) -> Payload:
    return {
        "LogDeliveryConfiguration": {
            "UserPoolId": pool.id,
            "LogConfigurations": pool.log_configurations,
        }
    }
