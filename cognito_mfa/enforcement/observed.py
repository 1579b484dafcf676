"""Stops that did not happen: whom the gate would have stopped while the site only observes.

One row for each person, so that the table never outgrows the site's users. It is written when a
request would have been stopped, once, and never otherwise.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any, NamedTuple

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Count, F, Max, Min, Q, Sum
from django.http import HttpRequest
from django.utils import timezone

from cognito_mfa.models import ObservedStop, key_of

logger = logging.getLogger(__name__)

NOTED = "_cognito_mfa_noted"  # of the request
LATELY = dt.timedelta(days=7)


class Summary(NamedTuple):
    """What was observed so far.

    Attributes:
        people: how many would have been stopped at least once.
        lately: how many of them in the last seven days.
        stops: how many requests.
        since: when the first of them came; None without any.
        latest: when the last of them came; None without any.
    """

    people: int
    lately: int
    stops: int
    since: dt.datetime | None
    latest: dt.datetime | None


def note(request: HttpRequest, user: Any) -> None:
    """Log and count that ``request`` would have been stopped. Never stops it by failing."""
    if getattr(request, NOTED, False):  # another guard of the same request was faster
        return
    setattr(request, NOTED, True)
    match = request.resolver_match
    # Not the path: it may hold what a log must not.
    view = match.view_name if match else "unknown"
    logger.info("would_stop: user %s, view %s", key_of(user) or "unknown", view)
    if not key_of(user):  # a service, say: it is none of the people who are counted
        return
    try:
        with transaction.atomic():
            _count(user)
    except DatabaseError:
        logger.exception("A would-be stop could not be counted.")


def summary() -> Summary:
    """Return the figures for the overview, in one query."""
    lately = Count("pk", filter=Q(last_at__gte=timezone.now() - LATELY))
    figures = ObservedStop.objects.aggregate(
        people=Count("pk"),
        lately=lately,
        total=Sum("stops"),
        since=Min("first_at"),
        latest=Max("last_at"),
    )
    return Summary(
        figures["people"],
        figures["lately"],
        figures["total"] or 0,
        figures["since"],
        figures["latest"],
    )


def _count(user: Any) -> None:
    mine = ObservedStop.objects.filter(user_id=user.pk)
    if mine.update(stops=F("stops") + 1, last_at=timezone.now()):
        return
    try:
        with transaction.atomic():
            ObservedStop.objects.create(user_id=user.pk)
    except IntegrityError:  # two first stops at once, or a user who is gone meanwhile
        mine.update(stops=F("stops") + 1, last_at=timezone.now())
