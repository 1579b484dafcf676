"""OpenTelemetry gets counts, durations, and spans, with few values and without personal data; without it nothing is kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cognito_mfa.monitoring import log_events, metrics
from tests.monitoring import outcomes
from tests.monitoring.outcomes import Site
from tests.visitor import PASSWORD


@dataclass
class Collected:
    """What the SDK would send."""

    reader: InMemoryMetricReader
    exporter: InMemorySpanExporter

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def points(self, name: str) -> list[tuple[dict[str, Any], Any]]:
        """Return the attributes of each point of a metric, and the point."""
        data = self.reader.get_metrics_data()
        return [
            (dict(point.attributes or {}), point)
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    @property
    def counted(self) -> dict[tuple[str, str], int]:
        """Return how often each event was counted, by the event and its error."""
        return {
            (attributes["cognito_mfa.event"], attributes.get("error.type", "")): point.value
            for attributes, point in self.points(metrics.EVENTS)
        }


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collected]:
    """The real SDK, for this test only: OpenTelemetry's own providers can be set once."""
    reader, exporter = InMemoryMetricReader(), InMemorySpanExporter()
    meters, tracers = MeterProvider([reader]), TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("opentelemetry.metrics.get_meter", meters.get_meter)
    monkeypatch.setattr(trace, "get_tracer", tracers.get_tracer)
    metrics.instruments.cache_clear()
    yield Collected(reader, exporter)
    metrics.instruments.cache_clear()
    meters.shutdown()
    tracers.shutdown()


def test_a_sign_in_is_counted_and_its_calls_are_spans(collected: Collected, site: Site) -> None:
    outcomes.later_sign_in(site)
    assert collected.counted["signed_in", ""] == 2
    (span, *_others) = [one for one in collected.spans if one.name.endswith("/InitiateAuth")]
    assert span.kind is SpanKind.CLIENT
    attributes = dict(span.attributes or {})
    assert attributes.pop("aws.request_id")
    assert attributes == {
        "rpc.system": "aws-api",
        "rpc.service": "Cognito Identity Provider",
        "rpc.method": "InitiateAuth",
    }
    assert span.status.status_code is StatusCode.UNSET
    points = collected.points(metrics.DURATION)
    durations = {attributes["rpc.method"]: point for attributes, point in points}
    assert durations["RespondToAuthChallenge"].count >= 1
    assert tuple(durations["InitiateAuth"].explicit_bounds) == metrics.BOUNDARIES


def test_a_failed_call_has_cognitos_name_of_the_error(collected: Collected, site: Site) -> None:
    outcomes.wrong_password(site)
    (span,) = collected.spans
    assert dict(span.attributes or {})["error.type"] == "NotAuthorizedException"
    assert span.status.status_code is StatusCode.ERROR
    assert not span.status.description
    assert not span.events
    ((attributes, _point),) = collected.points(metrics.DURATION)
    assert attributes["error.type"] == "NotAuthorizedException"
    assert collected.counted["password_refused", "bad_credentials"] == 1


def test_a_call_that_is_not_sent_is_told_from_others(collected: Collected, site: Site) -> None:
    outcomes.stops_calling(site)
    site.visitor.sign_in()
    names = [attributes.get("error.type") for attributes, _ in collected.points(metrics.DURATION)]
    assert names[-1] == "circuit_open"


def test_counts_begin_at_zero(collected: Collected, site: Site) -> None:
    """Prometheus sees no increase in a count that first appears as 1."""
    outcomes.wrong_password(site)
    counted = collected.counted
    assert sum(counted.values()) == 1
    assert {name for name, _error in counted} == set(log_events.EVENTS)
    assert ("cognito_failed", "permission_missing") in counted


def test_the_state_of_the_circuit_is_a_gauge(collected: Collected, site: Site) -> None:
    outcomes.stops_calling(site)
    assert [point.value for _, point in collected.points(metrics.CIRCUIT)] == [1]
    site.visitor.cognito.faults.clear()
    site.clock.ahead += 60
    site.visitor.sign_in()
    assert [point.value for _, point in collected.points(metrics.CIRCUIT)] == [0]


def test_no_personal_data_and_no_secret_is_sent(collected: Collected, site: Site) -> None:
    outcomes.password_changed(site)
    told = [dict(span.attributes or {}) for span in collected.spans]
    told += [attributes for name in metrics.METRICS for attributes, _ in collected.points(name)]
    assert told
    names = {name for attributes in told for name in attributes}
    assert names <= {
        *("rpc.system", "rpc.service", "rpc.method", "aws.request_id", "error.type"),
        *metrics.ATTRIBUTES,
    }
    for value in ("newcomer", "example.com", PASSWORD, outcomes.NEW, site.visitor.secret):
        assert value not in repr(told)
    metrics_only = [attributes for attributes in told if "aws.request_id" in attributes]
    assert len(metrics_only) == len(collected.spans)


def test_the_request_of_a_user_who_passes_emits_nothing(
    collected: Collected, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.come()
    metrics.instruments.cache_clear()
    before = len(collected.spans)
    assert site.visitor.is_in()
    assert metrics.instruments.cache_info().currsize == 0
    assert len(collected.spans) == before
    assert site.heard.records == []


def test_without_opentelemetry_everything_works(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    metrics.instruments.cache_clear()
    try:
        outcomes.later_sign_in(site)
        assert metrics.instruments() is None
    finally:
        metrics.instruments.cache_clear()
    assert site.heard.names == ["signed_in"]
