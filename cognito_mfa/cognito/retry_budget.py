"""Limits how many throttled calls a process sends again.

A repeat helps where one second had too many calls. Where Cognito throttles for minutes it only adds to them, and holds
the user's request for a second more. So repeats are paid for, as in the standard mode of AWS's SDKs: each takes a token,
one that succeeded gives it back, and a call that was not throttled adds a part of one.
"""

from __future__ import annotations

import os
import threading

TOKENS = 10.0  # at first, and at most
PER_CALL = 0.1  # added by each call that was not throttled


class RetryBudget:
    """The tokens of a process. Quotas differ between operations, so each operation has its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[str, float] = {}

    def take(self, operation: str) -> bool:
        """Return whether a throttled call of ``operation`` may be sent again, and take its token."""
        with self._lock:
            left = self._tokens.get(operation, TOKENS)
            if left < 1:
                return False
            self._tokens[operation] = left - 1
            return True

    def give_back(self, operation: str) -> None:
        """Return the token of a repeat that was not throttled."""
        self.add(operation, 1.0)

    def add(self, operation: str, tokens: float = PER_CALL) -> None:
        """Add ``tokens`` for a call of ``operation`` that was not throttled.

        Args:
            operation: that was called.
            tokens: how many.
        """
        if operation not in self._tokens:  # it has them all
            return
        with self._lock:
            self._tokens[operation] = min(TOKENS, self._tokens[operation] + tokens)


budget = RetryBudget()


def reset() -> None:
    """Start anew, as in a forked child, where another thread may have held the lock."""
    global budget
    budget = RetryBudget()


os.register_at_fork(after_in_child=reset)
