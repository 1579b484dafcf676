"""Dates and times that tests may name at any hour of any day, and a clock that turns over in none of them.

A test that formats a time itself fails for an hour or two of each day, or twice a year: the date in UTC is not the date
of the site's zone, an hour that the clocks skip does not exist, and another one comes twice.
"""

from __future__ import annotations

import datetime as dt
import time

from django.utils import timezone

from cognito_mfa.local.clock import Clock

NOON = dt.time(12)
STEP = 30.0  # seconds for which an app shows a code


def clock() -> Clock:
    """Return the local Cognito's clock with half of a code's time left, or more: else the code would change between
    two lines of a test, one time in hundreds. It is less ahead of the machine's than clocks may differ.
    """
    now = time.time()
    left = STEP - now % STEP
    return Clock(now if left > STEP / 2 else now + left)


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
