"""``{% load cognito_mfa %}{% mfa_banner %}``: how many days are left to set up a second factor.

The gate noted the deadline on the request when it let the person pass; nothing is looked up here, so
that the tag costs no query and works wherever the template is rendered.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from cognito_mfa.enforcement import impersonation
from cognito_mfa.enforcement.policy import DEADLINE

register = template.Library()


@register.inclusion_tag("cognito_mfa/partials/banner.html", takes_context=True)
def mfa_banner(context: template.Context) -> dict[str, Any]:
    """Show the banner to who has time left; nothing to everybody else."""
    request = context.get("request")
    until: dt.datetime | None = getattr(request, DEADLINE, None)
    # Not to somebody who acts as another user: whose authenticator app would they set up?
    if request is None or until is None or impersonation.is_possible(request):
        return {"days_left": None}
    way = urlencode({"setup": "1", "next": request.get_full_path()})
    return {"days_left": _days_left(until), "url": f"{reverse('cognito_mfa:sign_in')}?{way}"}


def _days_left(until: dt.datetime) -> int:
    """Return the whole days up to ``until``, as a calendar on the wall counts them."""
    zone = timezone.get_current_timezone()
    today = dt.datetime.now(zone).date()
    return max((until.astimezone(zone).date() - today).days, 0)
