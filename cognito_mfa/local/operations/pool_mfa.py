"""The MFA configuration of a pool, which replaces and never merges.

See "Updates replace" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import (
    FeatureUnavailableInTierException,
    InvalidParameterException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules import pool_settings
from cognito_mfa.local.rules.passkeys import CONFIGURATION
from cognito_mfa.local.rules.state import UserPool

FACTOR_BLOCKS = ("SmsMfaConfiguration", "SoftwareTokenMfaConfiguration", "EmailMfaConfiguration")
#: What SetUserPoolMfaConfig set, and UpdateUserPool does not touch.
KEPT = ("SmsMfaConfiguration", "EmailMfaConfiguration", CONFIGURATION)
SMS_BLOCK = {
    "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/local-cognito-sms"}
}
DEFAULTS = {CONFIGURATION: {"UserVerification": "preferred"}}
EMAIL_BLOCK = {"Subject": "Your code", "Message": "Your code is {####}."}


def get_user_pool_mfa_config(context: Context, parameters: Parameters) -> Payload:
    """Return which factors a pool offers, and whether it requires one."""
    return _mfa_config(context.pool(parameters))


def set_user_pool_mfa_config(context: Context, parameters: Parameters) -> Payload:
    """Set which factors a pool offers; what is left out goes off."""
    pool = context.pool(parameters)
    mfa = parameters.get("MfaConfiguration", "OFF")
    _check_factors(mfa, parameters)
    _check_senders(pool, parameters)
    pool_settings.check_required_mfa(mfa, pool.first_factors, parameters.get(CONFIGURATION, {}))
    pool.mfa = mfa
    pool.software_token = bool(parameters.get("SoftwareTokenMfaConfiguration", {}).get("Enabled"))
    pool.sms = "SmsMfaConfiguration" in parameters
    pool.email = "EmailMfaConfiguration" in parameters
    for name in KEPT:
        pool.settings.pop(name, None)
        if name in parameters:
            pool.settings[name] = {**DEFAULTS.get(name, {}), **parameters[name]}
    sms = parameters.get("SmsMfaConfiguration", {}).get("SmsConfiguration")
    if sms is not None:
        pool.settings["SmsConfiguration"] = sms
    pool.modified_at = context.clock.now()
    return _mfa_config(pool)


def _check_factors(mfa: str, parameters: Parameters) -> None:
    """A block is refused beside OFF for being there, even when it enables nothing (measured)."""
    blocks = [name for name in FACTOR_BLOCKS if name in parameters]
    if mfa == "OFF" and blocks:
        raise InvalidParameterException(
            "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
        )
    if mfa == "OFF":
        return
    totp = parameters.get("SoftwareTokenMfaConfiguration", {}).get("Enabled")
    if not totp and not set(blocks) - {"SoftwareTokenMfaConfiguration"}:
        raise InvalidParameterException(
            "Invalid MFA configuration given, can't disable all MFAs with a required or "
            "optional configuration."
        )


def _check_senders(pool: UserPool, parameters: Parameters) -> None:
    """What a pool sends codes with. One that Python made with ``email=True`` can send them."""
    pool_settings.check_sms(parameters.get("SmsMfaConfiguration", {}).get("SmsConfiguration"))
    if "EmailMfaConfiguration" not in parameters or pool.email:
        return
    if pool.settings.get("UserPoolTier") == pool_settings.LITE:
        raise FeatureUnavailableInTierException(
            "The following feature is not available for the LITE pricing tier configured: Email MFA"
        )
    sender = pool.settings.get("EmailConfiguration", {}).get("EmailSendingAccount")
    if sender != pool_settings.DEVELOPER:
        raise InvalidParameterException(
            "Cannot set EmailMfaConfiguration when user pool EmailConfiguration contains an "
            "EmailSendingAccount of COGNITO_DEFAULT."
        )


def _mfa_config(pool: UserPool) -> Payload:
    config: Payload = {"MfaConfiguration": pool.mfa}
    if pool.mfa != "OFF":
        config["SoftwareTokenMfaConfiguration"] = {"Enabled": pool.software_token}
    if pool.sms and pool.mfa != "OFF":
        config["SmsMfaConfiguration"] = _sms_block(pool)
    if pool.email and pool.mfa != "OFF":
        config["EmailMfaConfiguration"] = pool.settings.get("EmailMfaConfiguration") or EMAIL_BLOCK
    if "WebAuthnConfiguration" in pool.settings:
        config["WebAuthnConfiguration"] = pool.settings["WebAuthnConfiguration"]
    return config


def _sms_block(pool: UserPool) -> Payload:
    own: Payload = pool.settings.get("SmsMfaConfiguration", {})
    sms = pool.settings.get("SmsConfiguration")
    if sms is not None:
        return {"SmsConfiguration": sms, **own}
    return own or SMS_BLOCK
