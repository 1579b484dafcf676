"""Checks a pool's settings together, before any of them changes, with Cognito's error texts.

The rules read the parameters of CreateUserPool and UpdateUserPool, which have the same members.

See "Settings of a pool" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cognito_mfa.local.errors import (
    FeatureUnavailableInTierException,
    InvalidParameterException,
)
from cognito_mfa.local.rules.lambda_config import TOKEN_CONFIG
from cognito_mfa.local.rules.passkeys import MULTI_FACTOR, WEB_AUTHN
from cognito_mfa.local.rules.state import UserPool

Parameters = Mapping[str, Any]

LITE = "LITE"
DEVELOPER = "DEVELOPER"
ESSENTIALS, PLUS = "ESSENTIALS", "PLUS"
CODES = frozenset({"EMAIL_OTP", "SMS_OTP"})
PASSWORDLESS = CODES | {WEB_AUTHN}


def check(parameters: Parameters, *, has_factor: bool = False, has_sms: bool = False) -> None:
    """Check the settings of a pool.

    Args:
        parameters: The members of the request.
        has_factor: Whether the pool already offers a second factor.
        has_sms: Whether the pool can already send text messages.

    Raises:
        InvalidParameterException: Settings contradict each other, or one of them needs another.
        FeatureUnavailableInTierException: The tier does not have what a setting needs.
    """
    _check_sign_in_names(parameters)
    _check_mfa(parameters, has_factor=has_factor)
    _check_first_factors(parameters, has_sms=has_sms or "SmsConfiguration" in parameters)
    _check_recovery(parameters)
    _check_temporary_passwords(parameters)
    _check_password_history(parameters)
    _check_updates(parameters)
    _check_senders(parameters)
    _check_threat_protection(parameters)
    _check_token_events(parameters)


def check_required_mfa(
    mfa: str, first_factors: Collection[str], passkeys: Mapping[str, Any], *, single_factor: str
) -> None:
    """Check that a pool which requires MFA has no first factor that ends a sign-in on its own.

    Args:
        mfa: ``ON``, ``OPTIONAL``, or ``OFF``.
        first_factors: AllowedFirstAuthFactors.
        passkeys: The WebAuthnConfiguration.
        single_factor: The operation's own text about passkeys that are not both factors.

    Raises:
        InvalidParameterException: A first factor is a code, or a passkey that is not both factors.
    """
    if mfa != "ON":
        return
    if CODES.intersection(first_factors):
        raise InvalidParameterException(
            "Only PASSWORD and WEB_AUTHN (if configured) can be enabled as an auth factor if MFA is "
            "enabled."
        )
    if WEB_AUTHN in first_factors and passkeys.get("FactorConfiguration") != MULTI_FACTOR:
        raise InvalidParameterException(single_factor)


def proven_before_update(settings: Parameters) -> list[str]:
    """Return the attributes whose new value must be verified before it replaces the old one."""
    updates: Parameters = settings.get("UserAttributeUpdateSettings", {})
    return list(updates.get("AttributesRequireVerificationBeforeUpdate", []))


def check_deletable(pool: UserPool) -> None:
    """Refuse to delete a pool that is protected, or has a domain.

    Raises:
        InvalidParameterException: The pool cannot be deleted.
    """
    if pool.settings.get("DeletionProtection") == "ACTIVE":
        raise InvalidParameterException(
            "The user pool cannot be deleted because deletion protection is activated. "
            "Deletion protection must be inactivated first."
        )
    if pool.domains:
        raise InvalidParameterException(
            "User pool cannot be deleted. It has a domain configured that should be deleted first."
        )


def check_possible(pool: UserPool) -> None:
    """Refuse a pool that Python code created and that no requests can create.

    Raises:
        ValueError: Its settings contradict each other.
    """
    if pool.mfa not in ("OFF", "OPTIONAL", "ON"):
        raise ValueError(f"mfa of a pool is OFF, OPTIONAL, or ON, and not {pool.mfa}")
    if pool.mfa != "OFF" and not (pool.software_token or pool.sms or pool.email):
        raise ValueError(f"a pool with mfa {pool.mfa} needs a factor")
    if pool.username_attributes and pool.alias_attributes:
        raise ValueError("a pool has username_attributes or alias_attributes, and not both")


def _check_sign_in_names(parameters: Parameters) -> None:
    if parameters.get("AliasAttributes") and parameters.get("UsernameAttributes"):
        raise InvalidParameterException(
            "Only one of the aliasAttributes or usernameAttributes can be set in a User pool."
        )


def _check_mfa(parameters: Parameters, *, has_factor: bool) -> None:
    """Check MFA. These operations can only turn on SMS; SetUserPoolMfaConfig has the other factors."""
    if "SmsConfiguration" in parameters:
        return
    if parameters.get("MfaConfiguration", "OFF") != "OFF" and not has_factor:
        raise InvalidParameterException(
            "SMS configuration and Auto verification for phone_number are required when MFA is "
            "required/optional"
        )
    if "phone_number" in parameters.get("AutoVerifiedAttributes", ()):
        raise InvalidParameterException(
            "SMS configuration is required when phone_number is selected for auto verification"
        )


def _check_first_factors(parameters: Parameters, *, has_sms: bool) -> None:
    policy = parameters.get("Policies", {}).get("SignInPolicy", {})
    factors = policy.get("AllowedFirstAuthFactors", ["PASSWORD"])
    if "PASSWORD" not in factors:
        raise InvalidParameterException(
            "Password should be configured as one of the allowed first auth factors."
        )
    if parameters.get("UserPoolTier") == LITE and PASSWORDLESS.intersection(factors):
        raise FeatureUnavailableInTierException(
            "The following features need to be disabled for the LITE pricing tier configured: "
            "Passwordless Sign-In"
        )
    if "SMS_OTP" in factors and not has_sms:
        raise InvalidParameterException(
            "SMS_OTP can not be configured as AuthFactor as user pool is missing valid SMS "
            "configuration."
        )


def _check_threat_protection(parameters: Parameters) -> None:
    tier = parameters.get("UserPoolTier", ESSENTIALS)
    mode = parameters.get("UserPoolAddOns", {}).get("AdvancedSecurityMode", "OFF")
    if mode != "OFF" and tier != PLUS:
        raise FeatureUnavailableInTierException(
            f"The following features need to be disabled for the {tier} pricing tier configured: "
            "Threat Protection"
        )


def _check_token_events(parameters: Parameters) -> None:
    version = parameters.get("LambdaConfig", {}).get(TOKEN_CONFIG, {}).get("LambdaVersion", "V1_0")
    if parameters.get("UserPoolTier") == LITE and version != "V1_0":
        raise FeatureUnavailableInTierException(
            "The following features need to be disabled for the LITE pricing tier configured: "
            "Access Token Customization"
        )


def _check_recovery(parameters: Parameters) -> None:
    options = parameters.get("AccountRecoverySetting", {}).get("RecoveryMechanisms", [])
    names = {option["Name"] for option in options}
    if "admin_only" in names and len(options) > 1:
        raise InvalidParameterException(
            "Account Recovery Setting cannot use admin_only setting with any other recovery "
            "mechanisms."
        )
    if not len(options) == len(names) == len({option["Priority"] for option in options}):
        raise InvalidParameterException(
            "Account Recovery Setting cannot have duplicate priorities or recovery mechanisms."
        )


def _check_temporary_passwords(parameters: Parameters) -> None:
    policy = parameters.get("Policies", {}).get("PasswordPolicy", {})
    older = parameters.get("AdminCreateUserConfig", {}).get("UnusedAccountValidityDays")
    if older and policy.get("TemporaryPasswordValidityDays"):
        raise InvalidParameterException(
            "Please use TemporaryPasswordValidityDays in PasswordPolicy instead of "
            "UnusedAccountValidityDays"
        )


def _check_password_history(parameters: Parameters) -> None:
    policy = parameters.get("Policies", {}).get("PasswordPolicy", {})
    if policy.get("PasswordHistorySize") and parameters.get("UserPoolTier") == LITE:
        raise FeatureUnavailableInTierException(
            "The following features need to be disabled for the LITE pricing tier configured: "
            "Password History"
        )


def _check_updates(parameters: Parameters) -> None:
    if not set(proven_before_update(parameters)) <= set(
        parameters.get("AutoVerifiedAttributes", [])
    ):
        raise InvalidParameterException(
            "All attributes in AttributesRequireVerificationBeforeUpdate must exist in "
            "AutoVerifiedAttributes"
        )


def _check_senders(parameters: Parameters) -> None:
    email = parameters.get("EmailConfiguration", {})
    if email.get("EmailSendingAccount") == DEVELOPER and not email.get("SourceArn"):
        raise InvalidParameterException(
            "Source ARN is required to use DEVELOPER email sending owner"
        )
    if "@" not in email.get("From", "@"):
        raise InvalidParameterException("Provided From email address is invalid")
    check_sms(parameters.get("SmsConfiguration"))


def check_sms(configuration: Parameters | None) -> None:
    """Refuse an SmsConfiguration that names both services or none.

    Raises:
        InvalidParameterException: It names both or none.
    """
    if configuration is None:
        return
    if bool(configuration.get("SnsCallerArn")) == bool(configuration.get("EumsSms")):
        raise InvalidParameterException(
            "SmsConfiguration needs either SnsCallerArn or EumsSms, and not both."
        )
