"""Cognito's operations with the site's AWS keys: users' factors, resets, the pool, and the app client.

Users are named by their ``sub``. The functions return values of ``types`` and raise only the family of
``cognito_mfa.exceptions``.
"""

from __future__ import annotations

from typing import Any

from django.views.decorators.debug import sensitive_variables

from cognito_mfa.cognito import newer_operations, user_directory
from cognito_mfa.cognito.clients import has_credentials
from cognito_mfa.cognito.replies import Reply, bad_reply
from cognito_mfa.cognito.transport import call
from cognito_mfa.cognito.types import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    AppClientSettings,
    Factors,
    PoolFactors,
)
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import Misconfigured
from cognito_mfa.values import untrusted
from cognito_mfa.values.password_rules import PasswordRules

OTHER_FACTORS = (SMS_MFA, EMAIL_OTP)
# Of August 2026.
READS_FACTORS, DELETES_TOKEN = "AdminGetUserAuthFactors", "AdminDeleteSoftwareToken"
DEFAULT_SESSION_MINUTES = 3  # AuthSessionValidity, where the app client does not say it

# ------------------------------------------------------------------------------------------- users


def read_factors(sub: str) -> Factors:
    """Ask for a user's second factors (AdminGetUserAuthFactors; AdminGetUser where that is missing).

    AdminGetUser makes the user a monthly active user, who is billed. In a pool that requires MFA, a
    verified token that was never made preferred is in neither operation's list.

    Raises:
        UserGone: the pool has no such user.
        Misconfigured: no credentials, or no permission.
    """
    operation, reply = newer_operations.call_or_fall_back(
        READS_FACTORS,
        lambda: (READS_FACTORS, _for_user(READS_FACTORS, sub)),
        lambda _refused: ("AdminGetUser", _for_user("AdminGetUser", sub)),
    )
    if not isinstance(reply.get("Username"), str):
        raise bad_reply(operation, reply)
    listed = reply.get("UserMFASettingList") or []
    configured = reply.get("ConfiguredUserAuthFactors") or []
    return Factors(
        software_token=SOFTWARE_TOKEN_MFA in listed or "SOFTWARE_TOKEN" in configured,
        preferred=_preferred(reply.get("PreferredMfaSetting"), untrusted.words(listed)),
        username=reply["Username"],
        listed=SOFTWARE_TOKEN_MFA in listed,
    )


def _preferred(named: object, listed: list[str]) -> str:
    """Return the preferred factor; for a user with a single factor, that one."""
    preferred = untrusted.word(named, untrusted.FACTOR_LENGTH)
    return preferred or (listed[0] if len(listed) == 1 and listed[0] in OTHER_FACTORS else "")


def reading_operation() -> str:
    """Return the operation that ``read_factors`` calls, as far as is known."""
    return READS_FACTORS if newer_operations.is_available(READS_FACTORS) else "AdminGetUser"


def try_reading(sub: str) -> None:
    """Call ``reading_operation`` for ``sub``, without a fallback, to see whether it is permitted.

    Raises:
        UserGone: it is; the pool has no such user.
        Misconfigured: it is not.
    """
    _for_user(reading_operation(), sub)


def is_enabled(sub: str) -> bool:
    """Ask whether the pool lets a user sign in (ListUsers by ``sub``).

    AdminGetUser says it too, and makes the user a monthly active user. The list may lag behind and then
    lacks a new user, who is not taken for disabled.

    Raises:
        Misconfigured: no credentials, or no permission.
    """
    only = {"Filter": user_directory.filter_for("sub", sub), "Limit": 1}
    named = {"UserPoolId": get_conf().USER_POOL_ID, **only}
    reply = call("ListUsers", {**named, "AttributesToGet": ["sub"]})
    users = reply.get("Users")
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise bad_reply("ListUsers", reply)
    return not any(user.get("Enabled") is False for user in users)


def can_delete_software_token() -> bool:
    """Return whether AdminDeleteSoftwareToken (August 2026) is available, as far as is known."""
    return newer_operations.is_available(DELETES_TOKEN)


def may_delete_software_token() -> bool:
    """Return whether ``delete_software_token`` can be called.

    Botocore must know it, and there must be AWS credentials.

    Nothing is sent, so this does not say whether the credentials have the permission.
    """
    try:
        return can_delete_software_token() and has_credentials()
    except Misconfigured:  # no client can be made
        return False


def delete_software_token(sub: str) -> None:
    """Delete a user's registration and its preference (AdminDeleteSoftwareToken).

    Raises:
        UserGone: the pool has no such user.
    """
    _for_user(DELETES_TOKEN, sub)


def remove_software_token(sub: str) -> bool:
    """Delete a user's registration or, without that operation, turn it off if that has an effect.

    Returns:
        False where nothing was done: the installed botocore is too old, and in a pool that requires MFA Cognito would
        answer 200 and still ask for the lost phone's code ("Turning off where MFA is required" in
        docs/cognito-behavior.md).

    Raises:
        UserGone: the pool has no such user.
        Misconfigured: likewise nothing was done, where the service or the AWS credentials lack the operation.
    """

    def delete() -> bool:
        delete_software_token(sub)
        return True

    def turn_off(refused: Misconfigured | None) -> bool:
        if not pool_requires_mfa():
            turn_off_software_token(sub)
            return True
        if refused is not None:
            raise refused
        return False

    return newer_operations.call_or_fall_back(DELETES_TOKEN, delete, turn_off)


def turn_off_software_token(sub: str) -> None:
    """Disable a user's authenticator app (AdminSetUserMFAPreference).

    The registration stays, and a pool that requires MFA continues to ask for its codes.

    Raises:
        UserGone: the pool has no such user.
    """
    disabled = {"Enabled": False, "PreferredMfa": False}
    _for_user("AdminSetUserMFAPreference", sub, SoftwareTokenMfaSettings=disabled)


def prefer_software_token(sub: str) -> bool:
    """Turn a user's authenticator app on and make it preferred (AdminSetUserMFAPreference).

    Returns:
        False when this user has no verified software token.

    Raises:
        UserGone: the pool has no such user.
    """
    enabled = {"Enabled": True, "PreferredMfa": True}
    try:
        _for_user("AdminSetUserMFAPreference", sub, SoftwareTokenMfaSettings=enabled)
    except Misconfigured as error:
        if error.error != "InvalidParameterException":
            raise
        return False
    return True


def sign_out_everywhere(sub: str) -> None:
    """Revoke a user's tokens (AdminUserGlobalSignOut).

    Raises:
        UserGone: the pool has no such user.
    """
    _for_user("AdminUserGlobalSignOut", sub)


def _for_user(operation: str, sub: str, **parameters: Any) -> Reply:
    """Call an operation about one user.

    SECURITY: by the ``sub``, since a username may belong to another user by now. The service model says of
    Username: "If username isn't an alias attribute in your user pool, this value must be the sub of a
    local user or the username of a user from a third-party IdP." The latter have no row here.
    """
    named = {"UserPoolId": get_conf().USER_POOL_ID, "Username": sub}
    return call(operation, {**named, **parameters})


# ------------------------------------------------------------------------------ pool and app client


def pool_requires_mfa() -> bool:
    """Ask whether the pool requires MFA (GetUserPoolMfaConfig).

    Raises:
        Misconfigured: no credentials, no permission, or no such pool.
    """
    return pool_factors().mode == "ON"


def pool_factors() -> PoolFactors:
    """Ask which second factors the pool allows (GetUserPoolMfaConfig).

    Raises:
        Misconfigured: no credentials, no permission, or no such pool.
    """
    reply = call("GetUserPoolMfaConfig", {"UserPoolId": get_conf().USER_POOL_ID})
    mode = reply.get("MfaConfiguration")
    if mode not in ("OFF", "OPTIONAL", "ON"):
        raise bad_reply("GetUserPoolMfaConfig", reply)
    # A block that is present enables its factor; every member of it is optional.
    blocks = {"SmsMfaConfiguration": SMS_MFA, "EmailMfaConfiguration": EMAIL_OTP}
    software_token = reply.get("SoftwareTokenMfaConfiguration") or {}
    passkeys = (reply.get("WebAuthnConfiguration") or {}).get("FactorConfiguration")
    return PoolFactors(
        mode,
        software_token=software_token.get("Enabled") is True,
        others=tuple(name for block, name in blocks.items() if block in reply),
        passkeys=passkeys == "MULTI_FACTOR_WITH_USER_VERIFICATION",
    )


def remembered_devices_skip_mfa() -> bool:
    """Ask whether the pool exempts remembered devices from MFA (DescribeUserPool).

    Raises:
        Misconfigured: no credentials, no permission, or no such pool.
    """
    devices = _describe_pool()["UserPool"].get("DeviceConfiguration") or {}
    return devices.get("ChallengeRequiredOnNewDevice") is True


def sends_reset_codes() -> bool:
    """Return whether the pool sends codes for forgotten passwords (DescribeUserPool).

    If not, only administrators can help.

    Raises:
        Misconfigured: no credentials, no permission, or no such pool.
    """
    setting = _describe_pool()["UserPool"].get("AccountRecoverySetting") or {}
    names = [str(one.get("Name")) for one in setting.get("RecoveryMechanisms") or []]
    return names != ["admin_only"]


def password_rules() -> PasswordRules:
    """Ask for the pool's password policy (DescribeUserPool).

    Raises:
        Misconfigured: no credentials, no permission, or no such pool.
    """
    reply = _describe_pool()
    policies = reply["UserPool"].get("Policies") or {}
    try:
        return PasswordRules.of_policy(policies.get("PasswordPolicy") or {})
    except (AttributeError, ValueError):
        raise bad_reply("DescribeUserPool", reply) from None


def _describe_pool() -> Reply:
    reply = call("DescribeUserPool", {"UserPoolId": get_conf().USER_POOL_ID})
    if not isinstance(reply.get("UserPool"), dict):
        raise bad_reply("DescribeUserPool", reply)
    return reply


@sensitive_variables()
def app_client() -> AppClientSettings:
    """Ask for the settings of the app client (DescribeUserPoolClient); its secret is ignored.

    Raises:
        Misconfigured: no credentials, no permission, or no such app client.
    """
    conf = get_conf()
    named = {"UserPoolId": conf.USER_POOL_ID, "ClientId": conf.CLIENT_ID}
    reply = call("DescribeUserPoolClient", named)
    client = reply.get("UserPoolClient")
    if not isinstance(client, dict):
        raise bad_reply("DescribeUserPoolClient", reply)
    minutes = client.get("AuthSessionValidity")
    scopes = tuple(
        untrusted.shown(scope, untrusted.SCOPE_LENGTH)
        for scope in client.get("AllowedOAuthScopes") or []
    )
    return AppClientSettings(
        session_minutes=minutes if isinstance(minutes, int) else DEFAULT_SESSION_MINUTES,
        hides_usernames=client.get("PreventUserExistenceErrors") == "ENABLED",
        scopes=scopes if client.get("AllowedOAuthFlowsUserPoolClient") else None,
        # None, and an empty list, mean every standard attribute (service model, CreateUserPoolClient).
        writable=tuple(str(name) for name in client.get("WriteAttributes") or []) or None,
    )
