"""The details of events in the words of the admin: the log keeps constants, which no catalog translates."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cognito_mfa.admin import formats
from cognito_mfa.authenticator import permissions
from cognito_mfa.authenticator.permissions import DenialReason
from cognito_mfa.authenticator.transitions import SWITCHED_ON
from cognito_mfa.authenticator.wrong_code_alerts import ALERTED
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
    "RESTORED": gettext_lazy("Database restored"),
}
PHRASES: Mapping[str, Label] = {
    SWITCHED_ON: gettext_lazy("Turned on in Cognito"),
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
