"""Tags of user pools.

See "Tags" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from cognito_mfa.local.errors import (
    CognitoError,
    InvalidParameterException,
    ResourceNotFoundException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules.state import UserPool

MOST = 50
RESERVED_PREFIX = "aws:"


def tag_resource(context: Context, parameters: Parameters) -> Payload:
    """Add tags to a pool. An existing key gets the new value."""
    pool = _pool(context, parameters)
    tags = {**pool.tags, **parameters["Tags"]}
    check_tags(tags)
    pool.tags = tags
    return {}


def untag_resource(context: Context, parameters: Parameters) -> Payload:
    """Remove tags. A key that the pool does not have is not an error."""
    pool = _pool(context, parameters)
    pool.tags = {k: v for k, v in pool.tags.items() if k not in parameters["TagKeys"]}
    return {}


def list_tags_for_resource(context: Context, parameters: Parameters) -> Payload:
    """Return the tags of a pool."""
    return {"Tags": dict(_pool(context, parameters).tags)}


def check_tags(
    tags: Mapping[str, str], *, refusal: type[CognitoError] = InvalidParameterException
) -> None:
    """Check all tags of a pool before they are set.

    Args:
        tags: The values, by key.
        refusal: The error to raise, because operations on pools declare another error for tags.

    Raises:
        CognitoError: There are too many, or a key is reserved for AWS.
    """
    if len(tags) > MOST:
        raise refusal(f"A user pool can have at most {MOST} tags.")
    if any(key.lower().startswith(RESERVED_PREFIX) for key in tags):
        raise refusal(f'Tag keys that start with "{RESERVED_PREFIX}" are reserved for system use.')


def arn_of(context: Context, pool: UserPool) -> str:
    """Return the Amazon Resource Name of a pool.

    Args:
        context: The account.
        pool: The user pool.

    Returns:
        The ARN, which IAM policies and tags use.
    """
    return f"arn:aws:cognito-idp:{pool.region}:{context.account.id}:userpool/{pool.id}"


def _pool(context: Context, parameters: Parameters) -> UserPool:
    arn = parameters["ResourceArn"]
    service, _, resource = arn.partition(":userpool/")
    pool = context.account.pools.get(resource)
    if pool is not None and arn == arn_of(context, pool):
        return pool
    if not resource or not service.startswith("arn:aws:cognito-idp:"):
        raise InvalidParameterException(f"Invalid ARN: {arn}")
    raise ResourceNotFoundException(f"User pool {resource} does not exist.")
