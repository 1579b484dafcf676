"""SetUserMFAPreference and AdminSetUserMFAPreference.

See "Setting the preference" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules import preferences


def set_user_mfa_preference(context: Context, parameters: Parameters) -> Payload:
    """Set which factors the caller is asked for."""
    pool, user = context.caller(parameters)
    preferences.apply(pool, user, parameters, admin=False)
    return {}


def admin_set_user_mfa_preference(context: Context, parameters: Parameters) -> Payload:
    """Set which factors a user is asked for."""
    pool, user = context.user(parameters)
    preferences.apply(pool, user, parameters, admin=True)
    return {}
