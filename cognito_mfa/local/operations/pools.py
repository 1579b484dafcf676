"""User pools: create, change, describe, and list them.

``pool_description`` describes a pool, and ``pool_mfa`` has the MFA configuration.

See "Updates replace" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cognito_mfa.local.errors import UserPoolTaggingException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.empty import without_empty
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.operations.pool_description import (
    POLICY_MEMBERS,
    TRACKING,
    describe,
    describe_policies,
)
from cognito_mfa.local.operations.pool_mfa import KEPT, has_factor
from cognito_mfa.local.operations.tags import check_tags
from cognito_mfa.local.rules import attribute_schema, lambda_config, pool_settings
from cognito_mfa.local.rules.passkeys import CONFIGURATION
from cognito_mfa.local.rules.passwords import PasswordPolicy
from cognito_mfa.local.rules.state import DeviceTracking, UserPool

USERNAMES = "UsernameConfiguration"
#: Members of CreateUserPool that have an effect. All others are only stored and described.
UNDERSTOOD = frozenset(
    {
        "AliasAttributes",
        "AutoVerifiedAttributes",
        "DeviceConfiguration",
        "LambdaConfig",
        "MfaConfiguration",
        "Policies",
        "PoolName",
        "Schema",
        "UsernameAttributes",
        USERNAMES,
        "UserPoolId",
        "UserPoolTags",
    }
)
#: Members that UpdateUserPool keeps if a request does not name them, besides the MFA configuration,
#: tags, and both policies. All others go back to their defaults.
LEFT_ALONE = ("DeletionProtection", "UserAttributeUpdateSettings", "UserPoolTier")
SINGLE_FACTOR = (
    "WEB_AUTHN cannot be used as an auth factor when MFA is enabled if not configured for MFA."
)
#: Message texts are described twice: as their older member, and in the template.
TEMPLATE = "VerificationMessageTemplate"
TEXTS = {
    "EmailVerificationMessage": "EmailMessage",
    "EmailVerificationSubject": "EmailSubject",
    "SmsVerificationMessage": "SmsMessage",
}


def create_user_pool(context: Context, parameters: Parameters) -> Payload:
    """Create a user pool with a new id."""
    pool_settings.check(parameters)
    _check_required_mfa(parameters, {})
    now = context.clock.now()
    _check_functions(context, parameters)
    pool = UserPool(
        id=f"{context.account.region}_{_random_id()}",
        name=parameters["PoolName"],
        number=context.account.next_number(),
        software_token=False,
        username_attributes=parameters.get("UsernameAttributes", []),
        alias_attributes=parameters.get("AliasAttributes", []),
        case_insensitive=not _case_sensitive(parameters),
        behavior=context.behavior,
        created_at=now,
    )
    attribute_schema.declare(pool, parameters.get("Schema", []))
    _configure(pool, parameters, now)
    if USERNAMES in parameters:
        pool.settings[USERNAMES] = parameters[USERNAMES]
    context.account.pools[pool.id] = pool
    return {"UserPool": describe(context, pool)}


def update_user_pool(context: Context, parameters: Parameters) -> Payload:
    """Change a pool. Most members that are left out go back to their defaults."""
    pool = context.pool(parameters)
    parameters = _with_what_stays(pool, parameters)
    has_sms = pool.sms or "SmsConfiguration" in pool.settings
    pool_settings.check(parameters, has_factor=has_factor(pool), has_sms=has_sms)
    _check_required_mfa(parameters, pool.settings.get(CONFIGURATION, {}))
    _check_functions(context, parameters)
    _configure(pool, parameters, context.clock.now())
    pool.name = parameters.get("PoolName", pool.name)
    return {}


def delete_user_pool(context: Context, parameters: Parameters) -> Payload:
    """Delete a pool with everything in it."""
    pool = context.pool(parameters)
    pool_settings.check_deletable(pool)
    del context.account.pools[pool.id]
    return {}


def describe_user_pool(context: Context, parameters: Parameters) -> Payload:
    """Return a pool as Cognito describes it."""
    return {"UserPool": describe(context, context.pool(parameters))}


def list_user_pools(context: Context, parameters: Parameters) -> Payload:
    # Pools are numbered from 0, and 0 also means the first page, so the token is one higher.
    """Return a page of the account's pools."""
    start = page_start(parameters.get("NextToken"), "ListUserPools")
    pools = [pool for pool in context.account.pools.values() if pool.number >= start]
    size = parameters["MaxResults"]
    page: Payload = {"UserPools": [_listed(pool) for pool in pools[:size]]}
    if len(pools) > size:
        page["NextToken"] = page_token(pools[size].number, "ListUserPools")
    return page


def _configure(pool: UserPool, parameters: Parameters, now: float) -> None:
    """Set everything that an update can change."""
    invitations = parameters.get("AdminCreateUserConfig", {})
    tags = parameters.get("UserPoolTags", {})
    check_tags(tags, refusal=UserPoolTaggingException)
    pool.tags = dict(tags)
    pool.mfa = parameters.get("MfaConfiguration", "OFF")
    if "SmsConfiguration" in parameters and pool.mfa != "OFF" and not has_factor(pool):
        pool.sms = True
    pool.account_recovery = _recovery(parameters)
    pool.lambda_config = parameters.get("LambdaConfig", {})
    pool.auto_verified = parameters.get("AutoVerifiedAttributes", [])
    pool.sign_up_closed = bool(invitations.get("AllowAdminCreateUserOnly"))
    pool.device_tracking = _device_tracking(parameters)
    pool.first_factors = _first_factors(parameters)
    pool.policy = _policy(parameters)
    kept = {name: pool.settings[name] for name in (*KEPT, USERNAMES) if name in pool.settings}
    pool.settings = {**kept, **_only_described(parameters)}
    pool.modified_at = now


def _check_functions(context: Context, parameters: Parameters) -> None:
    """Refuse a trigger without a function, before anything is changed."""
    config = parameters.get("LambdaConfig", {})
    lambda_config.check(config, lambda arn: context.functions.find(arn) is not None)


def _with_what_stays(pool: UserPool, parameters: Parameters) -> Parameters:
    """Return an update that names all members, including those that stay because it left them out."""
    if pool.behavior.pool_updates_reset_everything:
        return parameters
    policies = describe_policies(pool)
    if parameters.get("AdminCreateUserConfig", {}).get("UnusedAccountValidityDays"):
        policies["PasswordPolicy"].pop("TemporaryPasswordValidityDays", None)
    return {
        "MfaConfiguration": pool.mfa,
        "UserPoolTags": pool.tags,
        **{name: pool.settings[name] for name in LEFT_ALONE if name in pool.settings},
        **parameters,
        "Policies": {**policies, **parameters.get("Policies", {})},
    }


def _only_described(parameters: Parameters) -> dict[str, Any]:
    given = {name: value for name, value in parameters.items() if name not in UNDERSTOOD}
    settings = without_empty(given)
    template = dict(parameters.get(TEMPLATE, {}))
    for older, newer in TEXTS.items():
        text = parameters.get(older) or template.get(newer)
        if text:
            settings[older] = template[newer] = text
    return {**settings, TEMPLATE: template} if template else settings


def _policy(parameters: Parameters) -> PasswordPolicy:
    given: Mapping[str, Any] = parameters.get("Policies", {}).get("PasswordPolicy", {})
    policy = PasswordPolicy(
        **{ours: given[theirs] for theirs, ours in POLICY_MEMBERS.items() if theirs in given}
    )
    # 0 means no value, and then the older member applies.
    older = parameters.get("AdminCreateUserConfig", {}).get("UnusedAccountValidityDays")
    days = given.get("TemporaryPasswordValidityDays") or older
    return replace(policy, temporary_password_days=days or PasswordPolicy().temporary_password_days)


def _check_required_mfa(parameters: Parameters, passkeys: Mapping[str, Any]) -> None:
    mfa = parameters.get("MfaConfiguration", "OFF")
    pool_settings.check_required_mfa(
        mfa, _first_factors(parameters), passkeys, single_factor=SINGLE_FACTOR
    )


def _first_factors(parameters: Parameters) -> list[str]:
    sign_in = parameters.get("Policies", {}).get("SignInPolicy", {})
    return list(sign_in.get("AllowedFirstAuthFactors", ["PASSWORD"]))


def _recovery(parameters: Parameters) -> list[str]:
    options = parameters.get("AccountRecoverySetting", {}).get("RecoveryMechanisms", [])
    return [option["Name"] for option in sorted(options, key=lambda one: one["Priority"])]


def _device_tracking(parameters: Parameters) -> DeviceTracking | None:
    given = parameters.get("DeviceConfiguration")
    if not given:  # a value for any member turns device tracking on
        return None
    return DeviceTracking(**{ours: given.get(theirs, False) for theirs, ours in TRACKING.items()})


def _case_sensitive(parameters: Parameters) -> bool:
    """Return whether usernames differ by case, as they do by default."""
    return bool(parameters.get(USERNAMES, {}).get("CaseSensitive", True))


def _listed(pool: UserPool) -> dict[str, Any]:
    return {
        "Id": pool.id,
        "Name": pool.name,
        "LambdaConfig": pool.lambda_config,
        "CreationDate": pool.created_at,
        "LastModifiedDate": pool.modified_at,
    }


def _random_id() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))
