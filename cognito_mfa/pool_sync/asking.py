"""Asks Cognito about many users at a time, in threads that do nothing else."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import NamedTuple

from cognito_mfa.authenticator.observation import Known
from cognito_mfa.cognito import admin_api
from cognito_mfa.cognito.types import Factors
from cognito_mfa.exceptions import UserGone
from cognito_mfa.pool_sync.plan import MAX_CONCURRENCY, Plan

SPARE = 4  # calls at a time beyond what the rate needs, which is also how many there are before the first answer
SMOOTHING = 0.1  # the weight of one answer in the average


class Answer(NamedTuple):
    """What Cognito said about a user.

    Attributes:
        known: the user's row as it was read before.
        factors: what Cognito lists; None where the pool has no such user.
        enabled: whether the pool lets the user sign in; None where that was not asked.
        error: why there is no answer.
        seconds: how long it took.
        tries: how many times the user was asked about.
    """

    known: Known
    factors: Factors | None = None
    enabled: bool | None = None
    error: Exception | None = None
    seconds: float = 0.0
    tries: int = 1


class Asker:
    """Keeps as many calls open as the rate needs, at the time that answers take.

    By Little's law that is the rate times the time of an answer. Twice as many are allowed, so that a second of slow
    answers does not lower the rate.

    Not a ``ThreadPoolExecutor``: its futures, which no one would wait for, cost more than the queues, and its threads
    keep a process from ending.
    """

    def __init__(self, plan: Plan, *, each_enabled: Callable[[], object] | None) -> None:
        """Start no thread yet.

        Args:
            plan: of the run.
            each_enabled: waits until one more user may be asked for in the list of users; None where whether users
                are enabled is not asked for each of them.
        """
        self._plan, self._each_enabled = plan, each_enabled
        self._threads = 0
        self._questions: SimpleQueue[tuple[Known, int] | None] = SimpleQueue()
        self._answers: SimpleQueue[Answer] = SimpleQueue()
        self._seconds = 0.0
        self.open = 0

    @property
    def most(self) -> int:
        """Return how many calls may be open at a time."""
        if self._plan.concurrency is not None:
            return min(self._plan.concurrency, MAX_CONCURRENCY)
        return min(MAX_CONCURRENCY, math.ceil(self._plan.rate * self._seconds * 2) + SPARE)

    def ask(self, known: Known, *, tries: int = 1) -> None:
        """Ask about a user in another thread; never waits.

        Args:
            known: the user's row.
            tries: how many times that is, with this one.
        """
        self.open += 1
        self._questions.put((known, tries))
        if self._threads < self.open:
            self._threads += 1
            threading.Thread(target=self._work, name="cognito-mfa-sync", daemon=True).start()

    def answer(self, *, wait: float = 0.0) -> Answer | None:
        """Return the next answer, or None when none came.

        Args:
            wait: for so many seconds.
        """
        try:
            answer = self._answers.get(timeout=wait) if wait else self._answers.get_nowait()
        except Empty:
            return None
        self.open -= 1
        average = self._seconds or answer.seconds
        self._seconds = average + SMOOTHING * (answer.seconds - average)
        return answer

    def close(self) -> None:
        """Ask about no one else; a call that is open ends at its deadline by itself."""
        for _ in range(self._threads):
            self._questions.put(None)

    def _work(self) -> None:
        while (question := self._questions.get()) is not None:
            self._ask(*question)

    def _ask(self, known: Known, tries: int) -> None:
        began = time.monotonic()
        try:
            answer = self._read(known)
        except Exception as error:  # noqa: BLE001 - raised again in the calling thread, or counted there
            answer = Answer(known, error=error)
        self._answers.put(answer._replace(seconds=time.monotonic() - began, tries=tries))

    def _read(self, known: Known) -> Answer:
        try:
            factors = admin_api.read_factors(known.sub)
        except UserGone:
            return Answer(known)
        if self._each_enabled is None:
            return Answer(known, factors)
        self._each_enabled()
        return Answer(known, factors, enabled=admin_api.is_enabled(known.sub))
