"""Decides which challenge comes next in a sign-in, and its parameters.

That depends only on the pool and the user. Other modules make sessions, codes, and tokens.

See "Which challenge comes next" and "Challenge parameters" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from cognito_mfa.local.errors import InvalidUserPoolConfigurationException
from cognito_mfa.local.json_text import compact
from cognito_mfa.local.outbox import Medium, masked
from cognito_mfa.local.rules import passkeys
from cognito_mfa.local.rules.state import (
    EMAIL_OTP,
    SMS_MFA,
    SMS_OTP,
    SOFTWARE_TOKEN_MFA,
    SignInSession,
    Stage,
    User,
    UserPool,
)

DELIVERY: dict[str, tuple[Medium, str]] = {
    SMS_MFA: ("SMS", "phone_number"),
    SMS_OTP: ("SMS", "phone_number"),
    EMAIL_OTP: ("EMAIL", "email"),
}
RECOVERY = {SMS_MFA: "verified_phone_number", EMAIL_OTP: "verified_email"}


def next_factors(pool: UserPool, user: User) -> list[str] | None:
    """Return the second factors, one of which the user must answer.

    Args:
        pool: The user pool.
        user: The user.

    Returns:
        The names of the factors. None if Cognito asks for no second factor, empty if it requires
        one and none is set up.

    Raises:
        InvalidUserPoolConfigurationException: The only factor left is also the only way to recover
            the account.
    """
    if pool.mfa == "OFF":
        return None
    chosen = _chosen(pool, user)
    if chosen:
        return chosen
    if pool.mfa == "OPTIONAL":
        return None
    if user.software_token is not None:
        # Registered is enough in an ON pool, whatever the preferences say.
        return [SOFTWARE_TOKEN_MFA]
    return _deliverable(pool, user)


def stage_for(factors: Sequence[str]) -> Stage:
    """Return the stage of a sign-in that must answer one of these factors."""
    if not factors:
        return Stage.MFA_SETUP
    return Stage(factors[0]) if len(factors) == 1 else Stage.SELECT_MFA_TYPE


def parameters(pool: UserPool, user: User, session: SignInSession) -> dict[str, str]:
    """Return the ChallengeParameters of the stage that a session is at.

    Args:
        pool: The user pool.
        user: The user.
        session: The sign-in session.

    Returns:
        Names and values; every value is text.
    """
    stage = session.stage
    extra: dict[str, str] = {}
    if stage is Stage.NEW_PASSWORD_REQUIRED:
        extra = _for_new_password(pool, user)
    elif stage is Stage.MFA_SETUP:
        extra = {"MFAS_CAN_SETUP": compact(can_set_up(pool))}
    elif stage is Stage.SELECT_MFA_TYPE:
        extra = {_choice_key(pool): compact(session.choices)}
    elif stage is Stage.SOFTWARE_TOKEN_MFA:
        extra = _for_software_token(user)
    elif stage is Stage.DEVICE_SRP_AUTH:
        return {}
    elif stage is Stage.WEB_AUTHN:
        options = passkeys.request_options(pool, user, session.code)
        return {"CREDENTIAL_REQUEST_OPTIONS": compact(options), "USERNAME": user.username}
    elif stage in DELIVERY:
        medium, attribute = DELIVERY[stage]
        extra = {
            "CODE_DELIVERY_DELIVERY_MEDIUM": medium,
            "CODE_DELIVERY_DESTINATION": masked(medium, user.attributes[attribute]),
        }
    return {**extra, "USER_ID_FOR_SRP": user.username}


def can_set_up(pool: UserPool) -> list[str]:
    """Return the factors to set up; SMS only if there is no other (measured)."""
    offered = [SOFTWARE_TOKEN_MFA] if pool.software_token else []
    offered += [EMAIL_OTP] if pool.email else []
    return offered or [SMS_MFA]


def missing_attributes(pool: UserPool, user: User) -> list[str]:
    """Return the attributes that the pool requires and the user does not have.

    Args:
        pool: The user pool.
        user: The user.

    Returns:
        Their names.
    """
    return [name for name in pool.required_attributes if name not in user.attributes]


def _chosen(pool: UserPool, user: User) -> list[str]:
    """Return the factors that the user's preferences allow."""
    usable = [factor for factor in user.enabled_factors if _usable(pool, user, factor)]
    if user.preferred_factor in usable:
        return [user.preferred_factor]
    any_token = pool.behavior.verified_token_asked_without_preference
    if not usable and any_token and user.software_token is not None:
        return [SOFTWARE_TOKEN_MFA]
    return usable


def _usable(pool: UserPool, user: User, factor: str) -> bool:
    if factor == SOFTWARE_TOKEN_MFA:
        # Users stay enrolled when software tokens are turned off for the pool.
        return user.software_token is not None
    offered = pool.sms if factor == SMS_MFA else pool.email
    return offered and DELIVERY[factor][1] in user.attributes


def _deliverable(pool: UserPool, user: User) -> list[str]:
    factors = [factor for factor in RECOVERY if _usable(pool, user, factor)]
    if len(factors) == 1 and pool.account_recovery == [RECOVERY[factors[0]]]:
        raise InvalidUserPoolConfigurationException(
            f"{factors[0]} is the only way to recover an account and cannot be its only MFA factor"
        )
    return factors


def _for_new_password(pool: UserPool, user: User) -> dict[str, str]:
    missing = [f"userAttributes.{name}" for name in missing_attributes(pool, user)]
    return {
        "requiredAttributes": compact(missing),
        "userAttributes": compact(user.attributes),
    }


def _for_software_token(user: User) -> dict[str, str]:
    token = user.software_token
    return {"FRIENDLY_DEVICE_NAME": token.friendly_name} if token and token.friendly_name else {}


def _choice_key(pool: UserPool) -> str:
    return "MFAS_CAN_SELECT" if pool.behavior.documented_spellings else "MFAS_CAN_CHOOSE"
