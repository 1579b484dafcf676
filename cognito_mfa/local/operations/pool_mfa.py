"""Reads and sets the MFA configuration of a pool. A new one replaces the old one completely.

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

SMS, TOTP, EMAIL = FACTOR_BLOCKS = (
    "SmsMfaConfiguration",
    "SoftwareTokenMfaConfiguration",
    "EmailMfaConfiguration",
)
#: Settings of SetUserPoolMfaConfig, which UpdateUserPool does not change.
KEPT = (*FACTOR_BLOCKS, CONFIGURATION)
SMS_BLOCK = {
    "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/local-cognito-sms"}
}
DEFAULTS = {CONFIGURATION: {"UserVerification": "preferred"}}
SINGLE_FACTOR = (
    "Cannot set WebAuthn factor configuration to SINGLE_FACTOR if MFA is required and WebAuthn is an "
    "allowed first auth factor."
)
EMAIL_BLOCK = {"Subject": "Your code", "Message": "Your code is {####}."}


def get_user_pool_mfa_config(context: Context, parameters: Parameters) -> Payload:
    """Return which factors a pool offers, and whether it requires one."""
    return _mfa_config(context.pool(parameters))


def set_user_pool_mfa_config(context: Context, parameters: Parameters) -> Payload:
    """Set which factors a pool offers. A factor that is left out is turned off."""
    pool = context.pool(parameters)
    mfa = parameters.get("MfaConfiguration", "OFF")
    _check_factors(pool, mfa, parameters)
    _check_senders(pool, parameters)
    pool_settings.check_required_mfa(
        mfa, pool.first_factors, parameters.get(CONFIGURATION, {}), single_factor=SINGLE_FACTOR
    )
    pool.mfa = mfa
    pool.software_token = bool(parameters.get(TOTP, {}).get("Enabled"))
    pool.sms, pool.email = SMS in parameters, EMAIL in parameters
    for name in KEPT:
        pool.settings.pop(name, None)
        if name in parameters:
            pool.settings[name] = {**DEFAULTS.get(name, {}), **parameters[name]}
    sms = parameters.get(SMS, {}).get("SmsConfiguration")
    if sms is not None:
        pool.settings["SmsConfiguration"] = sms
    pool.modified_at = context.clock.now()
    return _mfa_config(pool)


def has_factor(pool: UserPool) -> bool:
    """Return whether a pool offers a second factor."""
    return pool.software_token or pool.sms or pool.email


def _check_factors(pool: UserPool, mfa: str, parameters: Parameters) -> None:
    """Check the factors. With OFF, Cognito refuses every block, even one that enables nothing (measured)."""
    blocks = [name for name in FACTOR_BLOCKS if name in parameters]
    if mfa == "OFF" and blocks:
        raise InvalidParameterException(
            "Invalid MFA configuration given, can't turn off MFA and configure an MFA together."
        )
    if mfa == "OFF":
        return
    if parameters.get(TOTP, {}).get("Enabled") or set(blocks) - {TOTP}:
        return
    if has_factor(pool):
        raise InvalidParameterException(
            "Invalid MFA configuration given, can't disable all MFAs with a required or "
            "optional configuration."
        )
    raise InvalidParameterException(
        "Invalid MFA Configuration given. SMS MFA, Email MFA, or Software Token MFA must be enabled."
    )


def _check_senders(pool: UserPool, parameters: Parameters) -> None:
    """Check that the pool can send codes. A pool that Python code created with ``email=True`` can."""
    pool_settings.check_sms(parameters.get(SMS, {}).get("SmsConfiguration"))
    if EMAIL not in parameters or pool.email:
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
    blocks = _factor_blocks(pool) if pool.mfa != "OFF" else {}
    passkeys = pool.settings.get(CONFIGURATION)
    own = {CONFIGURATION: passkeys} if passkeys is not None else {}
    return {"MfaConfiguration": pool.mfa, **blocks, **own}


def _factor_blocks(pool: UserPool) -> Payload:
    """Return the factors as they were given. Others are left out, and not described as off."""
    blocks: Payload = {}
    if pool.software_token or TOTP in pool.settings:
        blocks[TOTP] = {"Enabled": pool.software_token}
    if pool.sms:
        blocks[SMS] = _sms_block(pool)
    if pool.email:
        blocks[EMAIL] = pool.settings.get(EMAIL, EMAIL_BLOCK)
    return blocks


def _sms_block(pool: UserPool) -> Payload:
    """Return the SMS block, with the role that any operation set last."""
    own: Payload = pool.settings.get(SMS, {})
    sms = pool.settings.get("SmsConfiguration")
    if sms is not None:
        return {**own, "SmsConfiguration": sms}
    return own or SMS_BLOCK
