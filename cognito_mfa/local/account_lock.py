"""The lock of an account, which its holder can release while a function of a user pool runs.

A function may call the local Cognito again, from this thread or through HTTP from another one, as
real ones call Cognito. So it never runs under the lock.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType


class AccountLock:
    """A lock that one thread may acquire several times, and release completely for a while."""

    def __init__(self) -> None:
        """Begin unlocked."""
        self._lock = threading.RLock()
        self._depth = 0

    def __enter__(self) -> None:
        """Take the lock."""
        self._lock.acquire()
        self._depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give one taking of the lock back."""
        self._depth -= 1
        self._lock.release()

    @contextmanager
    def released(self) -> Generator[None]:
        """Let others have the lock during a ``with`` block. Only its holder may do this."""
        depth, self._depth = self._depth, 0
        for _ in range(depth):
            self._lock.release()
        try:
            yield
        finally:
            for _ in range(depth):
                self._lock.acquire()
            self._depth = depth
