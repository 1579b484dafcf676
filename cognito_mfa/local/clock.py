"""The clock of the local Cognito, which a test can move.

Everything that expires, locks, or counts steps reads this clock. Nothing else here reads the
machine's time.
"""

from __future__ import annotations

import time


class Clock:
    """Ticks with the machine's time plus an offset; when not ticking, it stands still."""

    def __init__(self, start: float | None = None, *, ticking: bool = True) -> None:
        """Start a clock.

        Args:
            start: The time to begin with, in Unix seconds; the machine's unless given.
            ticking: Whether time passes by itself.
        """
        self._ticking = ticking
        self._at = time.time() if start is None else start
        self._offset = self._at - time.time()

    @property
    def ticking(self) -> bool:
        """Return whether time passes by itself."""
        return self._ticking

    def start(self) -> None:
        """Let time pass by itself, from the current time."""
        self._at, self._ticking = self.now(), True
        self._offset = self._at - time.time()

    def stop(self) -> None:
        """Stop the clock at its current time."""
        self._at, self._ticking = self.now(), False

    def now(self) -> float:
        """Return the time in Unix seconds."""
        return time.time() + self._offset if self._ticking else self._at

    def advance(self, seconds: float) -> None:
        """Move the clock by so many seconds."""
        self.set(self.now() + seconds)

    def set(self, timestamp: float) -> None:
        """Set the clock to a time in Unix seconds."""
        self._at = timestamp
        self._offset = timestamp - time.time()
