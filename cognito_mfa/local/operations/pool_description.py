"""Describes a user pool, as DescribeUserPool does.

See "Updates replace" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.operations.domains import domains_of
from cognito_mfa.local.operations.pool_mfa import FACTOR_BLOCKS
from cognito_mfa.local.operations.tags import arn_of
from cognito_mfa.local.rules import attribute_schema
from cognito_mfa.local.rules.passkeys import CONFIGURATION
from cognito_mfa.local.rules.state import UserPool

#: Members of a request, and the fields that store them.
POLICY_MEMBERS = {
    "MinimumLength": "minimum_length",
    "RequireUppercase": "require_uppercase",
    "RequireLowercase": "require_lowercase",
    "RequireNumbers": "require_numbers",
    "RequireSymbols": "require_symbols",
    "TemporaryPasswordValidityDays": "temporary_password_days",
    "PasswordHistorySize": "history",
}
TRACKING = {
    "ChallengeRequiredOnNewDevice": "replaces_mfa",
    "DeviceOnlyRememberedOnUserPrompt": "only_on_prompt",
}


def describe(context: Context, pool: UserPool) -> dict[str, Any]:
    """Return the description of a pool. Only GetUserPoolMfaConfig returns its second factors.

    Args:
        context: The account.
        pool: The user pool.
    """
    described = {
        "Id": pool.id,
        "Name": pool.name,
        "Arn": arn_of(context, pool),
        "MfaConfiguration": pool.mfa,
        "Policies": describe_policies(pool),
        "SchemaAttributes": attribute_schema.described(pool),
        "EstimatedNumberOfUsers": len(pool.users),
        "LambdaConfig": pool.lambda_config,
        "UserPoolTier": "ESSENTIALS",
        "DeletionProtection": "INACTIVE",
        "UserPoolTags": pool.tags,
        "CreationDate": pool.created_at,
        "LastModifiedDate": pool.modified_at,
        **{k: v for k, v in pool.settings.items() if k not in FACTOR_BLOCKS},
        **_described_defaults(pool),
    }
    described.pop(CONFIGURATION, None)
    optional = {
        "UsernameAttributes": pool.username_attributes,
        "AliasAttributes": pool.alias_attributes,
        "AccountRecoverySetting": _describe_recovery(pool),
        "AutoVerifiedAttributes": pool.auto_verified,
        "DeviceConfiguration": _describe_device_tracking(pool),
        **domains_of(pool),
    }
    return {**{name: value for name, value in optional.items() if value}, **described}


def _described_defaults(pool: UserPool) -> dict[str, Any]:
    """Return the structures that every description has, even if the pool was created without them."""
    defaults: dict[str, dict[str, Any]] = {
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": pool.sign_up_closed},
        "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
        "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
    }
    return {name: {**own, **pool.settings.get(name, {})} for name, own in defaults.items()}


def _describe_device_tracking(pool: UserPool) -> dict[str, bool]:
    if pool.device_tracking is None:
        return {}
    return {theirs: getattr(pool.device_tracking, ours) for theirs, ours in TRACKING.items()}


def describe_policies(pool: UserPool) -> dict[str, Any]:
    """Return the policies of a pool, which always has both.

    Args:
        pool: The user pool.
    """
    policy = {theirs: getattr(pool.policy, ours) for theirs, ours in POLICY_MEMBERS.items()}
    if not pool.policy.history:
        del policy["PasswordHistorySize"]
    if pool.settings.get("AdminCreateUserConfig", {}).get("UnusedAccountValidityDays"):
        del policy["TemporaryPasswordValidityDays"]  # a request cannot have both
    return {
        "PasswordPolicy": policy,
        "SignInPolicy": {"AllowedFirstAuthFactors": pool.first_factors},
    }


def _describe_recovery(pool: UserPool) -> dict[str, Any]:
    mechanisms = [
        {"Priority": priority, "Name": name}
        for priority, name in enumerate(pool.account_recovery, 1)
    ]
    return {"RecoveryMechanisms": mechanisms} if mechanisms else {}
