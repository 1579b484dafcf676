"""The summary on the page of one user: MFA required or set up, exemption, lock, and last sign-in.

It reads the database alone. Each answer is worked out when the page shows it.
"""

from __future__ import annotations

import datetime as dt
from functools import cached_property

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cognito_mfa.admin import formats
from cognito_mfa.authenticator import code_attempts, permissions
from cognito_mfa.enforcement import policy
from cognito_mfa.models import CognitoIdentity, MFAExemption, MFAReset

Status = CognitoIdentity.Status


class UserState:
    """The state of one user, as this site knows it."""

    def __init__(self, request: HttpRequest, identity: CognitoIdentity) -> None:
        self.request, self.identity = request, identity

    # ------------------------------------------------------------------------------------- what is so

    @cached_property
    def is_required(self) -> bool:
        """Whether the policy applies to the user, regardless of rollout dates and exemptions."""
        return policy.applies_to(self.request, self.identity.user)

    @cached_property
    def exemption(self) -> MFAExemption | None:
        """The valid exemption that ends last, or None."""
        valid = MFAExemption.objects.valid_for(self.identity.user)
        return valid.order_by("-expires_at", "-pk").first()

    @cached_property
    def counts(self) -> code_attempts.Counts:
        return code_attempts.counts(self.identity.username, sub=self.identity.sub)

    @cached_property
    def unfinished_reset(self) -> MFAReset | None:
        return self.identity.resets.unfinished().first()

    @property
    def is_locked(self) -> bool:
        """Whether no code is accepted until an administrator acts."""
        return max(self.counts.failures, self.counts.total) >= code_attempts.MAX_ATTEMPTS

    @property
    def may_be_unlocked(self) -> bool:
        """Whether there are failed attempts that unlocking resets."""
        return self.counts.failures > 0 and self.counts.total < code_attempts.MAX_ATTEMPTS

    # ------------------------------------------------------------------------------------- in words

    def requirement(self) -> str:
        """Return whether the site requires MFA of the user now."""
        if not policy.is_enforced():
            return _("No, because this site doesn’t enforce MFA")
        if not self.is_required:
            return _("No, it’s optional for this user")
        if self.exemption is not None:
            return _("No, because the user is exempt")
        until = policy.deadline(self.identity.user)
        if until is not None and policy.has_time(until):
            return _("From this date on: %(date)s") % {"date": formats.moment(until)}
        return _("Yes")

    def exempt_until(self) -> str:
        if self.exemption is None:
            return _("Not exempt")
        ends = formats.moment(self.exemption.expires_at)
        if not self._may_see_exemptions():
            return ends
        return _("%(date)s (%(reason)s)") % {"date": ends, "reason": self.exemption.reason}

    def code_entry(self) -> str:
        """Return whether codes are accepted, and how many failed."""
        failures = self.counts.failures
        if self.counts.total >= code_attempts.MAX_ATTEMPTS:
            return _("Locked until the authenticator app is reset")
        if self.is_locked:
            return _("Locked until an administrator unlocks it")
        if not failures:
            return _("Open, no failed attempts")
        told = ngettext(
            "%(count)d failed attempt in a row", "%(count)d failed attempts in a row", failures
        ) % {"count": failures}
        waits = self._waits_until()
        if waits is None:
            return _("Open, %(attempts)s") % {"attempts": told}
        return _("Paused until %(time)s, %(attempts)s") % {
            "time": formats.moment(waits),
            "attempts": told,
        }

    def last_sign_in(self) -> str:
        return formats.moment(getattr(self.identity.user, "last_login", None), none=_("Never"))

    def reset(self) -> str:
        """Return what is known about an unfinished reset."""
        unfinished = self.unfinished_reset
        if unfinished is None:
            return formats.NONE
        return _("%(error)s (requested: %(date)s)") % {
            "date": formats.moment(unfinished.requested_at),
            "error": unfinished.trouble or _("Interrupted"),
        }

    def obstacles(self) -> list[str]:
        """Return the known reasons why the user can't sign in."""
        identity, found = self.identity, []
        if not identity.in_this_pool:
            found.append(_("The account is linked to another user pool than this site uses."))
        if not getattr(identity.user, "is_active", True):
            found.append(_("The account is inactive on this site."))
        if identity.status == Status.GONE:
            found.append(_("The user pool has no such user."))
        if identity.disabled_at is not None:
            found.append(_("The user is disabled in the user pool."))
        if self.is_locked:
            found.append(_("Code entry is locked after too many wrong codes."))
        elif self._waits_until() is not None:
            found.append(_("Code entry is paused after wrong codes."))
        return found

    def _may_see_exemptions(self) -> bool:
        """Return whether the list of exemptions would show the administrator why."""
        user = self.request.user
        return permissions.has_permission(permissions.GRANT, user) or user.has_perm(
            "cognito_mfa.view_mfaexemption"
        )

    def _waits_until(self) -> dt.datetime | None:
        at = self.counts.last_at
        if at is None:
            return None
        wait = dt.timedelta(seconds=code_attempts.wait_after(self.counts.failures))
        return at + wait if at + wait > timezone.now() else None
