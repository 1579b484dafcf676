"""The nightly sync: one task begins it, and each shard is its own task, which any worker can run."""

from __future__ import annotations

import datetime as dt
import logging
from contextlib import suppress
from enum import Enum
from typing import Any

from celery import shared_task
from django.utils import timezone

from cognito_mfa.authenticator import password_policy
from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.monitoring import log_events
from cognito_mfa.pool_sync.plan import RATE, Plan, Shard
from cognito_mfa.pool_sync.run_log import log_run
from cognito_mfa.pool_sync.synchronization import synchronize
from cognito_mfa.tasks.options import RELIABLE, TRANSIENT, again_after_failures, retry
from cognito_mfa.tasks.shared_redis import SharedLimiter, SharedRun, Turn, client

logger = logging.getLogger(__name__)

SHARDS = 2
MAX_SHARDS = 100
# Then a message of its own continues the shard: a worker that is told to end waits no longer than that, and Redis does
# not take the message for one of a killed worker, which it does after an hour.
PART = 600.0  # seconds
# The part that reads the list of the pool's users cannot be continued. It is enough for three million users.
LONG_PART = 2400.0  # seconds
BEGIN_WITHIN = 6 * 3600  # seconds
USE_BY = dt.timedelta(hours=20)  # the next night begins anew


@shared_task(bind=True, name="cognito_mfa.tasks.sync", expires=BEGIN_WITHIN, **RELIABLE)
@again_after_failures
def sync(
    self: Any,
    *,
    shards: int = SHARDS,
    rate: float = RATE,
    concurrency: int | None = None,
    finish_resets: bool = False,
    set_preference: bool = False,
) -> None:
    """Begin to refresh the status of all users, unless a sync is already running; for Celery's beat.

    Args:
        self: the task.
        shards: parts that workers do side by side.
        rate: users a second, of all workers together.
        concurrency: calls at a time in each shard; None for as many as the rate needs.
        finish_resets: as ``--finish-resets`` of ``cognito_mfa_sync``.
        set_preference: likewise.
    """
    if not 1 <= shards <= MAX_SHARDS:
        raise ValueError(f"shards must be from 1 to {MAX_SHARDS}")
    run = SharedRun(client(), self.request.id)
    begun = run.begin(shards)
    if begun is None:
        logger.warning(
            "sync_skipped: run %s, another one is running, or this one is finished", run.name
        )
        return
    logger.info("sync_started: run %s, shards %d", run.name, len(begun.shards))
    for number in begun.shards:
        sync_shard.delay(
            run=run.name,
            number=number,
            shards=shards,
            began=begun.at,
            rate=rate,
            concurrency=concurrency,
            finish_resets=finish_resets,
            set_preference=set_preference,
        )


@shared_task(bind=True, name="cognito_mfa.tasks.sync_shard", **RELIABLE)
@again_after_failures
def sync_shard(
    self: Any,
    *,
    run: str,
    number: int,
    shards: int,
    began: str,
    rate: float,
    concurrency: int | None = None,
    finish_resets: bool = False,
    set_preference: bool = False,
    continued: bool = False,
) -> None:
    """Refresh one shard, or a part of it; only ``sync`` calls it.

    Args:
        self: the task.
        run: the sync it belongs to.
        number: of the shard, from 1.
        shards: how many there are.
        began: when the sync did; who was checked since is skipped, so that nothing is done twice.
        rate: users a second, of all workers together.
        concurrency: calls at a time.
        finish_resets: as in ``sync``; the first part of each shard does it.
        set_preference: as in ``sync``.
        continued: whether an earlier part of the shard was done; the list of the pool's users is read by the first part
            of the first shard.
    """
    before = dt.datetime.fromisoformat(began)
    if timezone.now() - before > USE_BY:
        logger.warning("sync_expired: run %s, shard %d/%d", run, number, shards)
        return
    plan = Plan(
        shard=Shard(number, shards),
        before=before,
        seconds=PART if continued or number != 1 else LONG_PART,
        rate=rate,
        concurrency=concurrency,
        set_preference=set_preference,
        continued=continued,
        finish_resets=finish_resets and not continued,
    )
    try:
        outcome = _work(plan, run)
    except TRANSIENT as error:
        # Its text may contain the address.
        name = type(error).__name__
        log_events.write("sync_interrupted", f"run {run}, {name}", reason=name)
        raise retry(self) from None
    if outcome is Outcome.TROUBLE:
        raise retry(self)
    if outcome is Outcome.PART:
        self.apply_async(kwargs={**self.request.kwargs, "continued": True})


class Outcome(Enum):
    """The outcome of an execution."""

    OVER = "over"  # the shard is done, or another execution has it
    PART = "part"  # there is more to do
    TROUBLE = "trouble"  # Cognito does not answer, or not to this site


def _work(plan: Plan, name: str) -> Outcome:
    redis = client()
    run = SharedRun(redis, name)
    if not run.is_current:
        logger.info("sync_outdated: run %s, shard %s", name, plan.shard)
        return Outcome.OVER
    turn = Turn(redis, run, plan.shard.number)
    counts = synchronize(plan, limiter=SharedLimiter(plan.rate), stop=turn.has_ended)
    log_run(counts, f"run {run.name}, shard {plan.shard}", is_part=True)
    if plan.reads_list:
        _read_password_rules()
    if turn.is_over:
        return Outcome.OVER
    if counts.trouble:
        return Outcome.TROUBLE
    if counts.stopped:
        return Outcome.PART
    if run.finish(plan.shard.number):
        log_events.write("sync_finished", f"run {name}")
    return Outcome.OVER


def _read_password_rules() -> None:
    """Read the pool's password policy, which some sites' credentials cannot read."""
    with suppress(CognitoMFAError):
        password_policy.refresh()
