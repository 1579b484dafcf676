"""How all tasks of this package are delivered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec, TypedDict

from celery import current_task
from celery.exceptions import Reject, SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError

from cognito_mfa.tasks.shared_redis import ERRORS

logger = logging.getLogger(__name__)
Given = ParamSpec("Given")

# Of what the site runs on, which is back after a while: its database, broker, and Redis. And a task that took too long.
TRANSIENT = (OperationalError, InterfaceError, BrokerError, SoftTimeLimitExceeded, *ERRORS)


class Options(TypedDict):
    """Arguments of ``shared_task``."""

    acks_late: bool
    reject_on_worker_lost: bool
    ignore_result: bool
    max_retries: int | None
    soft_time_limit: int
    time_limit: int


# The broker keeps a message until its task has ended, and delivers it again when the worker was killed.
# A task that is tried again ends by its age, not by a number of tries.
RELIABLE: Options = {
    "acks_late": True,
    "reject_on_worker_lost": True,
    "ignore_result": True,
    "max_retries": None,
    # Of their own, because a site's limit for all tasks would end a shard that takes ten minutes, and Celery confirms the
    # message of a task that it ended. Less than the hour after which Redis delivers a message again.
    "soft_time_limit": 3000,
    "time_limit": 3300,
}
TRIES_OF_OLDER_WORKERS = 8  # 36 minutes, in which a site should have restarted them
# Given up after five minutes and left to the next turn of the schedule, or such messages would pile up.
SCHEDULED: Options = {**RELIABLE, "max_retries": 5}


def again_after_failures(work: Callable[Given, None]) -> Callable[Given, None]:
    """Let the task ``work`` run again later where what it needs failed or took too long; its decorator.

    Celery confirms the message of a task that failed, which would lose it. So it would that of a newer version of this
    package, whose arguments an older worker does not know: a newer worker may take it later.
    """
    expected = signature(work)

    @wraps(work)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            expected.bind(*args, **kwargs)
        except TypeError:
            if current_task.request.retries >= TRIES_OF_OLDER_WORKERS:
                raise
            logger.warning(
                "task_unknown: %s, its arguments are of another version", current_task.name
            )
            raise retry(current_task) from None
        try:
            work(*args, **kwargs)
        except TRANSIENT as error:
            # Its text may contain an address.
            logger.warning("task_interrupted: %s %s", current_task.name, type(error).__name__)
            raise retry(current_task) from None

    return run


def seconds_until_retry(retries: int) -> float:
    """Return how long to wait before a task is tried again.

    10 seconds, doubled each time, at most 15 minutes.

    Args:
        retries: how often it was tried again already.
    """
    return min(10.0 * 2.0**retries, 900.0)


def retry(task: Any) -> Exception:
    """Return what ends this execution of ``task``, which runs again later until it expires."""
    countdown = seconds_until_retry(task.request.retries)
    try:
        wait: Exception = task.retry(countdown=countdown, throw=False)
    except Reject as rejected:  # the broker does not take the new message, so it must keep this one
        return Reject(rejected.args[0], requeue=True)
    return wait
