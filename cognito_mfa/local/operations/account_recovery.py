"""ForgotPassword, ConfirmForgotPassword, AdminResetUserPassword, and ChangePassword.

None of them changes a second factor, so a new password does not bypass MFA.

See "Forgotten passwords" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from cognito_mfa.local.errors import (
    ExpiredCodeException,
    InvalidParameterException,
    LimitExceededException,
    NotAuthorizedException,
    UserNotConfirmedException,
)
from cognito_mfa.local.operations import sent_codes, triggers, unauthenticated
from cognito_mfa.local.operations.context import Context, Parameters, Payload, required
from cognito_mfa.local.operations.password_attempts import WRONG
from cognito_mfa.local.operations.sent_codes import (
    EXPIRED,
    PASSWORD_RESET,
    Purpose,
    pretended_delivery,
)
from cognito_mfa.local.operations.triggers import About
from cognito_mfa.local.rules import auth_events, credentials
from cognito_mfa.local.rules.state import EMAIL_OTP, SMS_MFA, AppClient, User, UserPool

NO_CHANNEL = (
    "Cannot reset password for the user as there is no registered/verified email or phone_number"
)
WRONG_STATE = "User password cannot be reset in the current state."
CONFIRMED = "PostConfirmation_ConfirmForgotPassword"
LIMIT = "Attempt limit exceeded, please try after some time."
CHANNELS = {"verified_phone_number": "phone_number", "verified_email": "email"}
#: The order of addresses if the pool has no AccountRecoverySetting.
DEFAULT_RECOVERY = ("verified_phone_number", "verified_email")
#: The address that each preferred factor uses, which must not get the code.
SAME_CHANNEL = {SMS_MFA: "phone_number", EMAIL_OTP: "email"}


def forgot_password(context: Context, parameters: Parameters) -> Payload:
    """Send a code for a new password. The response does not show whether the user exists."""
    pool, client, user = unauthenticated.find_user(
        context, parameters, "ForgotPassword", migrating=True
    )
    if user is None:
        pretended = pretended_delivery(pool, parameters["Username"])
        return {"CodeDeliveryDetails": pretended}
    if not user.enabled:
        raise NotAuthorizedException("User is disabled.")
    if pool.account_recovery == ["admin_only"]:
        raise NotAuthorizedException("Contact administrator to reset password.")
    details = _send_reset(context, pool, client, user)
    auth_events.note(pool, user, "ForgotPassword", context.clock.now())
    return {"CodeDeliveryDetails": details}


def confirm_forgot_password(context: Context, parameters: Parameters) -> Payload:
    """Set a new password with the code that ForgotPassword sent."""
    pool, client, user = unauthenticated.find_user(context, parameters, "ConfirmForgotPassword")
    credentials.check_new(pool, user, parameters["Password"])
    if user is None:
        raise ExpiredCodeException(EXPIRED)
    if not user.enabled:
        raise NotAuthorizedException("User is disabled.")
    if user.status == "UNCONFIRMED":
        raise UserNotConfirmedException("User is not confirmed.")
    sent_codes.check_sent_code(context, user, PASSWORD_RESET, parameters["ConfirmationCode"])
    del user.sent_codes[PASSWORD_RESET]
    credentials.give(pool, user, parameters["Password"], context.clock.now())
    user.status = "CONFIRMED"
    user.password_attempts.succeeded()
    triggers.post_confirmation(context, About(pool, client, user), CONFIRMED)
    return {}


def admin_reset_user_password(context: Context, parameters: Parameters) -> Payload:
    """Invalidate the password, and send a code for a new one."""
    pool, user = context.user(parameters)
    _send_reset(context, pool, None, user)
    user.status = "RESET_REQUIRED"
    user.modified_at = context.clock.now()
    return {}


def change_password(context: Context, parameters: Parameters) -> Payload:
    """Set a new password for the caller, who sends the current one."""
    pool, user = context.caller(parameters)
    now = context.clock.now()
    if user.password_attempts.locked(now):
        raise LimitExceededException(LIMIT)
    if user.password is not None:
        previous = required(parameters, "PreviousPassword")
        if not user.password.matches(pool.id, user.username, previous):
            threshold = pool.behavior.password_failures_before_lock
            user.password_attempts.failed(now, threshold=threshold)
            raise NotAuthorizedException(WRONG)
    credentials.check_new(pool, user, parameters["ProposedPassword"])
    credentials.give(pool, user, parameters["ProposedPassword"], now)
    user.password_attempts.succeeded()
    auth_events.note(pool, user, "PasswordChange", now)
    return {}


def _send_reset(
    context: Context, pool: UserPool, client: AppClient | None, user: User
) -> dict[str, str]:
    if user.status in ("FORCE_CHANGE_PASSWORD", "EXTERNAL_PROVIDER"):
        raise NotAuthorizedException(WRONG_STATE)
    attribute = _channel(pool.account_recovery or DEFAULT_RECOVERY, user)
    if attribute is None or user.status == "UNCONFIRMED":
        raise InvalidParameterException(NO_CHANNEL)
    purpose = Purpose(PASSWORD_RESET, attribute, "CustomMessage_ForgotPassword")
    return sent_codes.send_code(context, About(pool, client, user), purpose)


def _channel(mechanisms: Sequence[str], user: User) -> str | None:
    """Return the first verified address, but never that of the preferred factor.

    Otherwise an attacker who reads the messages there would have both factors.
    """
    for name in (CHANNELS[mechanism] for mechanism in mechanisms if mechanism in CHANNELS):
        verified = user.attributes.get(f"{name}_verified") == "true"
        if verified and SAME_CHANNEL.get(user.preferred_factor or "") != name:
            return name
    return None
