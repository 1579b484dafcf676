"""The exponential lock after wrong passwords or codes.

From the threshold on, each failure locks for twice as long as the one before, for at most 15
minutes. Attempts that are refused during a lock do not extend it.

See "Lockout" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from cognito_mfa.local.rules.recording import Part

LONGEST_LOCK = 900.0
FORGOTTEN_AFTER = 900.0


@dataclass(slots=True)
class Attempts(Part):
    """The failures of one user, and until when they lock."""

    failures: int = 0
    last_at: float = 0.0
    locked_until: float = 0.0

    def locked(self, now: float) -> bool:
        """Return whether the user is locked."""
        return now < self.locked_until

    def failed(self, now: float, *, threshold: int | None) -> None:
        """Count a failure, and lock from the threshold on.

        Args:
            now: The time in Unix seconds.
            threshold: The number of failures from which on each one locks; None for no lock.
        """
        if now - self.last_at >= FORGOTTEN_AFTER:
            self.failures = 0
        self.failures += 1
        self.last_at = now
        if threshold is not None and self.failures >= threshold:
            # The exponent is limited first, because a patient attacker could make the power a huge number.
            exponent = min(self.failures - threshold, 10)
            self.locked_until = now + min(2.0**exponent, LONGEST_LOCK)

    def succeeded(self) -> None:
        """Forget the failures."""
        self.failures = 0
        self.locked_until = 0.0
