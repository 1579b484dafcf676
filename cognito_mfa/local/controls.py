"""The clock, the switches of ``Behavior``, and the faults, for programs that speak HTTP.

What a Python test does in process, a test in another language does here. SECURITY: no web page may
reach this. ``wire/origins.py`` refuses a page of another site by its Origin and Sec-Fetch-Site, and
one of a foreign name by its Host; nothing here has CORS headers; and a body must be JSON by its
type, which a form cannot send.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, get_origin, get_type_hints

from cognito_mfa.local import faults
from cognito_mfa.local.json_text import compact, parse
from cognito_mfa.local.wire.messages import ControlRequest, WireResponse, respond
from cognito_mfa.local.wire.origins import Access, Place

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from cognito_mfa.local.behavior import Behavior
    from cognito_mfa.local.clock import Clock

JSON = {"Content-Type": "application/json", "Cache-Control": "no-store"}
JSON_TYPE = "application/json"
#: Years that every library can write: 1970 to 2999.
FIRST_MOMENT, LAST_MOMENT = 0.0, 32_503_680_000.0
PLACES: Mapping[str, Place] = {
    "/clock": Place(Access.CONTROL, ("GET", "POST")),
    "/behaviors": Place(Access.CONTROL, ("GET", "POST")),
    "/faults": Place(Access.CONTROL, ("GET", "POST", "DELETE")),
}
#: The faults that JSON can describe.
FAULTS: Mapping[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        faults.Error,
        faults.Unreachable,
        faults.Timeout,
        faults.Reset,
        faults.Reply,
        faults.Delay,
        faults.Drip,
        faults.Truncated,
        faults.Duplicate,
    )
}
COUNTS = ("times", "skip")
#: Seconds, and what HTTP has.
ARGUMENT_RANGES = {"seconds": (0, 600), "status": (200, 599)}

Values = Mapping[str, Any]


class Refused(Exception):
    """A request that changes nothing; the text says why."""


class Controlled(Protocol):
    """The LocalCognito that is changed."""

    clock: Clock
    behavior: Behavior
    faults: faults.Faults

    def behave(self, **switches: Any) -> None: ...

    def changing(self) -> AbstractContextManager[None]: ...


class Controls:
    """What programs may change of a local Cognito besides its pools."""

    def __init__(self, cognito: Controlled) -> None:
        self._cognito = cognito
        self._shown: Mapping[str, Callable[[], Values]] = {
            "/clock": self._clock,
            "/behaviors": lambda: asdict(cognito.behavior),
            "/faults": lambda: {"faults": cognito.faults.listed()},
        }
        self._changes: Mapping[str, Callable[[Values], None]] = {
            "/clock": self._move_clock,
            "/behaviors": lambda values: cognito.behave(**values),
            "/faults": self._add_fault,
        }

    def answer(self, request: ControlRequest) -> WireResponse:
        """Return the response to a request: what there is now, or why it was not changed."""
        if request.method == "DELETE":
            self._cognito.faults.clear()
        elif request.method == "POST":
            if request.content_type != JSON_TYPE:
                return _problem(415, f"The body must be {JSON_TYPE}, and its Content-Type say so.")
            try:
                self._changes[request.path](_object(request.body))
            except (Refused, ValueError, TypeError) as error:
                return _problem(400, str(error))
        return respond(200, compact(self._shown[request.path]()).encode(), JSON)

    def _clock(self) -> Values:
        now = self._cognito.clock.now()
        time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        return {"now": now, "time": time, "ticking": self._cognito.clock.ticking}

    def _move_clock(self, values: Values) -> None:
        clock = self._cognito.clock
        _only(values, "advance", "set", "ticking")
        if len(values.keys() & {"advance", "set"}) > 1:
            raise Refused("advance and set exclude each other")
        moved = _number(values, "set", clock.now()) + _number(values, "advance", 0.0)
        if not FIRST_MOMENT <= moved <= LAST_MOMENT:
            raise Refused("the clock cannot be moved that far")
        ticking = values.get("ticking", clock.ticking)
        if not isinstance(ticking, bool):
            raise Refused("ticking must be true or false")
        with self._cognito.changing():
            (clock.start if ticking else clock.stop)()
            if values.keys() & {"advance", "set"}:
                clock.set(moved)

    def _add_fault(self, values: Values) -> None:
        _only(values, "operation", "fault", "arguments", "seconds", *COUNTS)
        kind, arguments = values.get("fault"), values.get("arguments", {})
        if kind not in FAULTS:
            raise Refused(f"fault must be one of {', '.join(FAULTS)}")
        if not isinstance(arguments, dict):
            raise Refused("arguments must be an object")
        counts = {name: values[name] for name in COUNTS if name in values}
        if any(type(count) is not int or count < 0 for count in counts.values()):
            raise Refused("times and skip must be whole numbers")
        seconds = _number(values, "seconds", math.inf) if "seconds" in values else None
        fault = _fault(str(kind), arguments)
        self._cognito.faults.on(str(values.get("operation")), fault, seconds=seconds, **counts)


def _fault(kind: str, arguments: Values) -> faults.Fault:
    """Raises Refused, or TypeError for an argument that is missing or unknown."""
    hints = get_type_hints(FAULTS[kind])
    for name, value in arguments.items():
        accepted = (int, float) if hints.get(name) is float else get_origin(hints.get(name))
        accepted = accepted or hints.get(name, object)
        wrong = isinstance(value, bool) and accepted is not bool
        if wrong or not isinstance(value, accepted) or not _is_usable(name, value):
            raise Refused(f"{kind} cannot have the {name} {value!r}")
    fault: faults.Fault = FAULTS[kind](**arguments)
    return fault


def _is_usable(name: str, value: Any) -> bool:
    if name in ARGUMENT_RANGES:
        least, most = ARGUMENT_RANGES[name]
        return bool(least <= value <= most)
    return name != "code" or str(value).isprintable()  # it becomes a header


def _object(body: bytes) -> Values:
    try:
        values = parse(body)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise Refused("the body must be a JSON object")
    return values


def _only(values: Values, *names: str) -> None:
    unknown = [name for name in values if name not in names]
    if unknown or not values:
        said = f"unknown: {', '.join(unknown)}; " if unknown else ""
        raise Refused(f"{said}one of {', '.join(names)} is expected")


def _number(values: Values, name: str, default: float) -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(f"{name} must be a number")
    return float(value)


def _problem(status: int, text: str) -> WireResponse:
    return respond(status, compact({"error": text}).encode(), JSON)
