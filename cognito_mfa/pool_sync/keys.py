"""Streams the users who are due, least recently checked first, with memory for a part of the keys at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.db.models import F, Q, QuerySet

from cognito_mfa.authenticator import observation
from cognito_mfa.authenticator.observation import Known
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pool_sync.plan import Plan
from cognito_mfa.values import clocks

# Keys that one query returns. Each of them sorts what is due, since an index of the times would have to be changed at
# every sign-in.
WINDOW = 10_000
AHEAD = 2.0  # seconds for which rows are read before Cognito is asked about them
FEWEST, MOST = 20, 500  # rows read at once


def due(plan: Plan, before: dt.datetime) -> QuerySet[CognitoIdentity]:
    """Return the rows to ask about.

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


def stream(plan: Plan, before: dt.datetime) -> Iterator[Known]:
    """Yield each due row as it is shortly before Cognito is asked about it.

    Args:
        plan: of the run.
        before: as in ``due``.
    """
    size = max(FEWEST, min(MOST, int(plan.rate * AHEAD)))
    for keys in _windows(due(plan, before)):
        for first in range(0, len(keys), size):
            part = keys[first : first + size]
            # Again with the condition: a sign-in since may have settled it.
            found = {row.pk: row for row in observation.read(due(plan, before).filter(pk__in=part))}
            yield from (found[key] for key in part if key in found)


def _windows(rows: QuerySet[CognitoIdentity]) -> Iterator[list[Any]]:
    """Yield the keys of ``rows`` in parts.

    What was checked is no longer due, and what failed is not met again.
    """
    ordered = rows.order_by(F("checked_at").asc(nulls_first=True), "pk")
    rest = ordered
    while window := list(rest.values_list("checked_at", "pk")[:WINDOW]):
        yield [key for _, key in window]
        at, last = window[-1]
        if at is None:
            rest = ordered.filter(Q(checked_at=None, pk__gt=last) | Q(checked_at__isnull=False))
        else:
            rest = ordered.filter(Q(checked_at__gt=at) | Q(checked_at=at, pk__gt=last))
