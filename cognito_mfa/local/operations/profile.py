"""Reads a user: GetUser, AdminGetUser, GetUserAuthFactors, and AdminGetUserAuthFactors.

Nothing here changes a user. Members without a value are left out.

See "Reading the MFA status" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules import attribute_permissions, passkeys, preferences
from cognito_mfa.local.rules.state import EMAIL_OTP, SMS_MFA, SOFTWARE_TOKEN_MFA, User, UserPool

AUTH_FACTORS = {EMAIL_OTP: "EMAIL_OTP", SMS_MFA: "SMS_OTP"}


def get_user(context: Context, parameters: Parameters) -> Payload:
    """Return the caller's attributes that the app client may read, and the MFA preference."""
    pool, user = context.caller(parameters)
    client = context.tokens.client_of(parameters["AccessToken"])
    shown = attribute_permissions.readable(pool, client, user.attributes)
    return {
        "Username": user.username,
        "UserAttributes": _pairs({**shown, "sub": user.sub}),
        **preferences.members(user),
    }


def admin_get_user(context: Context, parameters: Parameters) -> Payload:
    """Return a user's status, attributes, and MFA preference."""
    _, user = context.user(parameters)
    return {
        **description(user),
        "UserAttributes": attributes(user),
        **preferences.members(user),
    }


def get_user_auth_factors(context: Context, parameters: Parameters) -> Payload:
    """Return the factors that the caller can sign in with."""
    pool, user = context.caller(parameters)
    return _auth_factors(pool, user)


def admin_get_user_auth_factors(context: Context, parameters: Parameters) -> Payload:
    """Return the factors that a user can sign in with."""
    pool, user = context.user(parameters)
    return _auth_factors(pool, user)


def attributes(user: User) -> list[dict[str, str]]:
    """Return a user's attributes as Cognito lists them, including the sub."""
    return _pairs({**user.attributes, "sub": user.sub})


def description(user: User) -> dict[str, Any]:
    """Return the members about a user that all operations of administrators return."""
    return {
        "Username": user.username,
        "UserCreateDate": user.created_at,
        "UserLastModifiedDate": user.modified_at,
        "Enabled": user.enabled,
        "UserStatus": user.status,
    }


def _pairs(attributes: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in attributes.items()]


def _auth_factors(pool: UserPool, user: User) -> Payload:
    factors = ["PASSWORD"] if user.password is not None else []
    factors += [AUTH_FACTORS[name] for name in user.enabled_factors if name in AUTH_FACTORS]
    if user.passkeys and passkeys.is_offered(pool):
        factors.append(passkeys.WEB_AUTHN)
    if _shows_software_token(pool, user):
        factors.append("SOFTWARE_TOKEN")
    configured = {"ConfiguredUserAuthFactors": factors} if factors else {}
    return {"Username": user.username, **preferences.members(user), **configured}


def _shows_software_token(pool: UserPool, user: User) -> bool:
    if pool.behavior.auth_factors_need_preference:
        return SOFTWARE_TOKEN_MFA in user.enabled_factors
    return user.software_token is not None
