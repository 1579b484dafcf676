"""The texts of errors: what happened, and what to do next."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cognito_mfa.authenticator import password_policy
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    AttributesRejected,
    BadCode,
    BadCodeReason,
    Busy,
    BusyReason,
    ChallengeLost,
    ChallengeLostReason,
    ChallengeNotSupported,
    CodeAttemptsLocked,
    CognitoMFAError,
    LinkRefused,
    LinkRefusedReason,
    PasswordRejected,
    Refused,
    RefusedReason,
    RemovalNotAllowed,
    SignInAgain,
    SignInAgainReason,
    TokenRejected,
    TokenRejectedReason,
)
from cognito_mfa.sign_in.pending import Purpose

LONG = 90  # seconds; what is longer is told in minutes
# Only the site can change these. One text for all, because the reason may reveal something about other users.
ONLY_THE_SITE_CAN_ACT = frozenset(
    {
        LinkRefusedReason.EMAIL_NOT_VERIFIED,
        LinkRefusedReason.LOGIN_FAILED,
        LinkRefusedReason.NO_VALID_USERNAME,
        LinkRefusedReason.RESOLVER_FAILED,
        LinkRefusedReason.RIGHTS_NOT_SAVED,
        LinkRefusedReason.SEVERAL_USERS,
        LinkRefusedReason.UPDATER_FAILED,
        LinkRefusedReason.USERNAME_TAKEN,
        LinkRefusedReason.USER_NOT_CREATED,
    }
)


TIMED_OUT = frozenset({ChallengeLostReason.TIMED_OUT, TokenRejectedReason.TIMED_OUT})
ACCOUNT_CHANGED = frozenset({ChallengeLostReason.OVERTAKEN, ChallengeLostReason.ACCOUNT_CHANGED})


def bad_credentials(_error: CognitoMFAError) -> list[str]:
    """Return the same for every cause: which it was would tell a stranger who exists, and in which state."""
    return [_("Incorrect username or password. Check both and try again."), tried_several_times()]


def tried_several_times() -> str:
    return _("If you’ve tried several times, wait 15 minutes and try again.")


def invited_long_ago() -> str:
    return _(
        "If you were invited more than a few days ago, ask your site administrator for a new invitation."
    )


def timed_out() -> str:
    return _("Your sign-in timed out. Please enter your password again.")


def nothing_pending() -> str:
    return _(
        "Your sign-in has ended or was started again in another tab or window. Please enter your password again."
    )


def challenge_lost(error: ChallengeLost) -> str:
    reasons = ChallengeLostReason
    changed = _(
        "Your account was changed while you were signing in. Please enter your password again."
    )
    texts = {
        reasons.TIMED_OUT: timed_out(),
        reasons.USED_ALREADY: _(
            "This step was already completed. Please enter your password again."
        ),
        reasons.SESSION_OVER: _(
            "Your sign-in is no longer valid. Please enter your password again."
        ),
        reasons.STARTED_TWICE: _(
            "Setup was started twice at the same time. Please enter your password again."
        ),
        reasons.OVERTAKEN: changed,
        reasons.ACCOUNT_CHANGED: changed,
        reasons.FACTOR_GONE: _(
            "Your authenticator app is no longer set up for this account. Please enter your password again."
        ),
        reasons.UNRECOGNIZED: not_completed(),
        reasons.NOT_OFFERED: not_completed(),
    }
    return texts.get(error.reason) or nothing_pending()  # type: ignore[call-overload]


def not_completed(_error: CognitoMFAError | None = None) -> str:
    return _("We couldn’t complete your sign-in. Please enter your password again.")


def token_rejected(error: TokenRejected) -> str:
    if error.reason is TokenRejectedReason.TIMED_OUT:
        return timed_out()
    if error.reason is TokenRejectedReason.REVOKED:
        return _("You were signed out everywhere. Please enter your password again.")
    return _("Your sign-in is no longer valid. Please enter your password again.")


def busy(error: Busy) -> str:
    seconds = error.retry_after
    if error.reason is BusyReason.THROTTLED:
        return ngettext(
            "The sign-in service is busy. Wait %(seconds)d second and try again.",
            "The sign-in service is busy. Wait %(seconds)d seconds and try again.",
            seconds,
        ) % {"seconds": seconds}
    if error.reason is BusyReason.TOO_MANY_NAMES:
        return _("You’ve renamed your device too many times. %(wait)s") % {"wait": wait(seconds)}
    if error.reason is BusyReason.TOO_MANY_SETS:
        return _("You’ve created recovery codes too many times. %(wait)s") % {"wait": wait(seconds)}
    if error.reason is BusyReason.TOO_MANY_FAILURES:
        return _("Too many wrong codes. %(wait)s") % {"wait": wait(seconds)}
    if error.reason is BusyReason.TOO_MANY_AT_ONCE:
        return _("Several codes were entered at the same time. %(wait)s") % {"wait": wait(seconds)}
    return _("Too many attempts. %(wait)s") % {"wait": wait(seconds)}


def wait(seconds: int) -> str:
    if seconds > LONG:
        minutes = -(-seconds // 60)
        return ngettext(
            "Wait %(minutes)d minute and try again.",
            "Wait %(minutes)d minutes and try again.",
            minutes,
        ) % {"minutes": minutes}
    return ngettext(
        "Wait %(seconds)d second and try again.",
        "Wait %(seconds)d seconds and try again.",
        seconds,
    ) % {"seconds": seconds}


def failed(reference: str) -> str:
    return _(
        "The sign-in service isn’t responding as expected. Nothing has been lost. Please try "
        "again in a minute. If the problem continues, contact support and quote reference "
        "%(reference)s."
    ) % {"reference": reference}


def wrong_sent_code() -> str:
    return _("That code didn’t work. Use the latest code we sent you.")


def wrong_code(error: BadCode) -> str:
    if error.already_used:
        return _("You’ve already used this code. Wait until your app shows the next one.")
    if error.reason is BadCodeReason.EARLIER_SECRET:
        return _(
            "That code belongs to an earlier QR code. Delete that entry from your app and scan this QR code."
        )
    minutes = max(1, round(abs(error.seconds_off) / 60))
    if error.reason is BadCodeReason.TOO_EARLY:
        return ngettext(
            "That code isn’t valid yet because your device’s clock is about %(minutes)d minute ahead. Set its date and "
            "time automatically, then enter the code your app shows.",
            "That code isn’t valid yet because your device’s clock is about %(minutes)d minutes ahead. Set its date and "
            "time automatically, then enter the code your app shows.",
            minutes,
        ) % {"minutes": minutes}
    if error.reason is BadCodeReason.TOO_LATE:
        return ngettext(
            "That code expired about %(minutes)d minute ago. Enter the code your app shows now. If it’s the same code, "
            "your device’s clock is behind, so set its date and time automatically.",
            "That code expired about %(minutes)d minutes ago. Enter the code your app shows now. If it’s the same code, "
            "your device’s clock is about %(minutes)d minutes behind, so set its date and time automatically.",
            minutes,
        ) % {"minutes": minutes}
    return _(
        "That code didn’t work. Enter the code your app shows now for this site, and check "
        "that your device sets its date and time automatically."
    )


def wrong_code_of_two_entries() -> str:
    return _(
        "That code didn’t work. Use the new entry in your app, not the old one, and check that your device sets its date "
        "and time automatically."
    )


def wrong_recovery_code() -> str:
    return _(
        "That recovery code didn’t work. Check it or use a different one. Each code works only once, and new "
        "codes replace older ones."
    )


def recovery_code_kept() -> str:
    return _("Your recovery code is still valid. Sign in again to use it.")


def recovered() -> str:
    return _("Your authenticator app was removed. Enter your password to set up a new one.")


def recovery_unconfirmed() -> str:
    return _(
        "Your recovery code was accepted, but we couldn’t confirm that your authenticator app was removed. "
        "Enter your password, and we’ll try again."
    )


def codes_not_created() -> str:
    return _(
        "No recovery codes were created because your security settings changed in the meantime. Please try "
        "again."
    )


def reset_not_accepted() -> str:
    # One text for a wrong code, an expired one, and a password used before: Cognito calls the codes of unknown users
    # expired, and only users who exist have passwords of before.
    return _(
        "That didn’t work. Make sure the code is from the latest message and less than an hour old. Choose a "
        "password you haven’t used before."
    )


def wrong_password() -> str:
    return _("Incorrect password. Try again.")


def wrong_password_again() -> list[str]:
    """Return the text for a wrong password, which Cognito may also have locked for a while."""
    return [wrong_password(), tried_several_times()]


def change_title(purpose: Purpose) -> str:
    """Return the title of the page on which a change begins, or an empty string for a sign-in."""
    titles = {
        Purpose.REPLACE: _("Switch to a new phone"),
        Purpose.REMOVE: _("Turn off two-step verification"),
        Purpose.CHANGE_PASSWORD: _("Change password"),
        Purpose.SIGN_OUT: _("Sign out everywhere else"),
    }
    return titles.get(purpose, "")


def password_not_changed_yet() -> str:
    return _(
        "Your password hasn’t been changed yet. Confirm it’s you first, then enter both passwords again."
    )


def password_not_changed() -> str:
    return _("Canceled. Your password wasn’t changed.")


def reset_lost(reason: StrEnum | None = None) -> str:
    """Return why the reset of a password came to nothing.

    Args:
        reason: as for ``change_lost``.
    """
    if reason not in TIMED_OUT:
        return _(
            "Your password wasn’t reset. If you still have a valid code, enter your username and select "
            "“I already have a code”."
        )
    return _(
        "Your password reset timed out. If you still have a valid code, enter your username and select “I "
        "already have a code”."
    )


def password_rejected(error: PasswordRejected) -> list[str]:
    rules = {
        "length": too_short(),
        "too_long": _("Your password is too long."),
        "uppercase": _("Your password must include an uppercase letter."),
        "lowercase": _("Your password must include a lowercase letter."),
        "number": _("Your password must include a number."),
        "symbol": _("Your password must include a symbol, such as ! or %."),
        "history": _("You’ve used this password before. Choose a different one."),
    }
    return [rules[rule] for rule in error.rules] or [
        _("This password can’t be used. Choose a different one.")
    ]


def too_short() -> str:
    known = password_policy.rules()
    if known is None:
        return _("Your password is too short.")
    return ngettext(
        "Your password is too short. Use at least %(length)d character.",
        "Your password is too short. Use at least %(length)d characters.",
        known.length,
    ) % {"length": known.length}


def attribute_rejected(error: AttributesRejected) -> str:
    if error.already_set:
        return _(
            "Your account already has this, and it can’t be changed here. Leave this field empty."
        )
    if error.taken:
        return _("You can’t use this value. Enter a different one.")
    return _("This value wasn’t accepted. Check the format and try again.")


def failed_for_good(reference: str) -> str:
    return _(
        "The sign-in service isn’t responding as expected. If the problem continues, contact "
        "support and quote reference %(reference)s."
    ) % {"reference": reference}


def setup_canceled(*, was_shown: bool) -> str:
    if was_shown:
        return _("Setup canceled. Delete the new entry from your app.")
    return _("Setup canceled. Nothing has changed.")


def nothing_to_cancel() -> str:
    return _("There was nothing left to cancel.")


def change_canceled(*, was_shown: bool) -> str:
    # Cognito once dropped the old secret as soon as a new one was asked for, and no longer says whether it does
    # ("Associating again" in docs/cognito-behavior.md): once the QR code was shown, nothing is promised.
    if was_shown:
        return _(
            "Canceled. The new entry wasn’t confirmed, so delete it from your app and keep "
            "using the old one."
        )
    return _("Canceled. Nothing has changed, and your authenticator app works as before.")


def change_lost(reason: StrEnum | None = None) -> str:
    """Return why a change by a signed-in user came to nothing.

    Args:
        reason: of the error that ended it; None where there is none, or it is not known.
    """
    if reason in TIMED_OUT:
        return _(
            "Your change wasn’t completed because it timed out. This page shows your current settings."
        )
    if reason in ACCOUNT_CHANGED:
        return _(
            "Your change wasn’t completed because your account was changed in the meantime. This page shows your current "
            "settings."
        )
    if reason is TokenRejectedReason.REVOKED:
        return _(
            "Your change wasn’t completed because you were signed out everywhere in the meantime. This page shows your "
            "current settings."
        )
    return _("Your change wasn’t completed. This page shows your current settings.")


def removal_not_allowed(error: RemovalNotAllowed) -> str:
    if error.by == "policy":
        return _(
            "You can’t turn this off because this site requires two-step verification for "
            "your account."
        )
    if error.by == "factor":
        return _(
            "You can’t turn this off because your account has no other way to confirm it’s you. Nothing has "
            "changed."
        )
    if error.by == "unknown":
        return _(
            "We couldn’t check whether you’re allowed to turn off two-step verification. "
            "Nothing has changed. Please try again later."
        )
    return _(
        "You can’t turn this off because the sign-in service requires two-step verification for all of this "
        "site’s accounts."
    )


def code_attempts_locked(_error: CodeAttemptsLocked) -> str:
    return _(
        "Too many wrong codes were entered for this account. To protect it, code entry is "
        "locked until your site administrator has verified your identity."
    )


def password_reset_needed(_error: AccountActionNeeded) -> str:
    return _("This account’s password must be reset before you can sign in.")


def challenge_not_supported(_error: ChallengeNotSupported) -> str:
    return _("Your account requires a sign-in method that this site doesn’t support.")


def refused(error: Refused) -> str:
    reasons = RefusedReason
    if error.reason is reasons.TRIGGER and error.message:
        return error.message
    if error.reason in (reasons.FEDERATED, reasons.LINKED_PROVIDER):
        return no_setup(error)
    texts = {
        reasons.TRIGGER: _("This site’s rules don’t allow this sign-in."),
        reasons.RISK: _(
            "This sign-in was blocked to protect your account. Try again later, or use a device and network "
            "you’ve used before."
        ),
        reasons.NO_METHOD: _(
            "Your account has no way to confirm it’s you, such as an authenticator app."
        ),
        reasons.DISABLED: _("This account is disabled."),
        reasons.ANOTHER_USER: _("This isn’t the account you’re signed in with on this site."),
    }
    return texts.get(error.reason) or _("You can’t use this account on this site.")  # type: ignore[call-overload]


def link_refused(error: LinkRefused) -> str:
    if error.reason in ONLY_THE_SITE_CAN_ACT:
        return _(
            "We couldn’t sign you in. Your account needs a change that only a site administrator can make."
        )
    if error.reason not in (LinkRefusedReason.STAFF, LinkRefusedReason.PERMISSIONS):
        return refused(error)
    return _(
        "The account on this site has special permissions. Only a site administrator can link another account "
        "to it."
    )


def entry_stays_valid() -> str:
    return _(
        "Your authenticator app is set up. Keep its entry for this site so you can sign in once your site "
        "administrator has helped you."
    )


def link_declined() -> str:
    return _("The accounts weren’t linked. To use the other account, sign out here first.")


def new_qr_code() -> str:
    return _(
        "Enter your password to get a new QR code. If you’ve added an entry for this setup to your app, delete it."
    )


def setup_lost(reason: StrEnum | None = None) -> str:
    """Return why the setup of a user who signs in elsewhere came to nothing.

    Args:
        reason: as for ``change_lost``.
    """
    if reason in TIMED_OUT:
        return _("Setup timed out. Please sign in again.")
    if reason in ACCOUNT_CHANGED:
        return _(
            "Setup wasn’t completed because your account was changed in the meantime. Please sign in again."
        )
    return _("Setup wasn’t completed. Please sign in again.")


def sign_in_again(error: SignInAgain) -> str:
    if error.reason is SignInAgainReason.ALREADY_SET_UP:
        return _(
            "You’ve already set up an authenticator app. Sign in again, and you’ll be asked "
            "for a code from it."
        )
    if error.reason is SignInAgainReason.NO_TOKEN:
        return _("Please sign in again to do this.")
    if error.reason is SignInAgainReason.PROOF_UNKNOWN:
        return _(
            "You’ve already set up an authenticator app, but this site couldn’t tell whether you entered a "
            "code from it."
        )
    return _("Please sign in again to do this. Your last sign-in was too long ago.")


def federated(provider: str) -> str:
    return _(
        "You sign in through %(provider)s. Two-step verification for your account can only be "
        "set up there, and this site can’t see whether it’s on."
    ) % {"provider": provider}


def no_setup(error: CognitoMFAError) -> str:
    if error.reason is RefusedReason.FEDERATED:
        return _(
            "You sign in through another organization. Two-step verification for your account "
            "can only be set up there, and this site can’t see whether it’s on."
        )
    if error.reason is RefusedReason.LINKED_PROVIDER:
        return _(
            "You can sign in with a password or through another organization. This site can’t "
            "see which one you used, so it can’t rely on an authenticator app."
        )
    return _("The account you signed in with isn’t linked to your account on this site.")


def scope_missing(reference: str) -> str:
    return _(
        "This site doesn’t have permission to set up two-step verification for you. You can’t "
        "fix this yourself. Contact support and quote reference %(reference)s."
    ) % {"reference": reference}
