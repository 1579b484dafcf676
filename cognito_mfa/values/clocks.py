"""How long ago something stored or received happened, told by clocks that may differ or jump."""

from __future__ import annotations

import datetime as dt
import time

from django.utils import timezone

SKEW = 30  # seconds that the clocks of a site's servers, and Cognito's, may differ


def latest() -> dt.datetime:
    """Return the latest moment that a clock of ours may have told by now, for queries.

    What is stored of a later one was told by a clock that jumped, and says nothing about when it was.
    """
    return timezone.now() + dt.timedelta(seconds=SKEW)


def seconds_since(moment: dt.datetime | float) -> float | None:
    """Return how many seconds ago ``moment`` was, never less than none.

    Whatever lies a little in the future happened just now, by a clock that is ahead of ours.

    Args:
        moment: a time with a zone, or seconds since the epoch.

    Returns:
        None for a time that no clock of ours should have told: further in the future than clocks differ,
        or not a number. Somebody's clock jumped, and taken as it is such a time would never age.
    """
    at = moment.timestamp() if isinstance(moment, dt.datetime) else moment
    seconds = time.time() - at
    if seconds >= 0.0:
        return seconds
    return 0.0 if seconds >= -SKEW else None
