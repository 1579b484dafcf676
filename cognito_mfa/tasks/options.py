"""How all tasks of this package are delivered."""

from __future__ import annotations

from typing import Any, TypedDict


class Options(TypedDict):
    """Arguments of ``shared_task``."""

    acks_late: bool
    reject_on_worker_lost: bool
    ignore_result: bool
    max_retries: int | None


# The broker keeps a message until its task has ended, and delivers it again when the worker was killed.
# A task that is tried again ends by its age, not by a number of tries.
RELIABLE: Options = {
    "acks_late": True,
    "reject_on_worker_lost": True,
    "ignore_result": True,
    "max_retries": None,
}


def seconds_until_retry(retries: int) -> float:
    """Return how long to wait before a task is tried again: 10 seconds, doubled each time, at most 15 minutes.

    Args:
        retries: how often it was tried again already.
    """
    return min(10.0 * 2.0**retries, 900.0)


def retry(task: Any) -> Exception:
    """Return what ends this execution of ``task``, which runs again later until it expires."""
    countdown = seconds_until_retry(task.request.retries)
    wait: Exception = task.retry(countdown=countdown, throw=False)
    return wait
