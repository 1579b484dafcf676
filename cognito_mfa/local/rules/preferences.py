"""The MFA preference of a user: what can be enabled or preferred, with Cognito's texts.

A preference is not a registration, so nothing here creates or removes a software token.

See "MFA preference" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.rules import passkeys
from cognito_mfa.local.rules.state import EMAIL_OTP, SMS_MFA, SOFTWARE_TOKEN_MFA, User, UserPool

BLOCKS = {
    "SMSMfaSettings": SMS_MFA,
    "SoftwareTokenMfaSettings": SOFTWARE_TOKEN_MFA,
    "EmailMfaSettings": EMAIL_OTP,
}


def apply(
    pool: UserPool, user: User, blocks: Mapping[str, Mapping[str, Any]], *, admin: bool
) -> None:
    """Apply the blocks of a request, all of them or none.

    Args:
        pool: The user pool.
        user: The user.
        blocks: Settings by name, such as SoftwareTokenMfaSettings. Blocks that are left out change
            nothing.
        admin: Whether an Admin operation asks.

    Raises:
        InvalidParameterException: One of them is refused.
    """
    settings = {BLOCKS[name]: block for name, block in blocks.items() if name in BLOCKS}
    if sum(bool(block.get("PreferredMfa")) for block in settings.values()) > 1:
        raise InvalidParameterException("Only one MFA method can be the preferred one")
    for factor, block in settings.items():
        _check(pool, user, factor, enabled=bool(block.get("Enabled")), admin=admin)
    passkey = blocks.get("WebAuthnMfaSettings")
    if passkey is not None and passkey.get("Enabled"):
        _check_passkey(pool, user, settings)
    elif passkey is None and user.passkey_mfa:
        _check_another_stays(user, settings)
    for factor, block in settings.items():
        _apply_one(user, factor, block)
    if passkey is not None:
        user.passkey_mfa = bool(passkey.get("Enabled"))


def forget(user: User, factor: str) -> None:
    """Disable a factor, and stop preferring it.

    Args:
        user: The user.
        factor: The name of a factor.
    """
    if factor in user.enabled_factors:
        user.enabled_factors.remove(factor)
    if user.preferred_factor == factor:
        user.preferred_factor = None


def members(user: User) -> dict[str, Any]:
    """Return the members of a response that show the preference; empty if there is none."""
    shown: dict[str, Any] = {}
    if user.preferred_factor:
        shown["PreferredMfaSetting"] = user.preferred_factor
    if user.enabled_factors:
        shown["UserMFASettingList"] = list(user.enabled_factors)
    return shown


def _apply_one(user: User, factor: str, block: Mapping[str, Any]) -> None:
    if not block.get("Enabled"):
        forget(user, factor)
        return
    if factor not in user.enabled_factors:
        user.enabled_factors.append(factor)
    if block.get("PreferredMfa"):
        user.preferred_factor = factor
    elif user.preferred_factor == factor:
        user.preferred_factor = None


def _check(pool: UserPool, user: User, factor: str, *, enabled: bool, admin: bool) -> None:
    # Cognito refuses an SMS block for a user without a phone even if it turns SMS off.
    if factor == SMS_MFA and "phone_number" not in user.attributes:
        raise InvalidParameterException("User does not have a phone_number set to turn on SMS MFA")
    if factor == EMAIL_OTP and enabled and "email" not in user.attributes:
        raise _no_delivery(EMAIL_OTP)
    if factor == SOFTWARE_TOKEN_MFA:
        _check_software_token(pool, user, enabled=enabled, admin=admin)


def _check_software_token(pool: UserPool, user: User, *, enabled: bool, admin: bool) -> None:
    if not enabled:
        if pool.mfa == "ON" and pool.behavior.required_mfa_refuses_preference_off:
            raise InvalidParameterException("MFA cannot be turned off where the pool requires it")
        return
    if user.software_token is not None:
        return
    if user.pending_secret is not None:
        raise InvalidParameterException("User has not verified software token mfa")
    if admin:
        raise _no_delivery(SOFTWARE_TOKEN_MFA)
    raise InvalidParameterException("User has not set up software token mfa")


def _check_passkey(pool: UserPool, user: User, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Check a passkey block. The request must enable another factor, too, even if one is on (measured)."""
    if not passkeys.count_as_mfa(pool):
        raise InvalidParameterException("WebAuthn MFA is not enabled for the user pool.")
    if not user.passkeys:
        raise InvalidParameterException(
            "User does not have applicable WebAuthn credentials to enable WebAuthn MFA."
        )
    if not any(block.get("Enabled") for block in settings.values()):
        raise InvalidParameterException("WebAuthn MFA requires enabling an additional MFA setting.")


def _check_another_stays(user: User, settings: Mapping[str, Mapping[str, Any]]) -> None:
    off = {factor for factor, block in settings.items() if not block.get("Enabled")}
    on = {factor for factor, block in settings.items() if block.get("Enabled")}
    if not on.union(user.enabled_factors) - off:
        raise InvalidParameterException("WebAuthn MFA requires enabling an additional MFA setting.")


def _no_delivery(factor: str) -> InvalidParameterException:
    return InvalidParameterException(f"User does not have delivery config set to turn on {factor}")
