"""The dashboard and the alert rules use metrics, labels, and events that exist, and each alert has its instructions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest

from cognito_mfa.monitoring import log_events, telemetry

DOCS = Path(__file__).parent.parent.parent / "docs"
DASHBOARD = json.loads((DOCS / "monitoring" / "grafana-dashboard.json").read_text())
RULES = yaml.safe_load((DOCS / "monitoring" / "alert-rules.yml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
# Variables of Grafana, as it replaces them.
VARIABLES = {"$__rate_interval": "5m", "$__interval": "1m"}


def expressions() -> Iterator[tuple[str, str]]:
    """Yield where an expression is, and the expression."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            text = target["expr"]
            for name, value in VARIABLES.items():
                text = text.replace(name, value)
            yield panel["title"], text
    for name, rule in ALERTS.items():
        yield name, rule["expr"]


EXPRESSIONS = list(expressions())


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, set[str]]]:
    """The labels of each series that Prometheus gets from the real exporter."""
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr(metrics, "get_meter", provider.get_meter)
    telemetry.instruments.cache_clear()
    with telemetry.span_of_call("InitiateAuth") as span:
        told = {"request_id": "x", "error_type": "NotAuthorizedException"}
        telemetry.record_call(span, "InitiateAuth", 0.1, **told)
    log_events.write("signed_in", user=1)
    telemetry.observe_circuit(lambda: False)
    series: dict[str, set[str]] = {}
    for name, labels in re.findall(
        r"^(\w+)\{(.*)\} ", generate_latest(REGISTRY).decode(), re.MULTILINE
    ):
        series.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    yield series
    provider.shutdown()
    telemetry.instruments.cache_clear()


def selectors(node: Any) -> Iterator[Any]:
    """Yield the selectors of series in a parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(node, name, None)
        if inner is not None:
            yield from selectors(inner)
    arguments = getattr(node, "args", None)
    for argument in arguments or ():
        yield from selectors(argument)


@pytest.mark.parametrize("number", range(len(EXPRESSIONS)))
def test_an_expression_asks_for_what_is_exported(
    number: int, exported: dict[str, set[str]]
) -> None:
    where, expression = EXPRESSIONS[number]
    found = list(selectors(promql_parser.parse(expression)))
    assert found, where
    for selector in found:
        assert selector.name in exported, where
        for matcher in selector.matchers.matchers:
            assert matcher.name in exported[selector.name]
            if matcher.name == "cognito_mfa_event":
                assert set(matcher.value.split("|")) <= set(log_events.EVENTS)
    for labels in re.findall(r"by \((\w+)\)", expression):
        assert labels in set.union(*(exported[selector.name] for selector in found))


def test_each_alert_has_instructions_and_each_instruction_an_alert() -> None:
    text = (DOCS / "monitoring.md").read_text()
    assert re.findall(r"^### (\w+)$", text, re.MULTILINE) == list(ALERTS)
    for name, rule in ALERTS.items():
        assert re.fullmatch(r"\d+m", rule["for"]), name
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_errors_that_alert_are_counted_from_zero() -> None:
    """Or the first of them would be no increase."""
    wanted = re.findall(r'error_type=~"([^"]+)"', ALERTS["CognitoMFAMisconfigured"]["expr"])
    assert set(wanted[0].split("|")) <= set(log_events.COUNTED_BY_ERROR["cognito_failed"])


def test_panels_lie_beside_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        fields = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not fields & taken
        assert all(x < 24 for x, _y in fields)
        taken |= fields
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
