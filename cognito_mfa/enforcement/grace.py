"""The roll-out's calendar: from when a person needs the second factor that the policy asks for.

It reads rows that are loaded already, and nothing that the person can move.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone

from cognito_mfa.conf import get_conf
from cognito_mfa.models import identity_of
from cognito_mfa.values.clocks import seconds_since


def deadline(user: Any) -> dt.datetime | None:
    """Return the moment from which ``user`` needs a second factor; None without any roll-out.

    The later of ``REQUIRED_FROM``, which is the same for everybody, and the end of the person's own
    ``GRACE_PERIOD``. A person whose beginning is not known has no period of their own.
    """
    conf = get_conf()
    moments = [conf.REQUIRED_FROM] if conf.REQUIRED_FROM else []
    if conf.GRACE_PERIOD and (since := first_seen(user)):
        moments.append(since + dt.timedelta(seconds=conf.GRACE_PERIOD))
    return max(moments, default=None)


def has_time(until: dt.datetime | None, *, at: dt.datetime | None = None) -> bool:
    """Tell whether ``until`` is still to come, ``at`` a moment that is by default now."""
    return until is not None and until > (at or dt.datetime.now(dt.UTC))


def first_seen(user: Any) -> dt.datetime | None:
    """Return since when the site knows ``user``: when they were linked, or when they joined.

    The earlier one, since people can bring about being linked, and the period must not start again.
    """
    identity = identity_of(user)
    given = [getattr(user, "date_joined", None), identity.created_at if identity else None]
    moments = [_aware(moment) for moment in given if moment]
    # Nobody joined in the future: by a clock that was ahead, the period would be longer by as much.
    return min((moment for moment in moments if seconds_since(moment) is not None), default=None)


def _aware(moment: dt.datetime) -> dt.datetime:
    """Return ``moment`` with a zone, which it lacks where USE_TZ is off."""
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment
