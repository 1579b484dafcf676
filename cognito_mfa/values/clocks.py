"""Ages of stored and received times, from clocks that may differ or jump."""

from __future__ import annotations

import datetime as dt
import time

from django.utils import timezone

SKEW = 30  # seconds that the clocks of a site's servers, and Cognito's, may differ


def monotonic() -> float:
    """Return seconds by a clock that never jumps, for what a process remembers of its own; tests move it."""
    return time.monotonic()


def latest() -> dt.datetime:
    """Return the latest time that a correct clock may have stored by now, for queries.

    A later time comes from a clock that jumped, and is meaningless.
    """
    return timezone.now() + dt.timedelta(seconds=SKEW)


def seconds_since(moment: dt.datetime | float) -> float | None:
    """Return how many seconds ago ``moment`` was; at least zero.

    A time slightly in the future comes from a clock that is ahead of ours, and counts as now.

    Args:
        moment: a time with a zone, or seconds since the epoch.

    Returns:
        None for what is not a number, and for a time further in the future than clocks differ. It comes from a clock
        that jumped, and would not age for a long time.
    """
    at = moment.timestamp() if isinstance(moment, dt.datetime) else moment
    try:
        seconds = time.time() - at
    except (TypeError, OverflowError):  # what a session or a token has under that name
        return None
    if seconds >= 0.0:
        return seconds
    return 0.0 if seconds >= -SKEW else None
