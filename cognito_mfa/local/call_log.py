"""The log of calls, in order, so that a test can assert how often an operation was sent.

It is kept in memory only, and no representation shows a parameter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached Cognito. ``error`` is the code it was answered with; where a fault
    kept it from being executed, the code or the name of that fault; None for success."""

    operation: str
    parameters: Mapping[str, Any] = field(repr=False)
    error: str | None
    at: float


class CallLog:
    """The newest ``limit`` calls."""

    def __init__(self, limit: int) -> None:
        self._calls: deque[Call] = deque(maxlen=limit)

    def record(self, call: Call) -> None:
        """Add a call, and drop the oldest one beyond the limit."""
        self._calls.append(call)

    def all(self) -> list[Call]:
        """Return the calls, the oldest first."""
        return list(self._calls)

    def forget(self) -> None:
        """Drop all calls."""
        self._calls.clear()
