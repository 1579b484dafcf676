"""OpenTelemetry metrics and spans, if its API package is installed.

Without it, this module imports and stores nothing.

The site chooses where they go by setting up the SDK. Names follow its semantic conventions for calls of AWS's SDKs; ours
begin with ``cognito_mfa.``. SECURITY: no attribute is about a person, and each has few values.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.metrics import CallbackOptions, Observation
    from opentelemetry.trace import Span

SCOPE = "cognito_mfa"
SERVICE = "Cognito Identity Provider"  # as botocore's service id
EVENTS = "cognito_mfa.events"
DURATION = "cognito_mfa.call.duration"
CIRCUIT = "cognito_mfa.circuit.open"
METRICS = (EVENTS, DURATION, CIRCUIT)
EVENT = "cognito_mfa.event"  # attribute of a count
ATTRIBUTES = (EVENT,)  # of ours; the others are OpenTelemetry's
# Seconds. A good answer takes 20 to 500 ms, and the deadline is 12 s.
BOUNDARIES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 8.0, 12.0)


class Instruments:
    """The tracer and the instruments, made when the first of them is needed."""

    def __init__(self) -> None:
        from opentelemetry import metrics, trace

        meter = metrics.get_meter(SCOPE)
        self.trace = trace
        self.tracer = trace.get_tracer(SCOPE)
        self.events = meter.create_counter(
            EVENTS, unit="{event}", description="Outcomes, by the name of the log event."
        )
        # Prometheus computes increases, and finds none for a count that first appears as 1.
        for attributes in _declared:
            self.events.add(0, attributes)
        self.duration = meter.create_histogram(
            DURATION,
            unit="s",
            description="Time of calls to Cognito.",
            explicit_bucket_boundaries_advisory=BOUNDARIES,
        )
        meter.create_observable_gauge(
            CIRCUIT,
            callbacks=[self._observe_circuit],
            description="Whether this process does not call Cognito, because it does not respond.",
        )

    @staticmethod
    def _observe_circuit(_options: CallbackOptions) -> Iterator[Observation]:
        from opentelemetry.metrics import Observation

        if _is_circuit_open is not None:
            yield Observation(int(_is_circuit_open()))

    def span_of_call(self, operation: str) -> AbstractContextManager[Span]:
        """Return the span of one call, which is the current one inside."""
        return self.tracer.start_as_current_span(
            f"{SERVICE}/{operation}",
            kind=self.trace.SpanKind.CLIENT,
            attributes={
                "rpc.system": "aws-api",
                "rpc.service": SERVICE,
                "rpc.method": operation,
            },
            record_exception=False,  # we choose what is recorded
            set_status_on_exception=False,
        )


_declared: list[dict[str, str]] = []


def declare_event(name: str, *errors: str) -> None:
    """Start the count of an event at zero.

    Args:
        name: of the log event.
        *errors: the app's codes of the errors that are counted separately.
    """
    _declared.extend(_event(name, error) for error in errors or ("",))


def _event(name: str, error: str) -> dict[str, str]:
    return {EVENT: name, "error.type": error} if error else {EVENT: name}


_is_circuit_open: Callable[[], bool] | None = None


def observe_circuit(is_open: Callable[[], bool]) -> None:
    """Make the gauge report the result of ``is_open``."""
    global _is_circuit_open
    _is_circuit_open = is_open


@cache
def instruments() -> Instruments | None:
    """Return the instruments; None without OpenTelemetry."""
    try:
        return Instruments()
    except ImportError:
        return None


def count_event(name: str, *, error: str = "") -> None:
    """Count an outcome.

    Args:
        name: of the log event.
        error: the app's own code of the error; empty without one.
    """
    found = instruments()
    if found is not None:
        found.events.add(1, _event(name, error))


def span_of_call(operation: str) -> AbstractContextManager[Span | None]:
    """Return the span of one call; an empty context without OpenTelemetry."""
    found = instruments()
    return nullcontext() if found is None else found.span_of_call(operation)


def record_call(
    span: Span | None, operation: str, seconds: float, *, request_id: str, error_type: str
) -> None:
    """Record the outcome of a call.

    Args:
        span: from ``span_of_call``.
        operation: the API operation.
        seconds: how long the caller waited.
        request_id: AWS's id; empty if there was no answer.
        error_type: Cognito's name of the error, or our code; empty for a success.
    """
    found = instruments()
    if found is None or span is None:
        return
    attributes: dict[str, Any] = {"rpc.system": "aws-api", "rpc.method": operation}
    if request_id:
        span.set_attribute("aws.request_id", request_id)
    if error_type:
        attributes["error.type"] = error_type
        span.set_attribute("error.type", error_type)
        span.set_status(found.trace.StatusCode.ERROR)
    found.duration.record(seconds, attributes)
