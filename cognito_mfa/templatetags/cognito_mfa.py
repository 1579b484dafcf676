"""Template tags: ``{% mfa_banner %}`` for the site's own pages, and tags and filters for values."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from cognito_mfa.enforcement import impersonation
from cognito_mfa.enforcement.policy import DEADLINE
from cognito_mfa.models import MFAEvent
from cognito_mfa.values import languages, moments

register = template.Library()


@register.inclusion_tag("cognito_mfa/partials/banner.html", takes_context=True)
def mfa_banner(context: template.Context) -> dict[str, Any]:
    """Show until when a user can set up two-step verification; nothing to users without such a deadline.

    The middleware noted the deadline on the request, so that the tag costs no query.
    """
    request = context.get("request")
    until: dt.datetime | None = getattr(request, DEADLINE, None)
    # Not while the user acts as another one: whose authenticator app would they set up?
    if request is None or until is None or impersonation.is_possible(request):
        return {"days_left": None}
    way = urlencode({"setup": "1", "next": request.get_full_path()})
    url = f"{reverse('cognito_mfa:sign_in')}?{way}"
    return {"days_left": _days_left(until), "until": until, "url": url}


def _days_left(until: dt.datetime) -> int:
    """Return the number of calendar days until ``until``."""
    zone = timezone.get_current_timezone()
    today = dt.datetime.now(zone).date()
    return max((until.astimezone(zone).date() - today).days, 0)


@register.filter
def with_zone(moment: dt.datetime) -> str:
    """Return a date and time in the active language, with its time zone: for emails."""
    return moments.with_zone(moment)


@register.simple_tag
def local_time(moment: dt.datetime) -> SafeString:
    """Show a date and time, which the script of our pages rewrites in the visitor's time zone."""
    return format_html(
        '<time datetime="{}" data-cognito-mfa-time>{}</time>',
        moments.localized(moment).isoformat(timespec="seconds"),
        moments.with_zone(moment),
    )


@register.filter
def local_clock(moment: dt.datetime) -> SafeString:
    """Show the time of a moment of today, likewise."""
    return format_html(
        '<time datetime="{}" data-cognito-mfa-time="clock">{}</time>',
        moments.localized(moment).isoformat(timespec="seconds"),
        moments.with_zone(moment, "TIME_FORMAT"),
    )


@register.simple_tag
def local_date(moment: dt.datetime) -> SafeString:
    """Show the day of a date and time, in the time zone in which days are counted."""
    local = moments.localized(moment)
    return format_html(
        '<time datetime="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        date_format(local, "DATE_FORMAT"),
    )


@register.filter
def isolated(text: object) -> SafeString:
    """Wrap a name that may be in any script, so that it does not reorder the sentence around it."""
    return format_html("<bdi>{}</bdi>", text)


@register.filter
def left_to_right(text: object) -> SafeString:
    """Wrap what is read from left to right in every language, such as a username or an address."""
    return format_html('<bdi dir="ltr">{}</bdi>', text)


@register.simple_tag
def device_name(name: str) -> SafeString:
    """Show the user's name for the device, or that it has none."""
    return isolated(name or gettext("Unnamed device"))


@register.filter
def renamed(event: MFAEvent) -> dict[str, str]:
    """Return the device's old and new name from a rename event; an empty name means none."""
    old, _arrow, new = event.detail.partition(" →")
    return {"old": old, "new": new.strip()}


@register.simple_tag
def page_language() -> str:
    """Return the language of our texts, which the page around them must have as well."""
    return languages.with_catalog()
