"""Streams the users who are due, least recently checked first, with few keys in memory at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import F, Q, QuerySet

from cognito_mfa.authenticator import observation
from cognito_mfa.authenticator.observation import Known
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pool_sync.plan import Plan
from cognito_mfa.pool_sync.writing import persistently
from cognito_mfa.values import clocks

# Keys that one query returns. Each query sorts the due rows, because an index of the times would have to be changed at
# every sign-in.
WINDOW = 10_000
AHEAD = 2.0  # seconds before a user's turn, at which the row is read
FEWEST, MOST = 20, 500  # rows read at once


def due(plan: Plan, before: dt.datetime) -> QuerySet[CognitoIdentity]:
    """Return the rows of the users to check.

    Args:
        plan: of the run.
        before: rows that were checked since are not due.
    """
    # A time in the future comes from a clock that jumped.
    old = Q(checked_at=None) | Q(checked_at__lte=before) | Q(checked_at__gt=clocks.latest())
    rows = CognitoIdentity.objects.in_pool().filter(old)
    if plan.shard.of == 1:
        return rows
    return rows.annotate(_rest=F("pk") % plan.shard.of).filter(_rest=plan.shard.number - 1)


def stream(plan: Plan, before: Callable[[], dt.datetime]) -> Iterator[Known]:
    """Yield each due row, read shortly before Cognito is asked about it.

    Args:
        plan: of the run.
        before: returns the argument for ``due``, which becomes earlier if the clock jumped back.
    """
    size = max(FEWEST, min(MOST, int(plan.rate * AHEAD)))
    for keys in _windows(plan, before):
        for first in range(0, len(keys), size):
            # The condition again, because a sign-in since then may have checked the user.
            rows = due(plan, before()).filter(pk__in=keys[first : first + size])
            found = {row.pk: row for row in persistently(lambda: list(observation.read(rows)))}  # noqa: B023 - called here
            yield from (found[key] for key in keys[first : first + size] if key in found)


def _windows(plan: Plan, before: Callable[[], dt.datetime]) -> Iterator[list[Any]]:
    """Yield the keys of the due rows in parts.

    Rows that were checked are no longer due, and rows that failed do not come again.
    """
    after = Q()
    while True:
        rows = due(plan, before()).filter(after)
        ordered = rows.order_by(F("checked_at").asc(nulls_first=True), "pk")
        window = persistently(lambda: list(ordered.values_list("checked_at", "pk")[:WINDOW]))  # noqa: B023 - called here
        if not window:
            return
        yield [key for _, key in window]
        at, last = window[-1]
        if at is None:
            after = Q(checked_at=None, pk__gt=last) | Q(checked_at__isnull=False)
        else:
            after = Q(checked_at__gt=at) | Q(checked_at=at, pk__gt=last)
