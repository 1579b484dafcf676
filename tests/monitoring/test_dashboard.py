"""The dashboard and the alert rules use metrics, labels, and events that exist, and each alert has its instructions."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest

from cognito_mfa.cognito.errors import SERVICE_FAILURES, THROTTLED
from cognito_mfa.exceptions import UnavailableReason
from cognito_mfa.monitoring import log_events, metrics

DOCS = Path(__file__).parent.parent.parent / "docs"
DASHBOARD = json.loads((DOCS / "monitoring" / "grafana-dashboard.json").read_text())
RULES = yaml.safe_load((DOCS / "monitoring" / "alert-rules.yml").read_text())
ALERTS = {rule["alert"]: rule for group in RULES["groups"] for rule in group["rules"]}
# A variable of Grafana, as it replaces it: at least four scrapes. ``$__interval`` may be shorter than the time between two,
# and a rate of one sample is nothing.
VARIABLES = {"$__rate_interval": "5m"}


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
EVENTS = "cognito_mfa_events_total"
TESTS = yaml.safe_load((DOCS / "monitoring" / "alert-rules-tests.yml").read_text())["tests"]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, set[str]]]:
    """The labels of each series that Prometheus gets from the real exporter."""
    reader = PrometheusMetricReader()
    provider = MeterProvider([reader])
    monkeypatch.setattr("opentelemetry.metrics.get_meter", provider.get_meter)
    metrics.instruments.cache_clear()
    with metrics.span_of_call("InitiateAuth") as span:
        told = {"request_id": "x", "error_type": "NotAuthorizedException"}
        metrics.record_call(span, "InitiateAuth", 0.1, **told)
    log_events.write("signed_in", user=1)
    metrics.observe_circuit(lambda: False)
    series: dict[str, set[str]] = {}
    for name, labels in re.findall(
        r"^(\w+)\{(.*)\} ", generate_latest(REGISTRY).decode(), re.MULTILINE
    ):
        series.setdefault(name, set()).update(re.findall(r'(\w+)="', labels))
    yield series
    provider.shutdown()
    metrics.instruments.cache_clear()


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
    assert "$" not in expression, where
    found = list(selectors(promql_parser.parse(expression)))
    assert found, where
    for selector in found:
        assert selector.name in exported, where
        for matcher in selector.matchers.matchers:
            assert matcher.name in exported[selector.name]
            if matcher.name == "cognito_mfa_event":
                assert set(matcher.value.split("|")) <= set(log_events.EVENTS)
            if matcher.name == "error_type" and selector.name == EVENTS:
                known = {
                    error for errors in log_events.COUNTED_BY_ERROR.values() for error in errors
                }
                assert set(matcher.value.split("|")) <= known
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


def test_each_panel_is_complete() -> None:
    """Grafana shows nothing where an option is missing that it would have added itself: the legend is one."""
    assert (
        DASHBOARD["schemaVersion"] >= 37
    )  # below, Grafana would change the panels when it loads them
    [variable] = DASHBOARD["templating"]["list"]
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    for panel in DASHBOARD["panels"]:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["datasource"] == {"type": "prometheus", "uid": f"${{{variable['name']}}}"}
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
        names = [target["refId"] for target in panel["targets"]]
        assert len(names) == len(set(names))
        if panel["type"] == "timeseries":
            legend = {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True}
            assert panel["options"]["legend"] == legend
            assert panel["options"]["tooltip"]["mode"] == "multi"
        else:
            assert panel["type"] == "stat"
            assert panel["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]


UNITS = ("cps", "percentunit", "reqps", "s", "short")


def test_legends_name_labels_that_are_left() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert f"by ({label})" in target["expr"]


def test_failures_of_calls_are_told_from_refusals(cognito_model: Any) -> None:
    """The panel's share is of what Cognito and the network do wrong, by each name that a call may end with."""
    [expression] = [
        target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        if panel["title"] == "Failures of Cognito"
    ]
    [pattern] = re.findall(r'error_type=~"([^"]+)"', expression)
    failures = {
        *SERVICE_FAILURES,
        *(f"{name}Exception" for name in SERVICE_FAILURES if not name.isdigit()),
        *(one.__name__ for one in _of_the_network()),
        *(reason.value for reason in UnavailableReason if reason is not _OF_KEYS),
    }
    assert [name for name in sorted(failures) if not re.fullmatch(pattern, name)] == []
    refusals = {
        name
        for name in cognito_model.shape_names
        if name.endswith("Exception") and name.removesuffix("Exception") not in SERVICE_FAILURES
    } | {f"{name}Exception" for name in THROTTLED}
    assert [name for name in sorted(refusals) if re.fullmatch(pattern, name)] == []


_OF_KEYS = UnavailableReason.ASKED_JUST_NOW  # of the pool's keys, which are no call


def _of_the_network() -> Iterator[type[Exception]]:
    from botocore import exceptions

    kinds: list[type[Exception]] = [exceptions.HTTPClientError, exceptions.ConnectionError]
    while kinds:
        yield (kind := kinds.pop())
        kinds += kind.__subclasses__()


def test_throttling_is_alerted_by_each_name_that_cognito_has_for_it() -> None:
    [pattern] = re.findall(r'error_type=~"([^"]+)"', ALERTS["CognitoMFAThrottled"]["expr"])
    names = [*THROTTLED, *(f"{name}Exception" for name in THROTTLED), "429"]
    assert [name for name in names if not re.fullmatch(pattern, name)] == []


def test_each_alert_is_tried_with_and_without_its_cause() -> None:
    """promtool runs these, below; the file is for sites that change the limits, too."""
    tried: dict[str, set[bool]] = {}
    for case in TESTS:
        [expected] = case["alert_rule_test"]
        tried.setdefault(expected["alertname"], set()).add(bool(expected["exp_alerts"]))
    assert tried == {name: {True, False} for name in ALERTS}


def test_prometheus_agrees() -> None:
    if shutil.which("promtool") is None:
        assert os.environ.get("COGNITO_MFA_TEST_PROMTOOL") != "required", "no promtool found"
        pytest.skip("promtool is not installed")
    ran = subprocess.run(
        ["promtool", "test", "rules", "alert-rules-tests.yml"],  # noqa: S607 - from the PATH
        cwd=DOCS / "monitoring",
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
