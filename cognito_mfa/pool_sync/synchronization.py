"""A run: checks every due user at Cognito, saves the result, and compares the pool's list of users."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from django.utils import timezone

from cognito_mfa.authenticator import observation
from cognito_mfa.authenticator.observation import Known
from cognito_mfa.exceptions import (
    Busy,
    CognitoMFAError,
    Misconfigured,
    ServiceError,
    Unavailable,
    UnavailableReason,
)
from cognito_mfa.pool_sync import keys, listing, repairs
from cognito_mfa.pool_sync.asking import Answer, Asker
from cognito_mfa.pool_sync.listing import Lister, Page
from cognito_mfa.pool_sync.pacing import GROUP, TokenBucket
from cognito_mfa.pool_sync.plan import (
    BATCH,
    LIST_RATE,
    UPDATE_RATE,
    Counts,
    Failed,
    Limiter,
    Plan,
    Progress,
    Told,
)
from cognito_mfa.pool_sync.writing import Writer, persistently

TRIES = 5  # for each user whose call fails or is throttled while Cognito answers others
# Minutes for which Cognito may throttle every call before the run ends, because other applications' load may pass.
THROTTLED_MINUTES = 15
GIVE_UP_AFTER = 10  # failures in a row; Cognito or the network is the likely cause
# Errors about one user, such as a ``sub`` that Cognito does not accept, which do not concern the next user.
ERRORS_OF_ONE_USER = frozenset({"ParamValidationError", "InvalidParameterException"})
# Nothing was sent, so this user did not fail. The probing calls of the circuit breaker can fail.
NOT_ASKED = (UnavailableReason.CIRCUIT_OPEN, UnavailableReason.TOO_MANY_CALLS)
WRITE_EVERY = 2.0  # seconds, or ``BATCH`` users if that is sooner
WAIT = 0.1  # seconds to wait for an answer before doing other work
PATIENCE = 15.0  # seconds for the calls that are open when a run is stopped; longer than the deadline of one
MODE_EVERY = 60.0  # seconds for which the run remembers whether the pool requires MFA


def synchronize(
    plan: Plan | None = None,
    *,
    limiter: Limiter | None = None,
    progress: Progress | None = None,
    told: Told | None = None,
    stop: Callable[[], bool] | None = None,
    counts: Counts | None = None,
) -> Counts:
    """Ask Cognito about every due user, and write what it says.

    Args:
        plan: which users, how fast, and what is written.
        limiter: a pace that is shared with other processes, besides ``plan.rate``.
        progress: called with the counts so far after each write.
        told: called for each user who changed, or about whom Cognito gave no answer.
        stop: called before each user; returns whether to end. Answers until then are written.
        counts: gets the results, even if the database fails; new ones by default.

    Returns:
        The results. ``trouble`` says why the run ended early.
    """
    return _Run(plan or Plan(), limiter, progress, told, stop, counts=counts or Counts()).execute()


class _Run:
    def __init__(
        self,
        plan: Plan,
        limiter: Limiter | None,
        progress: Progress | None,
        told: Told | None,
        stop: Callable[[], bool] | None,
        *,
        counts: Counts,
    ) -> None:
        self.plan, self.limiter, self.progress, self.told = plan, limiter, progress, told
        self.told_to_stop = stop
        self.counts = counts
        self._before = plan.before or timezone.now()
        self.began = time.monotonic()
        one_by_one = not plan.list_pool
        self.asker = Asker(plan, each_enabled=one_by_one)
        self.lister = Lister() if plan.reads_list else None
        rate = min(plan.rate, LIST_RATE) if one_by_one else plan.rate
        self.pace = TokenBucket(rate, sleep=self._rest, group=GROUP)
        self.changes_pace = TokenBucket(UPDATE_RATE)
        self.writer = Writer(
            plan, self.counts, told, _remembering(observation.list_may_be_incomplete)
        )
        self.answers: list[Answer] = []
        self.again: deque[tuple[Known, int]] = deque()
        self.failures_in_a_row = 0
        # Since when every call is throttled; None if the last one was answered.
        self.throttled_since: float | None = None
        self.written_at = self.began

    def before(self) -> dt.datetime:
        """Return the moment since which users must have been checked to be done.

        If the clock jumps back, or is behind the one that began the run, this is the present. Otherwise, users who are
        written from now on would be due again and again.
        """
        self._before = min(self._before, timezone.now())
        return self._before

    def execute(self) -> Counts:
        try:
            if self.plan.finish_resets:
                repairs.finish_resets(self.plan, self.counts, self.changes_pace, self._must_end)
            due = keys.due(self.plan, self.before()).count()
            self.counts.total = min(due, self.plan.limit or due)
            if self.lister is not None:
                self.lister.start()
            self._ask_all()
            self._settle()
            self._read_the_list()
        finally:
            if self.lister is not None:
                self.lister.close()
        counts = self.counts
        counts.stopped = not counts.trouble and self._must_end()
        reached_limit = self.plan.limit is not None and due > self.plan.limit
        counts.complete = not (
            counts.trouble or counts.list_trouble or counts.stopped or reached_limit
        )
        self._tell()
        return counts

    # ----------------------------------------------------------------------------------- asking

    def _ask_all(self) -> None:
        for known, tries in self._questions():
            if self._must_end():
                return
            while self.asker.open >= self.asker.most and not self._must_end():
                self._take(wait=WAIT)
            rested = self.pace.acquire()
            if self._must_end():
                return
            if self.limiter is not None:
                self.limiter.acquire()
            self.asker.ask(known, tries=tries)
            if rested or self.limiter is not None:
                self._take()

    def _rest(self, seconds: float) -> None:
        """Wait for the next call, which may take long at a low rate. End early if the run must end."""
        while seconds > 0 and not self._must_end():
            time.sleep(min(seconds, WAIT))
            seconds -= WAIT
            if seconds > 0:
                self._take()

    def _questions(self) -> Iterator[tuple[Known, int]]:
        """Yield the users to check, including those who must be tried again."""
        for known in islice(keys.stream(self.plan, self.before), self.plan.limit):
            yield known, 1
            while self.again:
                yield self.again.popleft()
        while (self.asker.open or self.answers or self.again) and not self._must_end():
            while self.again:
                yield self.again.popleft()
            self._take(wait=WAIT)
            if not self.asker.open:
                self._write()

    def _must_end(self) -> bool:
        if self.counts.trouble:
            return True
        if self.plan.seconds is not None and time.monotonic() - self.began >= self.plan.seconds:
            return True
        return self.told_to_stop is not None and self.told_to_stop()

    def _settle(self) -> None:
        """Wait for the open calls, unless Cognito is the problem, and write their answers."""
        until = time.monotonic() + PATIENCE
        while self.asker.open and not self.counts.trouble and time.monotonic() < until:
            self._take(wait=WAIT)
        self._write()

    # ---------------------------------------------------------------------------------- answers

    def _take(self, *, wait: float = 0.0) -> None:
        """Handle answers, and pages of the list."""
        answer = self.asker.answer(wait=wait)
        while answer is not None:
            self._handle(answer)
            answer = self.asker.answer()
        if self.lister is not None and (page := self.lister.page()) is not None:
            self._compare(page, self.lister.pace)
        if self.answers and time.monotonic() - self.written_at >= WRITE_EVERY:
            self._write()

    def _handle(self, answer: Answer) -> None:
        error = answer.error
        if self.counts.trouble:  # the run is over, and the next one checks the user
            return
        if error is None:
            self.failures_in_a_row, self.throttled_since = 0, None
            self.answers.append(answer)
            if len(self.answers) >= BATCH:
                self._write()
        elif not isinstance(error, CognitoMFAError):
            raise error
        elif error.reason in NOT_ASKED:
            self.pace.slow_down()
            self.again.append((answer.known, answer.tries))
        elif isinstance(error, Busy):
            self._ask_later(answer, error)
        elif isinstance(error, Unavailable) and answer.tries < TRIES and not self._gives_up():
            self.again.append((answer.known, answer.tries + 1))
        else:
            self._fail(answer.known, error)

    def _ask_later(self, answer: Answer, error: Busy) -> None:
        """Slow down, and try the user again, at most ``TRIES`` times.

        Tries do not count while every call is throttled, because that is not about the user.
        """
        self.pace.slow_down()
        now = time.monotonic()
        is_own = self.throttled_since is None
        since = self.throttled_since = now if self.throttled_since is None else self.throttled_since
        if now - since >= THROTTLED_MINUTES * 60:
            self.counts.trouble = f"Cognito throttled every call for {THROTTLED_MINUTES} minutes."
        elif is_own and answer.tries >= TRIES:
            self._fail(answer.known, error)
        else:
            self.again.append((answer.known, answer.tries + is_own))

    def _fail(self, known: Known, error: CognitoMFAError) -> None:
        self.counts.failed += 1
        if self.told is not None:
            self.told(Failed(known.username, str(error)))
        if error.error in ERRORS_OF_ONE_USER:
            return
        if isinstance(error, Misconfigured):
            self.counts.trouble = f"{error.hint or error}"  # it would fail for the next user, too
        elif isinstance(error, ServiceError) and self._gives_up():
            self.counts.trouble = f"Stopped after {GIVE_UP_AFTER} failures in a row."

    def _gives_up(self) -> bool:
        """Count a failure that is not about one user, and return whether there were too many in a row."""
        self.failures_in_a_row += 1
        return self.failures_in_a_row >= GIVE_UP_AFTER

    # ---------------------------------------------------------------------------------- writing

    def _write(self) -> None:
        """Write the answers. A user who changed since then is checked again, if still due."""
        answers, self.answers = self.answers, []
        self.written_at = time.monotonic()
        if not answers:
            return
        lost: list[Answer] = []
        if self.plan.set_preference and not self.plan.dry_run:
            lost = [one for one in answers if repairs.can_set_preference(one)]
        kept = {one.known.pk for one in lost}
        self._write_answers([one for one in answers if one.known.pk not in kept])
        self._write_answers(self._not_preferred(lost))
        self._tell()

    def _write_answers(self, answers: list[Answer]) -> None:
        tries = {answer.known.pk: answer.tries for answer in answers}
        overtaken = [known.pk for known in self.writer.write(answers)]
        self.counts.overtaken += sum(tries[pk] > 1 for pk in overtaken)
        for known in self._still_due([pk for pk in overtaken if tries[pk] == 1]):
            self.again.append((known, 2))

    def _still_due(self, overtaken: list[Any]) -> list[Known]:
        if not overtaken:
            return []
        due = keys.due(self.plan, self.before()).filter(pk__in=overtaken)
        rows = persistently(lambda: list(observation.read(due)))
        self.counts.overtaken += len(overtaken) - len(rows)
        return rows

    def _not_preferred(self, answers: list[Answer]) -> list[Answer]:
        """Restore lost preferences, and return the answers that are still true, to be written.

        The answers are written only after that. An answer without factors would end the app that is to be turned on
        again, and a run that continues this one does not check a user whose answer was written.
        """
        left: list[Answer] = []
        for answer in answers:
            if self._must_end():  # the next run asks again
                break
            try:
                done = not self.counts.preference_trouble and repairs.set_preference(
                    answer, self.changes_pace
                )
            except CognitoMFAError as error:  # the next run tries again
                self.counts.preference_trouble, done = f"{error.hint or error}", False
            self.counts.preferences += done
            self.counts.asked += done
            if not done:
                left.append(answer)
        return left

    def _read_the_list(self) -> None:
        """Read the rest of the list after all users were checked."""
        while self.lister is not None and not self.lister.is_done and not self._must_end():
            page = self.lister.page(wait=WAIT)
            if page is not None:
                self._compare(page, self.lister.pace)
                self._tell()

    def _compare(self, page: Page, pace: TokenBucket) -> None:
        listing.compare(page, self.plan, self.counts, self.writer, pace)
        self.counts.list_complete = page.is_last and page.error is None

    def _tell(self) -> None:
        self.counts.seconds = time.monotonic() - self.began
        if self.progress is not None:
            self.progress(self.counts)


def _remembering(ask: Callable[[], bool]) -> Callable[[], bool]:
    """Return a version of ``ask`` that remembers its answer for a while."""
    told: list[tuple[float, bool]] = []

    def remembered() -> bool:
        if not told or time.monotonic() - told[-1][0] > MODE_EVERY:
            told[:] = [(time.monotonic(), ask())]
        return told[-1][1]

    return remembered
