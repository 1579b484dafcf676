"""Paces calls: a token bucket that slows down while Cognito throttles, and recovers."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

CATCH_UP = 1.0  # seconds: after a slow answer or a write, so much is made up for and no more
RECOVERY = 0.05  # of the full rate, for each second without throttling
# Seconds whose users are asked about together: to rest after each user would take a third more processor time. A second is
# a whole number of groups, so no more users are asked about in it than without groups.
GROUP = 0.05
LEAST = 1.0  # calls a second, however much Cognito throttles
ROUNDING = 1e-6  # seconds, below which a difference is one of floating point
REST = 1.0  # seconds without a call after a throttled one: quotas are counted by the second


class TokenBucket:
    """Lets ``rate`` calls a second pass, spread evenly, or in groups that are."""

    def __init__(
        self,
        rate: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
        group: float = 0.0,
    ) -> None:
        """Begin with the full rate.

        Args:
            rate: calls a second.
            group: seconds whose calls are made together, once the last of them is due, so that they need one rest.
            clock: returns the time in seconds.
            sleep: waits for so many of them.
        """
        self.full = self.rate = rate
        self._clock, self._sleep, self._group = clock, sleep or time.sleep, group
        self._began = self._due = self._changed_at = clock()
        self._lock = threading.Lock()

    def acquire(self) -> bool:
        """Return when the next call may be made, and whether that took a rest."""
        with self._lock:
            now = self._clock()
            self._recover(now)
            at = max(self._due, now - CATCH_UP)
            self._due = at + 1 / self.rate
        if at - now <= ROUNDING:
            return False
        self._sleep(self._end_of_group(at) - now)
        return True

    def _end_of_group(self, at: float) -> float:
        """Return when the last call of the group is due to which a call at ``at`` belongs."""
        if not self._group:
            return at
        groups = math.ceil((at - self._began - ROUNDING) / self._group)
        return self._began + groups * self._group

    def slow_down(self) -> None:
        """Halve the rate, at most once a second: all calls of that second may have been throttled together."""
        with self._lock:
            now = self._clock()
            self._due = max(self._due, now + REST)
            if self.rate == self.full or now - self._changed_at >= REST:
                self.rate = max(self.rate / 2, min(LEAST, self.full))
                self._changed_at = now

    def _recover(self, now: float) -> None:
        passed = now - self._changed_at
        if self.rate < self.full and passed >= REST:
            self.rate = min(self.full, self.rate + passed * RECOVERY * self.full)
            self._changed_at = now
