"""LambdaConfig: which function a pool calls for which trigger.

See "Lambda triggers" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.rules.state import UserPool

TRIGGERS = (
    "PreSignUp",
    "CustomMessage",
    "PostConfirmation",
    "PreAuthentication",
    "PostAuthentication",
    "DefineAuthChallenge",
    "CreateAuthChallenge",
    "VerifyAuthChallengeResponse",
    "PreTokenGeneration",
    "UserMigration",
)
TOKEN_CONFIG = "PreTokenGenerationConfig"  # noqa: S105 - the name of a member
#: The ``version`` of the event for each LambdaVersion.
EVENT_VERSIONS = {"V1_0": "1", "V2_0": "2", "V3_0": "3"}


def check(config: Mapping[str, Any], is_known: Callable[[str], bool]) -> None:
    """Refuse what Cognito refuses, and functions that the local Cognito cannot call.

    Args:
        config: The LambdaConfig of a request.
        is_known: Whether there is a function for an ARN.

    Raises:
        InvalidParameterException: A function is not known, or one trigger names two.
    """
    newer = config.get(TOKEN_CONFIG, {}).get("LambdaArn")
    older = config.get("PreTokenGeneration")
    if newer is not None and older is not None and newer != older:
        raise InvalidParameterException(
            f"PreTokenGeneration and {TOKEN_CONFIG} in LambdaConfig must name the same function."
        )
    for arn in (_arn(config, name) for name in TRIGGERS):
        if arn is not None and not is_known(arn):
            raise InvalidParameterException(
                f"LambdaConfig names {arn}, for which the local Cognito has no function. Add one to "
                "LocalCognito.functions or with --function before you name it."
            )


def entry(trigger: str, arn: str, version: str | None) -> dict[str, Any]:
    """Return the members of LambdaConfig for a function.

    Args:
        trigger: The trigger, as LambdaConfig names it.
        arn: The function's ARN.
        version: The LambdaVersion of PreTokenGeneration; None for every other trigger.

    Returns:
        Members of LambdaConfig.

    Raises:
        ValueError: The trigger has no versions, or not this one.
    """
    if version is None:
        return {trigger: arn}
    if trigger != "PreTokenGeneration" or version not in EVENT_VERSIONS:
        raise ValueError(f"{trigger} has no version {version!r}")
    return {trigger: arn, TOKEN_CONFIG: {"LambdaVersion": version, "LambdaArn": arn}}


def arn_of(pool: UserPool, trigger: str) -> str | None:
    """Return the ARN of a pool's function.

    Args:
        pool: The user pool.
        trigger: The trigger, as LambdaConfig names it.

    Returns:
        The ARN, or None.
    """
    return _arn(pool.lambda_config, trigger)


def arns(pool: UserPool) -> list[str]:
    """Return the ARNs of all functions of a pool."""
    found = (arn_of(pool, trigger) for trigger in TRIGGERS)
    return [arn for arn in found if arn is not None]


def token_event_version(pool: UserPool) -> str:
    """Return the version of the events that PreTokenGeneration gets."""
    return EVENT_VERSIONS[pool.lambda_config.get(TOKEN_CONFIG, {}).get("LambdaVersion", "V1_0")]


def _arn(config: Mapping[str, Any], trigger: str) -> str | None:
    newer = config.get(TOKEN_CONFIG) if trigger == "PreTokenGeneration" else None
    arn: str | None = newer["LambdaArn"] if newer else config.get(trigger)
    return arn or None
