"""SetUserMFAPreference and AdminSetUserMFAPreference (facts section 6.1)."""

from __future__ import annotations

from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules import preferences


def set_user_mfa_preference(context: Context, parameters: Parameters) -> Payload:
    pool, user = context.caller(parameters)
    preferences.apply(pool, user, parameters, admin=False)
    return {}


def admin_set_user_mfa_preference(context: Context, parameters: Parameters) -> Payload:
    pool, user = context.user(parameters)
    preferences.apply(pool, user, parameters, admin=True)
    return {}
