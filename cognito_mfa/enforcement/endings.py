"""What people are told whose session ends while they use it: disabled or deleted in the pool, away too long, or
not asked about at Cognito for too long.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cognito_mfa.enforcement import gate, responses
from cognito_mfa.enforcement.responses import SET_UP, Demand
from cognito_mfa.enforcement.standing import Ending

SIGN_IN = "cognito_mfa:sign_in"
AGAIN = {"again": "1"}


def _demand(ending: Ending, title: str | Promise, query: dict[str, str]) -> Demand:
    return Demand(ending.value, title, SIGN_IN, query)


DEMANDS = {
    ending: _demand(ending, title, query)
    for ending, title, query in (
        (
            Ending.DISABLED,
            _("Your account has been disabled, so you were signed out. Ask the people who run this site."),
            {},
        ),
        (
            Ending.GONE,
            _("Your account no longer exists, so you were signed out. Ask the people who run this site."),
            {},
        ),
        (
            Ending.UNCHECKED,
            _("It is too long ago that your account was checked. Please sign in once more."),
            AGAIN,
        ),
        (Ending.IDLE, _("You were away for too long. Please sign in once more."), AGAIN),
    )
}  # fmt: skip


def answer(request: HttpRequest, user: Any) -> HttpResponse:
    """Return what ``user`` gets, whom the gate stopped, and end the session of whom the pool shut out.

    Args:
        user: None for a session whose user is no longer loaded.
    """
    ending = gate.ending(request, user)
    if ending is None:
        return responses.answer(request, SET_UP)
    if ending in (Ending.DISABLED, Ending.GONE):
        logout(request)
    demand = DEMANDS[ending]
    if responses.wants_page(request) or request.headers.get("HX-Request") == "true":
        messages.warning(request, str(demand.title), fail_silently=True)
    return responses.answer(request, demand)
