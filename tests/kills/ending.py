"""A process of the site that ends: before a statement, before a call of Cognito, before an email.

Where it may end is a boundary. A journey is tried once for each, by a user of its own, so that no try knows of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum
from typing import Any

from django.core.mail.backends import locmem
from django.db import OperationalError, connection

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.wire.client import installed
from cognito_mfa.local.wire.messages import NothingSent, WireRequest, WireResponse

OF_TRANSACTIONS = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
READING = ("SELECT", "PRAGMA")
MOST = 200  # boundaries of a request
EMAIL = "an email"


class Way(Enum):
    """How a process ends."""

    KILLED = "nothing of it runs any more"
    TOLD_TO_EXIT = "SystemExit is raised, and what cleans up still runs"
    CONNECTION_LOST = "no statement works any more until the request is over"


class Killed(BaseException):
    """Raised in a process that is over by whatever it does, so that it does nothing."""


class Process:
    """Ends at its ``last`` boundary, counted from zero."""

    sends_emails: Process | None = None

    def __init__(self, cognito: LocalCognito, way: Way, last: int) -> None:
        self.cognito = cognito
        self.way = way
        self.last = self.left = last
        self.ended_at = ""
        self._is_new, self._is_uncommitted = True, False

    def statement(self, execute: Callable[..., Any], sql: str, *given: Any) -> Any:
        """Execute a statement, unless the process is over; one of Django's wrappers."""
        if sql.startswith(OF_TRANSACTIONS):
            return execute(sql, *given)
        if self.is_over(sql):
            raise self._end()
        if not sql.startswith(READING):
            self._is_uncommitted = True
        return execute(sql, *given)

    def answer(self, request: WireRequest) -> WireResponse:
        """Answer as the local Cognito does, unless the process that asks is over."""
        if self.way is Way.KILLED and self.is_over(request.target):
            raise NothingSent
        self._is_new = True
        return self.cognito.answer(request)

    def document(self, path: str, base: str) -> Any:
        return self.cognito.document(path, base)

    def is_over(self, where: str) -> bool:
        """Return whether the process is over at this boundary, which is counted."""
        if self.ended_at:
            return self.way is not Way.TOLD_TO_EXIT
        if self._is_same_as_before():
            return False
        if self.left == 0:
            self.ended_at = where
        self.left -= 1
        return bool(self.ended_at)

    def _is_same_as_before(self) -> bool:
        """Return whether a process that is killed here leaves what one at the last boundary leaves."""
        if self.way is not Way.KILLED:
            return False
        if self._is_uncommitted and not connection.in_atomic_block:
            self._is_new, self._is_uncommitted = True, False
        was_new, self._is_new = self._is_new, False
        return not was_new

    def _end(self) -> BaseException:
        if self.way is Way.CONNECTION_LOST:
            return OperationalError("the connection was lost")
        return Killed() if self.way is Way.KILLED else SystemExit()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Let what happens inside be done by this process."""
        Process.sends_emails = self
        try:
            with ExitStack() as around:
                around.enter_context(connection.execute_wrapper(self.statement))
                around.enter_context(installed(self))
                yield
        except (Killed, SystemExit, OperationalError):
            if not self.ended_at:
                raise
        finally:
            Process.sends_emails = None


class Mailbox(locmem.EmailBackend):
    """Accepts emails; not those of a process that is over."""

    def send_messages(self, messages: Any) -> int:
        sender = Process.sends_emails
        if sender is not None and sender.way is Way.KILLED and self._is_over(sender):
            return 0
        return super().send_messages(messages)

    @staticmethod
    def _is_over(sender: Process) -> bool:
        sender._is_new = True
        is_over = sender.is_over(EMAIL)
        sender._is_new = True
        return is_over


def each_end(cognito: LocalCognito, way: Way) -> Iterator[tuple[str, Process]]:
    """Yield users with processes, each of which ends at a later boundary, the last one at none.

    A killed process ends at each boundary. The other ways have many more, so every third one is tried.
    """
    for last in range(0, MOST, 1 if way is Way.KILLED else 3):
        process = Process(cognito, way, last)
        yield f"ada{last}", process
        if not process.ended_at:
            assert last, "the process did nothing"
            return
    raise AssertionError("the request has no end")
