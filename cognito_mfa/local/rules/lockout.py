"""The exponential lock after failures: after n of them the user is locked for 2^(n - threshold)
seconds, fifteen minutes at most. Refused attempts must not lengthen a lock.

See "Lockout" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_LOCK = 900.0
FORGOTTEN_AFTER = 900.0


@dataclass(slots=True)
class Attempts:
    failures: int = 0
    last_at: float = 0.0
    locked_until: float = 0.0

    def locked(self, now: float) -> bool:
        return now < self.locked_until

    def failed(self, now: float, *, threshold: int | None) -> None:
        if now - self.last_at >= FORGOTTEN_AFTER:
            self.failures = 0
        self.failures += 1
        self.last_at = now
        if threshold is not None and self.failures >= threshold:
            # The exponent is bounded before the power: a patient attacker must not cost us digits.
            exponent = min(self.failures - threshold, 10)
            self.locked_until = now + min(2.0**exponent, LONGEST_LOCK)

    def succeeded(self) -> None:
        self.failures = 0
        self.locked_until = 0.0
