"""Faults on demand, for an operation and its n-th call.

A fault decides whether a request is executed and what the caller sees. It is the same in process
and over HTTP, because it only knows answers, responses, and disruptions.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from cognito_mfa.local.clock import Clock
from cognito_mfa.local.wire.messages import (
    Answer,
    ConnectionLost,
    NoAnswer,
    NothingSent,
    WireResponse,
    respond,
)

EVERY_OPERATION = "*"

Execute = Callable[[], Answer]


class Fault(Protocol):
    """What happens instead of an ordinary answer."""

    @property
    def name(self) -> str:
        """How the call log shows a call that this kept from being executed."""
        ...

    def play(self, execute: Execute) -> WireResponse: ...


class _Named:
    @property
    def name(self) -> str:
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class Error:
    """This error, and nothing is executed."""

    code: str
    message: str = ""
    status: int = 400

    @property
    def name(self) -> str:
        return self.code

    def play(self, execute: Execute) -> WireResponse:
        return Answer.failure(self.code, self.message, self.status).response()


@dataclass(frozen=True)
class Unreachable(_Named):
    """Nothing is sent: in process the connection is refused; a socket that is open already can
    only be reset, so over HTTP see also ``server.down()``."""

    def play(self, execute: Execute) -> WireResponse:
        """Send nothing.

        Raises:
            NothingSent: Always.
        """
        raise NothingSent


@dataclass(frozen=True, kw_only=True)
class Timeout(_Named):
    """No answer ever comes."""

    executed: bool

    def play(self, execute: Execute) -> WireResponse:
        """Execute the request or not, and never answer.

        Raises:
            NoAnswer: Always.
        """
        if self.executed:
            execute()
        raise NoAnswer


@dataclass(frozen=True, kw_only=True)
class Reset(_Named):
    """The connection is reset before an answer."""

    executed: bool

    def play(self, execute: Execute) -> WireResponse:
        """Execute the request or not, and reset the connection.

        Raises:
            ConnectionLost: Always.
        """
        if self.executed:
            execute()
        raise ConnectionLost


@dataclass(frozen=True)
class Body(_Named):
    """These very bytes as the response's body. ``headers`` replace those of the same name, and
    None takes one away: without Content-Length, the end of the connection ends the body."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str | None] = field(default_factory=dict)
    executed: bool = False

    def play(self, execute: Execute) -> WireResponse:
        if self.executed:
            execute()
        return respond(self.status, self.body, self.headers)


@dataclass(frozen=True)
class Reply(_Named):
    """These members instead of those that the operation answers."""

    payload: Mapping[str, Any]
    executed: bool = True

    def play(self, execute: Execute) -> WireResponse:
        if self.executed:
            execute()
        return Answer(self.payload).response()


@dataclass(frozen=True)
class Edit(_Named):
    """The operation's own answer, changed: the hostile server. Errors pass as they are."""

    change: Callable[[dict[str, Any]], dict[str, Any]]

    def play(self, execute: Execute) -> WireResponse:
        answer = execute()
        if answer.error is not None:
            return answer.response()
        return Answer(self.change(copy.deepcopy(dict(answer.payload)))).response()


@dataclass(frozen=True)
class Delay(_Named):
    """The ordinary answer, later (in real time)."""

    seconds: float

    def play(self, execute: Execute) -> WireResponse:
        time.sleep(self.seconds)
        return execute().response()


@dataclass(frozen=True)
class Drip(_Named):
    """The ordinary answer; its body takes so long to arrive, piece by piece (in real time). No
    timeout of a socket notices, since something comes all the time."""

    seconds: float

    def play(self, execute: Execute) -> WireResponse:
        return replace(execute().response(), drip=self.seconds)


@dataclass(frozen=True)
class Truncated(_Named):
    """Executed; half of the body arrives, then the connection ends."""

    def play(self, execute: Execute) -> WireResponse:
        whole = execute().response()
        return replace(whole, cut=len(whole.body) // 2)


@dataclass(frozen=True)
class Duplicate(_Named):
    """Delivered twice; the caller sees the second answer."""

    def play(self, execute: Execute) -> WireResponse:
        execute()
        return execute().response()


@dataclass(slots=True)
class _Rule:
    operation: str
    fault: Fault
    times: int | None
    skip: int
    until: float | None = None

    def is_on(self, now: float) -> bool:
        """Whether a request can still meet it."""
        return self.times != 0 and (self.until is None or now < self.until)

    def described(self) -> dict[str, Any]:
        """What is left of it, without what it answers."""
        return {
            "operation": self.operation,
            "fault": type(self.fault).__name__,
            "times": self.times,
            "skip": self.skip,
            "until": self.until,
        }

    def take(self, operation: str, now: float) -> bool:
        """Whether this request is the one; counts it."""
        if self.operation not in (operation, EVERY_OPERATION) or not self.is_on(now):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults that are on. The first that matches a request wins."""

    def __init__(self, operations: frozenset[str], clock: Clock) -> None:
        """Begin without faults.

        Args:
            operations: The names of all operations, so that a typing error is found.
            clock: The time that ``seconds`` is counted in.
        """
        self._operations = operations
        self._clock = clock
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def on(
        self,
        operation: str,
        fault: Fault,
        *,
        times: int | None = None,
        skip: int = 0,
        seconds: float | None = None,
    ) -> None:
        """Put a fault on an operation.

        Args:
            operation: The name of the operation, or ``*`` for every one.
            fault: What happens instead of an ordinary answer.
            times: For how many calls; all unless given.
            skip: How many calls pass first.
            seconds: For how long, by the local Cognito's clock; without an end unless given. A
                burst of throttling is ``Error("TooManyRequestsException"), seconds=60``.

        Raises:
            ValueError: There is no such operation.
        """
        if operation not in self._operations and operation != EVERY_OPERATION:
            raise ValueError(f"the local Cognito plays no operation named {operation!r}")
        until = None if seconds is None else self._clock.now() + seconds
        with self._lock:
            self._rules.append(_Rule(operation, fault, times, skip, until))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._rules.clear()

    def listed(self) -> list[dict[str, Any]]:
        """Return the active faults as they were requested, without those that are used up."""
        now = self._clock.now()
        with self._lock:
            return [rule.described() for rule in self._rules if rule.is_on(now)]

    def next(self, operation: str) -> Fault | None:
        """Return the fault for this call of an operation, or None; the call is counted."""
        now = self._clock.now()
        with self._lock:
            return next((rule.fault for rule in self._rules if rule.take(operation, now)), None)
