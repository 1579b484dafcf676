"""Limits the total time of a call, because botocore's timeouts apply to each packet.

A call is carried by a thread, so that its caller can stop waiting. Nothing else limits a reply that arrives byte by byte
or a hung DNS lookup. A thread that has carried a call waits for the next one, because a new thread for each call adds a
fifth to its processor time (``benchmarks/calls.py``).

Calls at a time are limited, because each has a thread and a connection, and a service that hangs would soon have all
of both. A call above the limit waits for a place, but not for long: the time that is left after it must be enough for
the call itself. Calls that were given up keep their thread, not their place, so the threads have a limit of their own.

Not a ``ThreadPoolExecutor``: its number of threads is fixed, so calls that hang would make others wait, and it waits for
its threads at the end of the process. Not a time limit on the sockets: it would need botocore's private classes, and
would not limit DNS.
"""

from __future__ import annotations

import contextvars
import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

from cognito_mfa.cognito.call_failures import Failure
from cognito_mfa.exceptions import UnavailableReason
from cognito_mfa.values import clocks

DEADLINE = 12.0  # seconds for the whole call, all attempts included
ENOUGH = 10.0  # seconds in which a service that works answers; botocore waits for up to 8
QUEUE = 3.0  # seconds of these that a call may wait for a place
IDLE = 30.0  # seconds for which a thread waits for its next call
CALLS = 50  # at a time, in each process
THREADS = 2 * CALLS  # those of calls that were given up included

_Answer = TypeVar("_Answer")
_ends_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("ends_at", default=None)
_is_begun: contextvars.ContextVar[bool] = contextvars.ContextVar("is_begun", default=False)


class _Job(NamedTuple):
    """A call, and what its answer is given to; so is a late one, which is never read."""

    context: contextvars.Context
    work: Callable[[], Any]
    deliver: Callable[[Any], object]


class CallThread(threading.Thread):
    """Carries one call after another; also marks whose log lines to drop.

    It ends when no call came for a while. As a daemon it never keeps a worker from stopping.
    """

    def __init__(self) -> None:
        super().__init__(name="cognito-mfa-call", daemon=True)
        self.jobs: SimpleQueue[_Job] = SimpleQueue()

    def run(self) -> None:
        while self._carry_next():
            pass
        with _lock:
            _alive.discard(self)

    def _carry_next(self) -> bool:
        """Carry one call; return False when none came."""
        job = self._next_job()
        if job is None:
            return False
        # SECURITY: whatever a variable of this frame holds, it holds no longer than the call.
        answer = _carry(job)
        # Idle before the answer is out: the caller's next call would find no idle thread and start another one.
        with _lock:
            _idle.append(self)
        job.deliver(answer)
        return True

    def _next_job(self) -> _Job | None:
        try:
            return self.jobs.get(timeout=IDLE)
        except Empty:
            pass
        with _lock:  # under which jobs are handed over
            if self in _idle:
                _idle.remove(self)
            return None if self.jobs.empty() else self.jobs.get()


# Threads without a call. The last one in is the first one out, so that those that are not needed end.
_idle: list[CallThread] = []
_alive: set[CallThread] = set()
_lock = threading.Lock()
_places = threading.Semaphore(CALLS)


@contextmanager
def within(seconds: float) -> Generator[None]:
    """Limit all calls in the block to ``seconds`` in total."""
    ends_at, outer = clocks.monotonic() + seconds, _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(ends_at, outer))
    try:
        yield
    finally:
        _ends_at.reset(token)


def run_within_deadline(work: Callable[[], _Answer | Failure]) -> _Answer | Failure:
    """Run ``work`` in another thread, and return its result, or a failure at the deadline.

    A call that hangs keeps its thread until it ends by itself.
    """
    left = _seconds_left()
    if left <= 0:
        return Failure("transport", "", reason=UnavailableReason.DEADLINE_EXCEEDED, sent="no")
    if _is_begun.get():
        return work()  # in the thread of ``begin``, whose caller limits the time
    ends_at, places = time.monotonic() + left, _places
    if not places.acquire(timeout=min(left, QUEUE)):
        return _too_many()
    try:
        return _run(work, ends_at)
    finally:
        places.release()


def begin(work: Callable[[], Any], deliver: Callable[[Any], object]) -> Failure | None:
    """Run ``work`` in a thread, in which its calls are made; never waits.

    Handing each of its calls to yet another thread would add a tenth to the processor time of each. So the deadline
    is the caller's: no later than that, it goes on without ``work``.

    Args:
        work: makes calls.
        deliver: is given what ``work`` returns, in that thread.

    Returns:
        why it was not begun; None otherwise.
    """
    places = _places
    if not places.acquire(blocking=False):
        return _too_many()

    def carry() -> Any:
        try:
            return work()
        finally:
            places.release()

    context = contextvars.copy_context()
    context.run(_is_begun.set, True)
    failure = _start(_Job(context, carry, deliver))
    if failure is not None:
        places.release()
    return failure


def is_shortened() -> bool:
    """Return whether a call that begins now has less time than others, so that a late answer says little."""
    return _seconds_left() < ENOUGH


def _run(work: Callable[[], _Answer | Failure], ends_at: float) -> _Answer | Failure:
    answers: SimpleQueue[_Answer | Failure] = SimpleQueue()
    failure = _start(_Job(contextvars.copy_context(), work, answers.put))
    if failure is not None:
        return failure
    try:
        return answers.get(timeout=max(0.0, ends_at - time.monotonic()))
    except Empty:
        return Failure("transport", "", reason=UnavailableReason.DEADLINE_EXCEEDED)


def _too_many() -> Failure:
    return Failure("transport", "", reason=UnavailableReason.TOO_MANY_CALLS, sent="no")


def _start(job: _Job) -> Failure | None:
    try:
        return None if _hand_over(job) else _too_many()
    except RuntimeError as error:  # no more threads on this machine, or the process is ending
        return Failure("setup", type(error).__name__, sent="no")


def _hand_over(job: _Job) -> bool:
    """Give ``job`` to an idle thread, or to a new one; return whether there is one."""
    with _lock:
        if _idle:
            _idle.pop().jobs.put(job)
            return True
        if len(_alive) >= THREADS:
            return False
        thread = CallThread()
        _alive.add(thread)
    thread.jobs.put(job)
    try:
        thread.start()
    except RuntimeError:
        with _lock:
            _alive.discard(thread)
        raise
    return True


def _carry(job: _Job) -> Any:
    """Return the answer, and raise nothing.

    Hooks for threads would see revealed secrets in the frames.
    """
    try:
        return job.context.run(job.work)
    except BaseException as error:  # noqa: BLE001 - a thread that ends here would be reported with its frames
        return Failure("reply", type(error).__name__)


def _forget_threads() -> None:
    """Start anew in a forked child.

    It has none of its parent's threads, and one of those may have held the lock.
    """
    global _idle, _alive, _lock, _places
    _idle, _alive, _lock, _places = [], set(), threading.Lock(), threading.Semaphore(CALLS)


os.register_at_fork(after_in_child=_forget_threads)


def _seconds_left() -> float:
    ends_at = _ends_at.get()
    return DEADLINE if ends_at is None else max(0.0, min(DEADLINE, ends_at - clocks.monotonic()))
