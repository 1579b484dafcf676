"""Why an administrator's action is refused, in the one sentence that applies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cognito_mfa.authenticator import permissions
from cognito_mfa.authenticator.permissions import DenialReason

Text = str | Promise

# Django's admin begins every message with a capital, so that no text begins with a name.
PERMISSION = _("You don’t have permission to do this.")
ANOTHER_POOL = _("User %(user)s belongs to another user pool.")
MORE_PERMISSIONS = _("User %(user)s has permissions that you don’t have.")


class Refusals(NamedTuple):
    """The texts of an action for each reason why it is not allowed.

    Attributes:
        oneself: to an administrator who tries it on themselves.
        superuser: to an administrator who is no superuser, about a superuser.
    """

    oneself: Text
    superuser: Text

    def text(self, reason: DenialReason, row: Any) -> str:
        """Return the sentence for ``reason``.

        Args:
            reason: from ``permissions.denial_reason``.
            row: what the action was about.
        """
        if reason is DenialReason.ONESELF:
            return str(self.oneself)
        if reason is DenialReason.POOL:
            return str(ANOTHER_POOL) % {"user": row}
        if reason is not DenialReason.POWER:
            return str(PERMISSION)
        if permissions.concerns_superuser(row):
            return str(self.superuser)
        return str(MORE_PERMISSIONS) % {"user": row}


def distinct(texts: Iterable[str]) -> list[str]:
    """Return each text once, in the order of their first appearance."""
    return list(dict.fromkeys(texts))
