"""The MFA preference of a user: SetUserMFAPreference, SetUserSettings, and their admin versions.

See "Setting the preference" and "The old way" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules import preferences
from cognito_mfa.local.rules.state import SMS_MFA, User, UserPool

BY_SMS = {"DeliveryMedium": "SMS", "AttributeName": "phone_number"}


def set_user_mfa_preference(context: Context, parameters: Parameters) -> Payload:
    """Set which factors Cognito asks the caller for."""
    pool, user = context.caller(parameters)
    preferences.apply(pool, user, parameters, admin=False)
    return {}


def admin_set_user_mfa_preference(context: Context, parameters: Parameters) -> Payload:
    """Set which factors Cognito asks a user for."""
    pool, user = context.user(parameters)
    preferences.apply(pool, user, parameters, admin=True)
    return {}


def set_user_settings(context: Context, parameters: Parameters) -> Payload:
    """Turn SMS on or off for the caller, in the old way."""
    pool, user = context.caller(parameters)
    _set_sms(pool, user, parameters, admin=False)
    return {}


def admin_set_user_settings(context: Context, parameters: Parameters) -> Payload:
    """Turn SMS on or off for a user, in the old way."""
    pool, user = context.user(parameters)
    _set_sms(pool, user, parameters, admin=True)
    return {}


def _set_sms(pool: UserPool, user: User, parameters: Parameters, *, admin: bool) -> None:
    """Set SMS in the old way, which leaves the preference. A user without a phone can turn SMS off."""
    options = parameters["MFAOptions"]
    if any(option != BY_SMS for option in options):
        raise InvalidParameterException("MFAOptions can set SMS for phone_number only.")
    if not options and SMS_MFA not in user.enabled_factors:
        return
    block = {"Enabled": bool(options), "PreferredMfa": user.preferred_factor == SMS_MFA}
    preferences.apply(pool, user, {"SMSMfaSettings": block}, admin=admin)
