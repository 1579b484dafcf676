"""Formats values for pages of the admin: never raw, and a dash if there is none."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.translation import gettext as _

NONE = "–"


def moment(at: dt.datetime | None, *, none: str | Promise = NONE) -> str:
    """Return a date and time in the current language's format.

    Args:
        at: aware, where the site uses time zones.
        none: what is written without one.
    """
    return str(none) if at is None else date_format(_local(at), "DATETIME_FORMAT")


def day(at: dt.datetime | None, *, none: str | Promise = NONE) -> str:
    """Return the short date of ``at``, for lists; the whole of it is read when the pointer rests there.

    Args:
        at: as for ``moment``.
        none: what is written without one.
    """
    if at is None:
        return str(none)
    short = date_format(_local(at), "SHORT_DATE_FORMAT")
    return format_html('<span class="cognito-mfa-day" title="{}">{}</span>', moment(at), short)


def short_moment(at: dt.datetime) -> str:
    """Return a date and time in the shortest form of the language, for lists."""
    return date_format(_local(at), "SHORT_DATETIME_FORMAT")


def percent(value: float | None) -> str:
    """Return a percentage with its sign."""
    if value is None:
        return NONE
    decimals = 0 if value in (0, 100) else 1
    return _("%(number)s%%") % {"number": number_format(value, decimal_pos=decimals)}


def _local(at: dt.datetime) -> dt.datetime:
    return timezone.localtime(at) if timezone.is_aware(at) else at
