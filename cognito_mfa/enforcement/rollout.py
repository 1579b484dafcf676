"""Before MFA is enforced: who would have to set it up, and whom the gate would have blocked.

While a site observes, one row for each user counts the requests that would have been blocked, so that the table never
outgrows the site's users. A request that would pass writes nothing.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db import DatabaseError, IntegrityError
from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, Sum
from django.http import HttpRequest
from django.utils import timezone

from cognito_mfa.databases import atomic_for, current_rows
from cognito_mfa.enforcement import policy
from cognito_mfa.enforcement.block_log import view_name
from cognito_mfa.models import BlockedRequest, CognitoIdentity, MFAExemption, key_of
from cognito_mfa.monitoring import log_events

logger = logging.getLogger(__name__)

CHUNK = 2000  # rows in memory
RECORDED = "_cognito_mfa_recorded"  # of the request
RECENT = dt.timedelta(days=7)


class Summary(NamedTuple):
    """What was observed so far.

    Attributes:
        people: how many users would have been blocked at least once.
        recent: how many of them in the last seven days.
        requests: how many requests.
        since: when the first of them came; None without any.
        latest: when the last of them came; None without any.
    """

    people: int
    recent: int
    requests: int
    since: dt.datetime | None
    latest: dt.datetime | None


class Forecast(NamedTuple):
    """A user who has not set up MFA, and to whom the policy applies.

    Attributes:
        user: with their identity.
        until: the moment until which the rollout gives them time; None if they have none left.
    """

    user: Any
    until: dt.datetime | None


def record_would_block(request: HttpRequest, user: Any) -> None:
    """Log and count that a request would have been blocked. Failing to count blocks nothing.

    Args:
        request: counted once, however many guards ask.
        user: who would have been blocked.
    """
    if getattr(request, RECORDED, False):  # another guard of the same request was faster
        return
    setattr(request, RECORDED, True)
    log_events.write("would_block", user=key_of(user), view=view_name(request))
    if not key_of(user):  # a service, for example: only users are counted
        return
    try:
        with atomic_for(BlockedRequest):
            _count_request(user)
    except DatabaseError:
        logger.exception("would_block_not_counted: user %s", key_of(user))


def summary() -> Summary:
    """Return the figures for the overview, in one query."""
    recent = Count("pk", filter=Q(last_at__gte=timezone.now() - RECENT))
    figures = BlockedRequest.objects.aggregate(
        people=Count("pk"),
        recent=recent,
        total=Sum("requests"),
        since=Min("first_at"),
        latest=Max("last_at"),
    )
    return Summary(
        figures["people"],
        figures["recent"],
        figures["total"] or 0,
        figures["since"],
        figures["latest"],
    )


def _count_request(user: Any) -> None:
    mine = BlockedRequest.objects.filter(user_id=user.pk)
    if mine.update(requests=F("requests") + 1, last_at=timezone.now()):
        return
    try:
        with atomic_for(BlockedRequest):
            BlockedRequest.objects.create(user_id=user.pk)
    except IntegrityError:  # two first requests at once, or a user who was deleted in between
        mine.update(requests=F("requests") + 1, last_at=timezone.now())


def preview(*, at: dt.datetime | None = None) -> Iterator[Any]:
    """Yield the users who would have to set up MFA if it were enforced.

    ``ENFORCEMENT`` is not asked: the question is what would be if it said "enforce". Who is set up
    already is not among them, since a code is all that they need. Users are read one after another,
    each with the identity; a rule of the site's own is asked with a request that has a user, and
    nothing else.

    Args:
        at: the moment in question, by default now; aware.
    """
    return (one.user for one in forecast(at=at) if one.until is None)


def forecast(*, at: dt.datetime | None = None) -> Iterator[Forecast]:
    """Yield the users of ``preview``, and those who still have time at that moment.

    Args:
        at: the moment in question, by default now; aware.
    """
    for user in _candidates(at or timezone.now()).iterator(chunk_size=CHUNK):
        if policy.applicable_users() is not None or policy.applies_to(_request_of(user), user):
            until = policy.deadline(user)
            yield Forecast(user, until if policy.has_time(until, at=at) else None)


def _candidates(at: dt.datetime) -> Any:
    """Return the users who are not set up and have no exemption; the rule may apply to fewer of them."""
    set_up = CognitoIdentity.objects.in_pool().filter(
        CognitoIdentity.with_factor(), user=OuterRef("pk")
    )
    exempted = MFAExemption.objects.valid(at=at).filter(user=OuterRef("pk"))
    people = current_rows(get_user_model()).select_related("cognito_identity").order_by("pk")
    about = policy.applicable_users()
    return people.filter(policy.active_users(), Q() if about is None else about).exclude(
        Exists(set_up) | Exists(exempted)
    )


def _request_of(user: Any) -> HttpRequest:
    request = HttpRequest()
    request.user = user
    return request
