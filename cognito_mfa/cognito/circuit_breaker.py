"""Stops calling Cognito while it does not respond, so that no threads wait and users are told at once.

With 16 threads and calls that hang for 12 seconds, a site has less than two requests a second left for everything. So
after some failures in a row the circuit opens: calls fail at once as ``Unavailable`` and nothing is sent. It fails
closed: no one is signed in, no status changes, and users who are signed in are not affected, because their requests
call nothing. After ``PAUSE`` one call is let through. If Cognito answers it, the circuit closes.

- **What counts.** Only what says that the service fails: no connection, no answer in time, and its own internal errors.
  Whatever Cognito answers to what users send (a wrong code, a refusal, being throttled) shows that it works. What this
  machine lacks, and a deadline shorter than usual, say nothing.
- **Calls that hang count before they fail.** A failure takes 8 seconds or 12, and until then each call holds a thread of
  the web server, which may have no more than 8. So when a call has waited for ``OVERDUE``, and none was answered since,
  all that have waited for ``LATE`` count as failures. They continue, and their users are signed in if an answer still comes.
- **Failures in a row**, not a rate: one answer shows that the service works, and a mixture of both is what the limit of
  ``deadline`` on calls at a time is for.
- **The call that is let through** is a user's own, sent once like any other: nothing is called for the sake of asking, so
  nothing can be consumed twice. The next one is let through ``PAUSE`` after this one began, and never beside it: where
  Cognito hangs one user waits, and the circuit closes at most 12 seconds (the deadline) after Cognito is back.
- **One for each process**, because the settings name one pool at one endpoint. Other processes learn of the failure by
  their own calls. Without a shared memory there is none that can fail, or that an attacker can write to. A forked child
  starts closed, with connections of its own; so do new clients, after the settings changed.

Why not a library: of ``pybreaker`` (1.4.1, September 2025, BSD) and ``purgatory`` (3.0.1, November 2024, MIT) neither
had a release in the last year. pybreaker holds its lock during the call, so that all calls of a process would be made one
after another. purgatory lets every call through when its time is over, not one. Both use the time of day, which may
jump, and count exceptions, of which a call raises none here: they would carry revealed secrets.
"""

from __future__ import annotations

import contextvars
import math
import os
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

from cognito_mfa.cognito import deadline
from cognito_mfa.cognito.call_failures import Failure
from cognito_mfa.cognito.errors import SERVICE_FAILURES
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import UnavailableReason
from cognito_mfa.monitoring import log_events, metrics
from cognito_mfa.values import clocks

PAUSE = 5.0  # seconds from one call that is let through to the next
# Seconds within which the failures must be. A worker with a single thread takes a minute for five that hang.
WINDOW = 120.0
OVERDUE = (
    2.0  # seconds without any answer after which calls hang; an answer takes a tenth of a second
)
LATE = 1.0  # seconds after which a call is one of those
# Reasons of ours that say nothing about the service, because nothing was sent.
NOT_ASKED = (UnavailableReason.CIRCUIT_OPEN, UnavailableReason.TOO_MANY_CALLS)

State = Literal["off", "closed", "open", "half_open"]
_Answer = TypeVar("_Answer")


class Ticket(NamedTuple):
    """Allows one call.

    Attributes:
        epoch: raised each time that the circuit opens; failures of calls that began before were counted already.
        began: when the call was admitted, by the process's clock.
        is_probe: whether the circuit is open, and this call decides.
    """

    epoch: int
    began: float
    is_probe: bool = False


class CircuitBreaker:
    """What a process knows about the service: closed at first.

    Args:
        threshold: failures in a row that open it.
    """

    def __init__(self, threshold: int) -> None:
        self._lock = threading.Lock()
        self._threshold = threshold
        self._failed_at: deque[float] = deque(maxlen=threshold)
        self._waiting_since: list[float] = []  # of the calls under way, the earliest first
        self._answered_at = -math.inf
        self._epoch = 0
        self._opened_at: float | None = None
        self._next_probe_at = 0.0
        self._is_probing = False

    @property
    def state(self) -> State:
        """Return what happens to the next call."""
        if self._opened_at is None:
            return "closed"
        return "open" if self.seconds_to_wait() else "half_open"

    def seconds_to_wait(self) -> float:
        """Return after how many seconds a call is let through; 0 if the next call is."""
        with self._lock:
            if self._opened_at is None:
                return 0.0
            left = max(0.0, self._next_probe_at - clocks.monotonic())
            return (left or 1.0) if self._is_probing else left

    def admit(self) -> Ticket | None:
        """Return a ticket for a call, or None for a call that must not be made."""
        with self._lock:
            now = clocks.monotonic()
            if self._opened_at is not None:
                return self._admit_probe(now)
            failures, overdue = self._count_recent_failures(now), self._count_overdue(now)
            if not overdue or failures + overdue < self._threshold:
                self._waiting_since.append(now)
                return Ticket(self._epoch, now)
            self._open(now)
        _log_opened(failures, overdue)
        return None

    def allows(self, ticket: Ticket) -> bool:
        """Return whether the call of ``ticket`` may still be sent, which may have waited for a place."""
        return ticket.epoch == self._epoch

    def report(self, ticket: Ticket, works: bool | None) -> None:
        """Note the outcome of a call; call it for each ticket.

        Args:
            ticket: of the call.
            works: whether the service does; None where the call does not say it.
        """
        opened_at, opens = None, False
        with self._lock:
            is_current = ticket.epoch == self._epoch
            if is_current and ticket.is_probe:
                self._is_probing = False
            elif is_current:
                self._waiting_since.remove(ticket.began)
            if works:  # now, whenever the call began
                opened_at, self._opened_at = self._opened_at, None
                self._is_probing, self._answered_at = False, clocks.monotonic()
                self._failed_at.clear()
            elif works is False and is_current and not ticket.is_probe:
                opens = self._count_failure()
        # Not under the lock, because a handler may be slow.
        if opens:
            _log_opened(self._threshold, 0)
        if opened_at is not None:
            seconds = clocks.monotonic() - opened_at
            log_events.write("circuit_closed", f"after {seconds:.0f} seconds", seconds=seconds)

    def _count_failure(self) -> bool:
        """Count a failure; return whether it opens the circuit."""
        now = clocks.monotonic()
        self._failed_at.append(now)
        if self._count_recent_failures(now) < self._threshold:
            return False
        self._open(now)
        return True

    def _count_recent_failures(self, now: float) -> int:
        return sum(at >= now - WINDOW for at in self._failed_at)

    def _count_overdue(self, now: float) -> int:
        """Return how many calls hang: none while others are answered."""
        oldest = next(iter(self._waiting_since), math.inf)
        if max(oldest, self._answered_at) > now - OVERDUE:
            return 0
        return bisect_right(self._waiting_since, now - LATE)

    def _open(self, now: float) -> None:
        """Open the circuit; calls that are under way continue, and only an answer to one of them counts."""
        self._epoch += 1
        self._opened_at, self._next_probe_at = now, now + PAUSE
        self._waiting_since.clear()

    def _admit_probe(self, now: float) -> Ticket | None:
        if self._is_probing or now < self._next_probe_at:
            return None
        self._is_probing, self._next_probe_at = True, now + PAUSE
        return Ticket(self._epoch, now, is_probe=True)


def _log_opened(failures: int, overdue: int) -> None:
    log_events.write("circuit_opened", f"failures {failures}, overdue {overdue}")


_breaker: CircuitBreaker | None = None
_bypassed: contextvars.ContextVar[bool] = contextvars.ContextVar("bypassed", default=False)


def run(send: Callable[[], _Answer | Failure]) -> _Answer | Failure:
    """Return what ``send`` returns within the deadline, or a failure at once while the circuit is open.

    Args:
        send: makes a call to Cognito, in a thread of its own.
    """
    breaker = None if _bypassed.get() else _current()
    if breaker is None:
        return deadline.run_within_deadline(send)
    ticket = breaker.admit()
    if ticket is None:
        return _open()
    works: bool | None = None
    is_shortened = deadline.is_shortened()  # before the call, which uses the time up
    try:
        outcome = deadline.run_within_deadline(partial(_send_if_allowed, breaker, ticket, send))
        works = _shows_service_works(outcome, is_shortened=is_shortened)
    finally:  # also if the caller's thread is stopped: a probe that never ended would be the last one
        breaker.report(ticket, works)
    return outcome


def state() -> State:
    """Return the state of the circuit; ``off`` where the setting disables it."""
    breaker = _current()
    return "off" if breaker is None else breaker.state


def seconds_to_wait() -> float:
    """Return how many seconds to wait before the next call; 0 unless the circuit is open."""
    breaker = _current()
    return 0.0 if breaker is None else breaker.seconds_to_wait()


@contextmanager
def bypassed() -> Generator[None]:
    """Make the calls in the block regardless of the state, and don't count them, for operators' checks."""
    token = _bypassed.set(True)
    try:
        yield
    finally:
        _bypassed.reset(token)


def reset() -> None:
    """Forget what is known about the service: settings changed, or this is a forked child."""
    global _breaker
    _breaker = None


os.register_at_fork(after_in_child=reset)
metrics.observe_circuit(lambda: state() in ("open", "half_open"))


def _current() -> CircuitBreaker | None:
    global _breaker
    threshold = get_conf().CIRCUIT_BREAKER
    if threshold is None:
        return None
    breaker = _breaker
    if breaker is None:
        breaker = _breaker = CircuitBreaker(threshold)
    return breaker


def _open() -> Failure:
    return Failure("transport", "", reason=UnavailableReason.CIRCUIT_OPEN, sent="no")


def _send_if_allowed(
    breaker: CircuitBreaker, ticket: Ticket, send: Callable[[], _Answer | Failure]
) -> _Answer | Failure:
    """Send a call that has its place now; those that waited when the circuit opened would hang as well."""
    return send() if breaker.allows(ticket) else _open()


def _shows_service_works(outcome: Any, *, is_shortened: bool) -> bool | None:
    """Return whether the outcome of a call shows that the service works; None if it shows neither.

    Args:
        outcome: of the call.
        is_shortened: the call had less time than others.
    """
    if not isinstance(outcome, Failure):
        return True
    if outcome.kind == "cognito":
        return outcome.error.removesuffix("Exception") not in SERVICE_FAILURES
    if outcome.kind == "reply":  # of a firewall, say: an answer, and no thread waits for it
        return True
    if outcome.kind == "setup" or outcome.reason in NOT_ASKED:
        return None
    if outcome.reason is UnavailableReason.DEADLINE_EXCEEDED and is_shortened:
        return None
    return False
