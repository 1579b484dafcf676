"""Stores when a run began, which is enough to continue it.

A run checks the least recently checked users first, and each write sets ``checked_at``. So the users who were not
checked since the run began are the rest of it.
"""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from cognito_mfa.conf import get_conf
from cognito_mfa.models import SyncRun
from cognito_mfa.pool_sync.plan import Shard
from cognito_mfa.values import clocks


def interrupted(shard: Shard) -> dt.datetime | None:
    """Return when the interrupted run over ``shard`` began; None if there is none.

    A time in the future comes from a clock that jumped.
    """
    rows = SyncRun.objects.in_pool().filter(
        shard=str(shard), finished_at=None, started_at__lte=clocks.latest()
    )
    return rows.values_list("started_at", flat=True).first()


def begin(shard: Shard, at: dt.datetime) -> None:
    """Store the beginning of a run.

    Args:
        shard: the part of the users.
        at: the time of the beginning. Users who were not checked since then are due.
    """
    values = {"started_at": at, "finished_at": None}
    SyncRun.objects.update_or_create(
        pool_id=get_conf().USER_POOL_ID, shard=str(shard), defaults=values
    )


def finish(shard: Shard, at: dt.datetime) -> None:
    """Store that every user of ``shard`` was checked.

    This does nothing if another run has begun since then, which may still be interrupted.

    Args:
        shard: the part of the users.
        at: as in ``begin``.
    """
    rows = SyncRun.objects.in_pool().filter(shard=str(shard), started_at=at)
    rows.update(finished_at=timezone.now())
