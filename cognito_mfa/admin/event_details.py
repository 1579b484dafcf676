"""The details of events as texts of the admin: the log stores constants, which no catalog translates."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cognito_mfa.admin import formats
from cognito_mfa.authenticator import permissions
from cognito_mfa.authenticator.permissions import DenialReason
from cognito_mfa.authenticator.transitions import SWITCHED_ON, SWITCHING_ON
from cognito_mfa.authenticator.wrong_code_alerts import ALERTED
from cognito_mfa.exceptions import LinkRefusedReason as Refused
from cognito_mfa.models import CognitoIdentity, MFAEvent

Kind = MFAEvent.Kind
Label = str | Promise

# Constants of Cognito's and ours, wherever they stand in a detail.
CONSTANTS: Mapping[str, Label] = {
    **{status.value: status.label for status in CognitoIdentity.Status},
    **{factor.value: factor.label for factor in CognitoIdentity.Factor},
    "MFA_SETUP": gettext_lazy("Setup"),
    "SMS_OTP": gettext_lazy("Text message"),
    "DISABLED": gettext_lazy("Disabled"),
    "BY_HAND": gettext_lazy("By an administrator"),
    "MANAGED_LOGIN": gettext_lazy("Managed login"),
    "SIGN_IN": gettext_lazy("Sign-in"),
    "NEW_USER": gettext_lazy("New user"),
    "RESOLVER": gettext_lazy("Matched to an existing user"),
    "CONFIRMED": gettext_lazy("Confirmed by the user"),
    "RESTORED": gettext_lazy("Database restored"),
}
PHRASES: Mapping[str, Label] = {
    SWITCHED_ON: gettext_lazy("Turned on in Cognito"),
    SWITCHING_ON: gettext_lazy("Perhaps turned on in Cognito"),
    ALERTED: gettext_lazy("user notified by email"),
    "password": gettext_lazy("Password change not confirmed"),
}
ACTIONS: Mapping[str, Label] = {
    permissions.RESET.name: gettext_lazy("Reset authenticator app"),
    permissions.FINISH.name: gettext_lazy("Finish reset"),
    permissions.CLEAR.name: gettext_lazy("Unlock code entry"),
    permissions.GRANT.name: gettext_lazy("Grant exemption"),
    permissions.REVOKE.name: gettext_lazy("Revoke exemption"),
    permissions.REFRESH.name: gettext_lazy("Refresh status"),
    permissions.LINK.name: gettext_lazy("Link a user"),
    permissions.EXPORT.name: gettext_lazy("Export events"),
    permissions.COUNT.name: gettext_lazy("Update the overview"),
}
DENIALS: Mapping[str, Label] = {
    DenialReason.PERMISSION.value: gettext_lazy("no permission"),
    DenialReason.ONESELF.value: gettext_lazy("own account"),
    DenialReason.POWER.value: gettext_lazy("a user with more permissions"),
    DenialReason.POOL.value: gettext_lazy("another user pool"),
}
REFUSALS: Mapping[str, Label] = {
    Refused.NOT_A_USER: gettext_lazy("The site’s own code returned no user"),
    Refused.NOT_SAVED: gettext_lazy("The site’s own code returned a user that isn’t saved"),
    Refused.INACTIVE: gettext_lazy("The user is inactive"),
    Refused.STAFF: gettext_lazy("Staff are linked only by an administrator"),
    Refused.PERMISSIONS: gettext_lazy("Users with permissions are linked only by an administrator"),
    Refused.LINKED_TO_ANOTHER: gettext_lazy("The user is linked to another user pool user"),
    Refused.LINKED_IN_ANOTHER_POOL: gettext_lazy("The user is linked in another user pool"),
    Refused.RESOLVER_FAILED: gettext_lazy("The site’s own code failed"),
    Refused.SIGNED_IN_AS_ANOTHER_USER: gettext_lazy("Another user was signed in before"),
    Refused.DECLINED: gettext_lazy("The user declined"),
    Refused.ANOTHER_USER: gettext_lazy("Another user signed in before the answer"),
    Refused.SIGN_IN_EXPIRED: gettext_lazy("The sign-in expired before the answer"),
    Refused.EMAIL_NOT_VERIFIED: gettext_lazy("The user pool hasn’t verified the email address"),
    Refused.EMAIL_DIFFERS: gettext_lazy("The email address differs from the user pool’s"),
    Refused.ATTRIBUTES_UNKNOWN: gettext_lazy("Unknown whether the email address is verified"),
    Refused.NO_USER: gettext_lazy("The site creates no users, and none matches"),
    Refused.NOT_IN_POOL: gettext_lazy("No such user in the user pool"),
    Refused.SEVERAL_IN_POOL: gettext_lazy("Several users of the user pool match"),
    Refused.POOL_USERS_DIFFER: gettext_lazy("The values belong to different user pool users"),
    Refused.FEDERATED: gettext_lazy("The user signs in with another identity provider"),
    Refused.USER_LINKED: gettext_lazy("The user is linked to another user pool user"),
    Refused.OVERTAKEN: gettext_lazy("Changed by another sign-in or administrator"),
    Refused.GONE: gettext_lazy("The former user pool had deleted the user"),
    Refused.RESET_UNFINISHED: gettext_lazy("A reset is unfinished"),
    Refused.SEVERAL_USERS: gettext_lazy("Several users of the site match"),
    Refused.USERNAME_TAKEN: gettext_lazy("Another user has the username"),
    Refused.NO_VALID_USERNAME: gettext_lazy("The user pool has no username that the site accepts"),
    Refused.USER_NOT_CREATED: gettext_lazy("The site’s user model refused the new user"),
    Refused.LOGIN_FAILED: gettext_lazy("The site’s own code failed at the sign-in"),
    Refused.RIGHTS_NOT_SAVED: gettext_lazy("The user’s groups couldn’t be saved"),
    Refused.UPDATER_FAILED: gettext_lazy("The site’s own code refused to update the user"),
}
WITH_REFERENCE = (Kind.LINK_REFUSED, Kind.SIGN_IN_REFUSED)
_REFERENCE = re.compile(r"[0-9a-f]{8}")
_CONSTANT = re.compile(r"\b[A-Z][A-Z_]*[A-Z]\b")
_CHOSEN_BY_USERS = (
    Kind.RENAMED,
    Kind.SOFTWARE_TOKEN_VERIFIED,
    Kind.SOFTWARE_TOKEN_REPLACED,
    Kind.SOFTWARE_TOKEN_REMOVED,
    Kind.CHANGE_UNCONFIRMED,
)


def shown(event: MFAEvent) -> str:
    """Return the details of ``event`` as administrators read them; a dash where there are none."""
    detail = event.detail
    if not detail:
        return formats.NONE
    if event.kind in _CHOSEN_BY_USERS:  # a name, which may look like a constant
        return _renamed(detail) if event.kind == Kind.RENAMED else detail
    if event.kind in (Kind.EXEMPTION_GRANTED, Kind.EXEMPTION_REVOKED):
        return _until(detail)
    if event.kind == Kind.PERMISSION_DENIED:
        action, _colon, reason = detail.partition(": ")
        return f"{ACTIONS.get(action, action)} · {DENIALS.get(reason, reason)}"
    if event.kind == Kind.FAILURES_CLEARED and detail.isdecimal():
        return _("Failed attempts: %(count)s") % {"count": detail}
    return _translated(detail)


def shown_reason(event: MFAEvent) -> str:
    """Return the reason that staff entered, or a text for the site's reason to refuse; otherwise a dash."""
    if event.kind in WITH_REFERENCE:
        return str(REFUSALS.get(event.reason, event.reason)) or formats.NONE
    return event.reason or formats.NONE


def reference_in(text: str) -> str:
    """Return the reference of a refusal that was pasted into a search; empty for anything else."""
    word = text.strip(" .").lower()
    return word if _REFERENCE.fullmatch(word) else ""


def with_reference(events: QuerySet[MFAEvent], reference: str) -> QuerySet[MFAEvent]:
    """Return the refusals with ``reference``, which users quote; uses the index of event kinds.

    Args:
        events: of any kind.
        reference: as ``reference_in`` returns it.
    """
    return events.filter(kind__in=WITH_REFERENCE, detail__contains=f"reference {reference}")


def _renamed(detail: str) -> str:
    before, arrow, after = detail.partition(" → ")
    unnamed = _("Unnamed device")
    return f"{before or unnamed} → {after or unnamed}" if arrow else detail


def _until(detail: str) -> str:
    try:
        return _("Until: %(date)s") % {"date": formats.moment(dt.datetime.fromisoformat(detail))}
    except ValueError:
        return detail


def _translated(detail: str) -> str:
    parts = (str(PHRASES.get(part, part)) for part in detail.split(", "))
    return _CONSTANT.sub(lambda found: str(CONSTANTS.get(found[0], found[0])), ", ".join(parts))
