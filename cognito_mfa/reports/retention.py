"""Deletes old events, resets, exemptions, and overview snapshots, which contain names and reasons.

It works in batches, so that no lock is held for long. An interrupted run can be started again.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Model, Q, QuerySet

from cognito_mfa.databases import atomic_for
from cognito_mfa.models import MFAEvent, MFAExemption, MFAReset, OverviewSnapshot

BATCH = 1000  # rows, in one transaction


def outdated(before: dt.datetime) -> dict[type[Model], QuerySet[Any]]:
    """Return the rows that had ended ``before`` this moment; unfinished resets and the last snapshot stay."""
    ended = Q(revoked_at__lt=before) | Q(expires_at__lt=before)
    last = OverviewSnapshot.objects.order_by("-taken_at", "-pk").values_list("pk", flat=True)[:1]
    return {
        MFAEvent: MFAEvent.objects.filter(at__lt=before),
        MFAReset: MFAReset.objects.filter(finished_at__lt=before),
        MFAExemption: MFAExemption.objects.filter(ended),
        OverviewSnapshot: OverviewSnapshot.objects.filter(taken_at__lt=before).exclude(
            pk__in=list(last)
        ),
    }


def purge(before: dt.datetime, *, actor: Any = None) -> dict[type[Model], int]:
    """Delete rows that have served their purpose, and record an event.

    Args:
        before: rows that had ended at this moment are deleted.
        actor: the user who asked; None for a command or a task.

    Returns:
        The number of deleted rows of each model.
    """
    gone = {model: _delete(rows) for model, rows in outdated(before).items()}
    if any(gone.values()):
        counts = ", ".join(f"{model.__name__} {number}" for model, number in gone.items())
        detail = f"before {before:%Y-%m-%d %H:%M}: {counts}"
        MFAEvent.objects.record(MFAEvent.Kind.EVENTS_PURGED, None, actor=actor, detail=detail)
    return gone


def _delete(rows: QuerySet[Any]) -> int:
    gone = 0
    while True:
        with atomic_for(rows.model):
            keys = list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
            if not keys:
                return gone
            gone += rows.filter(pk__in=keys).delete()[0]
