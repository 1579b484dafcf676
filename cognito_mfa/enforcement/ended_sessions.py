"""Responses for users whose session ends while they use it.

Their account was disabled or deleted in the user pool, they were away too long, or Cognito was last asked too long ago.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cognito_mfa.enforcement import gate, responses
from cognito_mfa.enforcement.account_state import EndReason
from cognito_mfa.enforcement.responses import MFA_REQUIRED, Denial

SIGN_IN = "cognito_mfa:sign_in"
AGAIN = {"again": "1"}


def _denial(ending: EndReason, title: str | Promise, query: dict[str, str]) -> Denial:
    return Denial(ending.value, title, SIGN_IN, query)


# The user is signed out, and not only asked for a code.
ENDED = (EndReason.DISABLED, EndReason.GONE, EndReason.UNLINKED, EndReason.SIGNED_OUT)
DENIALS = {
    ending: _denial(ending, title, query)
    for ending, title, query in (
        (
            EndReason.DISABLED,
            _("You were signed out because your account was disabled. Contact your site administrator."),
            {},
        ),
        (
            EndReason.GONE,
            _("You were signed out because your account no longer exists. Contact your site administrator."),
            {},
        ),
        (
            EndReason.UNLINKED,
            _("You were signed out because your sign-in is no longer linked to this account. Please sign in "
              "again."),
            {},
        ),
        (
            EndReason.SIGNED_OUT,
            _("You were signed out here because you signed out everywhere else. Please sign in again."),
            {},
        ),
        (
            EndReason.UNCHECKED,
            _("It’s been a while since your account was checked. Please sign in again."),
            AGAIN,
        ),
        (EndReason.IDLE, _("You were inactive for too long. Please sign in again."), AGAIN),
    )
}  # fmt: skip


def deny(request: HttpRequest, user: Any) -> HttpResponse:
    """Return the response for a blocked user, and sign out those whom the user pool no longer accepts.

    Args:
        request: which is blocked.
        user: who is blocked; None for a session whose user is no longer loaded.
    """
    ending = gate.end_reason(request, user)
    if ending is None:
        return responses.deny(request, MFA_REQUIRED)
    if ending in ENDED:
        logout(request)
    denial = DENIALS[ending]
    if responses.wants_page(request) or request.headers.get("HX-Request") == "true":
        messages.warning(request, str(denial.title), fail_silently=True)
    return responses.deny(request, denial)
