"""What people are told when something goes wrong: what happened, and what to do next."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cognito_mfa.exceptions import (
    AccountActionNeeded,
    AttributesRejected,
    BadCode,
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
)

LONG = 90  # seconds; what is longer is told in minutes
# Why neither the person nor Cognito can do anything about it. One text for all: which of them it is may be about others.
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


def bad_credentials(_error: CognitoMFAError) -> list[str]:
    """Return the same for every cause: which it was would tell a stranger who exists, and in which state."""
    return [
        _("Name and password do not match. Check both and try again."),
        _("If you’ve tried several times, wait 15 minutes before you try again."),
    ]


def invited_long_ago() -> str:
    return _(
        "If you were invited more than a few days ago, ask your site administrator for a new invitation."
    )


def start_again(_error: CognitoMFAError | None = None) -> str:
    return _(
        "The sign-in took too long or was started again elsewhere. Please enter your password once more."
    )


def challenge_lost(error: ChallengeLost) -> str:
    if error.reason in (ChallengeLostReason.OVERTAKEN, ChallengeLostReason.ACCOUNT_CHANGED):
        return _(
            "Your account was changed while you were signing in. Please enter your password once more."
        )
    if error.reason is ChallengeLostReason.FACTOR_GONE:
        return _(
            "Your authenticator app is no longer set up for this account. Please enter your password once more."
        )
    if error.reason in (ChallengeLostReason.UNRECOGNIZED, ChallengeLostReason.NOT_OFFERED):
        return not_completed()
    return start_again()


def not_completed(_error: CognitoMFAError | None = None) -> str:
    return _("The sign-in couldn’t be completed. Please enter your password once more.")


def token_rejected(_error: TokenRejected) -> str:
    return _(
        "Your sign-in has expired or was ended elsewhere. Please enter your password once more."
    )


def busy(error: Busy) -> str:
    seconds = error.retry_after
    if error.reason is BusyReason.THROTTLED:
        return ngettext(
            "The sign-in service is busy. Wait %(seconds)d second, then try again.",
            "The sign-in service is busy. Wait %(seconds)d seconds, then try again.",
            seconds,
        ) % {"seconds": seconds}
    if seconds > LONG:
        minutes = -(-seconds // 60)
        return ngettext(
            "Too many attempts at the moment. Wait %(minutes)d minute, then try again.",
            "Too many attempts at the moment. Wait %(minutes)d minutes, then try again.",
            minutes,
        ) % {"minutes": minutes}
    return ngettext(
        "Too many attempts at the moment. Wait %(seconds)d second, then try again.",
        "Too many attempts at the moment. Wait %(seconds)d seconds, then try again.",
        seconds,
    ) % {"seconds": seconds}


def failed(reference: str) -> str:
    return _(
        "The sign-in service does not answer as it should. Nothing has been lost: please try again in a moment. "
        "If it goes on, tell support the reference %(reference)s."
    ) % {"reference": reference}


def wrong_sent_code() -> str:
    return _("This code does not fit. Use the newest one that was sent to you.")


def wrong_code(error: BadCode) -> str:
    if error.already_used:
        return _("This code has been used already. Wait until the app shows the next one.")
    return _(
        "This code does not fit. Use the newest code of the entry for this site, and check that the date and time "
        "of your device are set automatically."
    )


def wrong_recovery_code() -> str:
    return _(
        "That recovery code didn’t work. Check it, or use another one. Each code works once, and only the codes "
        "that you created last are valid."
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
        "No recovery codes were created, because your security settings changed in the meantime."
    )


def reset_not_accepted() -> str:
    # One text for a wrong code, an expired one, and a password used before: Cognito calls the codes of unknown users
    # expired, and only users who exist have passwords of before.
    return _(
        "That didn’t work. Check that the code is from the latest message and less than an hour old, and choose a "
        "password that you haven’t used before."
    )


def wrong_password() -> str:
    return _("This isn’t your current password.")


def password_not_changed() -> str:
    return _("Your password was not changed.")


def reset_took_too_long() -> str:
    return _(
        "Resetting your password took too long. If you still have a valid code, enter your username and choose "
        "“I already have a code”."
    )


def password_rejected(error: PasswordRejected) -> list[str]:
    rules = {
        "length": _("The password is too short."),
        "too_long": _("The password is too long."),
        "uppercase": _("The password needs an upper-case letter."),
        "lowercase": _("The password needs a lower-case letter."),
        "number": _("The password needs a number."),
        "symbol": _("The password needs a sign such as ! or %."),
        "history": _("You have used this password before. Choose another one."),
    }
    return [rules[rule] for rule in error.rules] or [
        _("The password is not accepted. Choose another one.")
    ]


def attribute_rejected(error: AttributesRejected) -> str:
    if error.already_set:
        return _(
            "Your account has this already, and it can’t be changed here. Leave the field empty."
        )
    if error.taken:
        return _("This can’t be used for your account. Enter another value.")
    return _("This wasn’t accepted. Check the format and try again.")


def failed_for_good(reference: str) -> str:
    return _(
        "The sign-in service does not answer as it should. If it goes on, tell support the reference %(reference)s."
    ) % {"reference": reference}


def change_stopped(*, at_picture: bool) -> str:
    # Cognito once dropped the old secret as soon as a new one was asked for, and no longer says whether it does
    # ("Associating again" in docs/cognito-behavior.md): once the QR code was shown, nothing is promised.
    if at_picture:
        return _(
            "The change was stopped, and the new entry was not confirmed: delete it. Go on with the entry you had."
        )
    return _("The change was stopped. Nothing has changed: your authenticator app works as before.")


def change_was_lost() -> str:
    return _(
        "The change was not finished: it took too long, or something else was changed meanwhile. "
        "This page shows what counts now."
    )


def removal_not_allowed(error: RemovalNotAllowed) -> str:
    if error.by == "policy":
        return _("This site requires a second step of you, so it cannot be turned off.")
    if error.by == "factor":
        return _(
            "Two-step verification can’t be turned off because your account has no other way to confirm a "
            "sign-in. Nothing has changed."
        )
    if error.by == "unknown":
        return _(
            "We could not find out whether the second step may be turned off. Nothing has changed; try again later."
        )
    return _(
        "The user pool of this site requires a second step of everybody, so it cannot be turned off."
    )


def code_attempts_locked(_error: CodeAttemptsLocked) -> str:
    return _(
        "Too many wrong codes have been entered for this account. To protect it, no more codes are accepted "
        "until the people who run this site have checked that it is you."
    )


def password_reset_needed(_error: AccountActionNeeded) -> str:
    return _("The password of this account must be reset before you can sign in.")


def challenge_not_supported(_error: ChallengeNotSupported) -> str:
    return _("Your account asks for a way to sign in that this site does not offer.")


def refused(error: Refused) -> str:
    if error.reason is RefusedReason.TRIGGER:
        return error.message or _("The rules of this site don’t allow this sign-in.")
    if error.reason is RefusedReason.RISK:
        return _(
            "This sign-in was blocked to protect the account. Try again later, or from a device and a network "
            "that you have used before."
        )
    if error.reason is RefusedReason.NO_METHOD:
        return _("Your account has no way to confirm this sign-in, such as an authenticator app.")
    return _("This account cannot be used on this site.")


def link_refused(error: LinkRefused) -> str:
    if error.reason in ONLY_THE_SITE_CAN_ACT:
        return _(
            "Your account couldn’t be opened on this site. A site administrator has to change something here before "
            "you can sign in."
        )
    if error.reason not in (LinkRefusedReason.STAFF, LinkRefusedReason.PERMISSIONS):
        return refused(error)
    return _(
        "The account on this site has special rights. Only the people who run this site can connect another "
        "account to it."
    )


def entry_stays_valid() -> str:
    return _(
        "Your authenticator app is set up. Keep its entry for this site to sign in once an administrator has helped."
    )


def link_declined() -> str:
    return _(
        "The two accounts were not connected. To use the other one, sign out here first, then sign in."
    )


def setup_took_too_long() -> str:
    return _("The set-up took too long or was started again elsewhere. Please sign in once more.")


def sign_in_again(error: SignInAgain) -> str:
    if error.reason is SignInAgainReason.ALREADY_SET_UP:
        return _(
            "You have set up an authenticator app already. Sign in once more: you will be asked for its code."
        )
    if error.reason is SignInAgainReason.PROOF_UNKNOWN:
        return _(
            "You have set up an authenticator app already, and this site could not see whether you entered its code."
        )
    return _("For this, your last sign-in is too long ago. Please sign in once more.")


def federated(provider: str) -> str:
    return _(
        "You sign in through %(provider)s. A second step for your account can only be set up there, and this "
        "site cannot see whether it was."
    ) % {"provider": provider}


def no_setup(error: CognitoMFAError) -> str:
    if error.reason is RefusedReason.FEDERATED:
        return _(
            "You sign in through another organisation. A second step for your account can only be set up there, "
            "and this site cannot see whether it was."
        )
    if error.reason is RefusedReason.LINKED_PROVIDER:
        return _(
            "You can sign in with a password or through another organisation. This site cannot see which of the "
            "two you used, so it cannot rely on an authenticator app."
        )
    return _(
        "The account that you signed in with does not belong to the one you have on this site."
    )


def scope_missing(reference: str) -> str:
    return _(
        "This site is not allowed to set up a second step for you. You cannot change that: tell the people who run "
        "it the reference %(reference)s."
    ) % {"reference": reference}
