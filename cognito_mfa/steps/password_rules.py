"""The requirements of a new password, as texts for the page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cognito_mfa.authenticator import password_policy
from cognito_mfa.values.password_rules import PasswordRules


def context() -> dict[str, Any]:
    """Return the template context of pages that ask for a new password."""
    rules = password_policy.rules()
    return {"password_rules": texts(rules) if rules else []}


def texts(rules: PasswordRules) -> list[str]:
    """Return a line for each rule, in the order of the page."""
    length = ngettext(
        "At least %(length)d character", "At least %(length)d characters", rules.length
    ) % {"length": rules.length}
    needed = {
        _("An uppercase letter"): rules.uppercase,
        _("A lowercase letter"): rules.lowercase,
        _("A number"): rules.number,
        _("A symbol, such as ! or %, or a space that’s not at the beginning or end"): rules.symbol,
    }
    lines = [length, *(text for text, is_needed in needed.items() if is_needed)]
    if rules.history:
        lines.append(_("Different from the passwords you’ve used before"))
    return lines
