"""Dates and times that tests may name at any hour of any day.

A test that formats a time itself fails for an hour or two of each day, or twice a year: the date in UTC is not the date
of the site's zone, an hour that the clocks skip does not exist, and another one comes twice.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

NOON = dt.time(12)


def today() -> dt.date:
    """Return the date where the site is."""
    return timezone.localdate()


def noon(days: int) -> dt.datetime:
    """Return noon where the site is, ``days`` from now: on each day it comes once, far from the days beside it."""
    return timezone.make_aware(dt.datetime.combine(today() + dt.timedelta(days=days), NOON))


def form_fields(days: int = 3, name: str = "expires_at") -> dict[str, str]:
    """Return ``noon`` as Django's two fields for a time have it in a POST."""
    day = today() + dt.timedelta(days=days)
    return {f"{name}_0": day.isoformat(), f"{name}_1": NOON.isoformat()}
