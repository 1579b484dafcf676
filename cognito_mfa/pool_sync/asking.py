"""Asks Cognito about many users at a time, in threads that only do that."""

from __future__ import annotations

import itertools
import math
import time
from functools import partial
from queue import Empty, SimpleQueue
from typing import NamedTuple

from cognito_mfa.authenticator.observation import Known
from cognito_mfa.cognito import admin_api
from cognito_mfa.cognito.call_failures import Failure, exception_for
from cognito_mfa.cognito.deadline import DEADLINE, begin
from cognito_mfa.cognito.types import Factors
from cognito_mfa.exceptions import UnavailableReason, UserGone
from cognito_mfa.pool_sync.plan import MAX_CONCURRENCY, Plan

SPARE = 4  # calls at a time beyond what the rate needs; also the limit before the first answer
SMOOTHING = 0.1  # the weight of one answer in the average


class Answer(NamedTuple):
    """What Cognito said about a user.

    Attributes:
        known: the user's row as it was read before.
        factors: what Cognito lists; None if the pool has no such user.
        enabled: whether the pool lets the user sign in; None if that was not asked.
        error: why there is no answer.
        seconds: how long it took.
        tries: how many times Cognito was asked about the user.
    """

    known: Known
    factors: Factors | None = None
    enabled: bool | None = None
    error: BaseException | None = None
    seconds: float = 0.0
    tries: int = 1


class Question(NamedTuple):
    """A question to Cognito about a user: the number of tries with this one, and when it was asked."""

    known: Known
    tries: int
    began: float


class Asker:
    """Keeps as many calls open as the rate needs, given the time that answers take.

    By Little's law, that is the rate times the time of an answer. Twice as many are allowed, so that a second of slow
    answers does not lower the rate.

    The threads are those that carry all calls, and they make them directly, so that no other thread waits for each of
    them. A question that is open at its deadline is abandoned here, and a later answer is not read.
    """

    def __init__(self, plan: Plan, *, each_enabled: bool) -> None:
        """Prepare, without asking yet.

        Args:
            plan: of the run.
            each_enabled: whether to look each user up in the list of users, too.
        """
        self._plan, self._each_enabled = plan, each_enabled
        self._patience = DEADLINE * (2 if each_enabled else 1)  # one for each call
        self._answers: SimpleQueue[tuple[int, Answer]] = SimpleQueue()
        self._numbers = itertools.count()
        self._open: dict[int, Question] = {}  # oldest first
        self._seconds = 0.0

    @property
    def open(self) -> int:
        """Return the number of open questions."""
        return len(self._open)

    @property
    def most(self) -> int:
        """Return how many calls may be open at a time."""
        if self._plan.concurrency is not None:
            return min(self._plan.concurrency, MAX_CONCURRENCY)
        return min(MAX_CONCURRENCY, math.ceil(self._plan.rate * self._seconds * 2) + SPARE)

    def ask(self, known: Known, *, tries: int = 1) -> None:
        """Ask about a user in another thread, without waiting.

        Args:
            known: the user's row.
            tries: the number of times, including this one.
        """
        number, question = next(self._numbers), Question(known, tries, time.monotonic())
        self._open[number] = question
        failure = begin(partial(self._ask, number, question), self._answers.put)
        if failure is not None:
            self._answers.put((number, _failed(question, failure)))

    def answer(self, *, wait: float = 0.0) -> Answer | None:
        """Return the next answer; None if there was none in time.

        Args:
            wait: the number of seconds.
        """
        try:
            number, answer = self._answers.get(timeout=wait) if wait else self._answers.get_nowait()
        except Empty:
            return self._overdue()
        if self._open.pop(number, None) is None:  # it was abandoned
            return self.answer()
        average = self._seconds or answer.seconds
        self._seconds = average + SMOOTHING * (answer.seconds - average)
        return answer

    def _overdue(self) -> Answer | None:
        """Return an answer that says that the oldest question timed out; None if it has time left."""
        number, oldest = next(iter(self._open.items()), (0, None))
        if oldest is None or time.monotonic() - oldest.began < self._patience:
            return None
        del self._open[number]
        late = Failure("transport", "", reason=UnavailableReason.DEADLINE_EXCEEDED)
        return _failed(oldest, late)

    def _ask(self, number: int, question: Question) -> tuple[int, Answer]:
        try:
            answer = self._read(question.known)
        except BaseException as error:  # noqa: BLE001 - raised again in the calling thread, or counted there
            answer = Answer(question.known, error=error)
        seconds = time.monotonic() - question.began
        return number, answer._replace(seconds=seconds, tries=question.tries)

    def _read(self, known: Known) -> Answer:
        try:
            factors = admin_api.read_factors(known.sub)
        except UserGone:
            return Answer(known)
        enabled = admin_api.is_enabled(known.sub) if self._each_enabled else None
        return Answer(known, factors, enabled)


def _failed(question: Question, failure: Failure) -> Answer:
    error = exception_for(admin_api.READS_FACTORS, failure)
    return Answer(question.known, error=error, tries=question.tries)
