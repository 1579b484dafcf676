"""What users can do after a step that failed permanently or whose outcome is unknown."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cognito_mfa.exceptions import Busy, ServiceError
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step

SENT_CODES = ("SMS_MFA", "EMAIL_OTP")


def is_definite(step: Step, error: Busy | ServiceError) -> bool:
    """Return whether nothing was changed.

    What ended at the setup was confirmed before: only the answer to it failed.

    Args:
        step: that was submitted.
        error: why it failed.
    """
    return error.is_definite and step is not Step.SETUP


def advice(pending: PendingSignIn, step: Step, error: Busy | ServiceError) -> str:
    """Return what has changed, as far as it is known, and what to do next.

    Args:
        pending: the sign-in or change, as it was before the step.
        step: that was submitted.
        error: why it failed.
    """
    definite = is_definite(step, error)
    if not pending.is_change:
        return _after_sign_in(pending, definite=definite)
    if not definite:
        return _after_change(pending, error)
    if pending.uses_app:
        return _("Nothing has changed, and your authenticator app works as before.")
    return _("Nothing has changed.")


def _after_change(pending: PendingSignIn, error: Busy | ServiceError) -> str:
    if pending.step is Step.SETUP and pending.has_old_app:
        return _(
            "Keep both entries in your app for now. Your next sign-in will show which one works."
        )
    if pending.step is Step.SETUP:
        return _(
            "Keep the new entry in your app for now. Your next sign-in will show whether it works."
        )
    if pending.step is Step.PASSWORD_CHANGE:
        return _(
            "We couldn’t confirm that your password was changed. The next time you sign in, try the new one first."
        )
    # The answer to the code led no further, so that the change itself was never asked for.
    is_untouched = error.operation.endswith("RespondToAuthChallenge")
    if pending.purpose is Purpose.REMOVE and not is_untouched:
        return _(
            "Two-step verification might be off or still on. You’ll know for sure the next time you sign in."
        )
    is_replaced = pending.purpose is Purpose.REPLACE
    told = _("No new app was confirmed.") if is_replaced else _("Nothing has changed.")
    wait = _("When you try again, wait until your app shows the next code.")
    return f"{told} {wait}" if pending.uses_app else told


def _after_sign_in(pending: PendingSignIn, *, definite: bool) -> str:
    if definite:
        return _(
            "Sign in again. If you’re asked for a code, wait until your app shows the next one."
        )
    if pending.step is Step.PASSWORD_RESET:
        return _(
            "We couldn’t confirm that your password was changed. Sign in with the new one. If that doesn’t work, reset your "
            "password again."
        )
    if pending.step is Step.SETUP:
        return _(
            "Keep the new entry in your app and sign in again. If you’re asked for a code, setup worked. Wait until your app "
            "shows the next code, then enter it. If you see a new QR code instead, delete the entry and start over."
        )
    if pending.step is Step.NEW_PASSWORD:
        return _(
            "We couldn’t confirm that your new password was saved. Sign in with the new one. If that doesn’t work, use the "
            "temporary one."
        )
    if pending.challenge is not None and pending.challenge.name in SENT_CODES:
        return _("Sign in again. You’ll get a new code.")
    return _("Sign in again. When you’re asked for a code, wait until your app shows the next one.")
