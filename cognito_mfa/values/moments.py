"""Dates and times as people read them: in their language, and with the time zone they are in."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.formats import date_format


def localized(moment: dt.datetime) -> dt.datetime:
    """Return ``moment`` in the current time zone.

    A naive one is in the site's, as with ``USE_TZ = False``.
    """
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    return timezone.localtime(moment)


def with_zone(moment: dt.datetime, format_name: str = "DATETIME_FORMAT") -> str:
    """Return ``moment`` in the active language, such as ``Nov. 27, 2026, 7:26 a.m. (UTC+01:00)``.

    The offset and no name of the zone: "CST" and "IST" name several.

    Args:
        moment: a date and time.
        format_name: Django's name of the format; its parts depend on the language.
    """
    local = localized(moment)
    offset = local.isoformat()[-6:]
    zone = "UTC" if offset == "+00:00" else f"UTC{offset}"
    return f"{date_format(local, format_name)} ({zone})"
