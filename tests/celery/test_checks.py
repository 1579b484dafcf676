"""Checks of a site with Celery, and the names that its schedule uses."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import signature
from typing import Any

import pytest

from cognito_mfa.checks.celery import check_celery

Change = Callable[[Any], None]


def found() -> list[str]:
    return [str(message.id).removeprefix("cognito_mfa.") for message in check_celery()]


def test_a_site_with_a_redis_has_no_findings(celery_app: Any) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"broker_url": None}, ["E038"]),
        ({"broker_url": "amqp://rabbit"}, ["W054"]),
        ({"broker_url": "amqp://rabbit", "result_backend": "redis://results/0"}, []),
        ({"broker_transport_options": {"visibility_timeout": 60}}, ["W055"]),
        ({"broker_transport_options": {"visibility_timeout": 3600}}, []),
    ],
)
def test_what_is_missing_is_said(
    celery_app: Any,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    expected: list[str],
) -> None:
    for name, value in settings.items():
        monkeypatch.setitem(celery_app.conf, name, value)
    assert found() == expected


def test_a_site_without_celery_is_not_examined(celery_app: Any, settings: Any) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CELERY": False}
    celery_app.conf.broker_url, before = None, celery_app.conf.broker_url
    assert found() == []
    celery_app.conf.broker_url = before


def test_names_and_arguments_of_tasks(celery_app: Any) -> None:
    """Frozen once released: schedules name them."""
    import_module("cognito_mfa.tasks")
    arguments = {
        name.removeprefix("cognito_mfa.tasks."): sorted(signature(task.run).parameters)
        for name, task in celery_app.tasks.items()
        if name.startswith("cognito_mfa.")
    }
    shards = ["concurrency", "finish_resets", "rate", "set_preference", "shards"]
    assert arguments == {
        "sync": shards,
        "sync_shard": sorted([*shards, "began", "continued", "number", "run"]),
        "finish_resets": [],
        "purge": ["older_than"],
        "count_overview": [],
        "refresh": ["actor", "asked_at", "identities"],
        "send_email": ["at", "context", "identity", "kind"],
    }


VISIBILITY_TIMEOUT = 3600  # seconds after which Redis delivers a message again, by default


def test_every_task_survives_a_killed_worker_and_keeps_no_result(celery_app: Any) -> None:
    import_module("cognito_mfa.tasks")
    ours = [task for name, task in celery_app.tasks.items() if name.startswith("cognito_mfa.")]
    assert len(ours) == 7
    for task in ours:
        assert (task.acks_late, task.reject_on_worker_lost, task.ignore_result) == (True,) * 3
        is_scheduled = task.name.rpartition(".")[2] in ("finish_resets", "purge", "count_overview")
        assert task.max_retries == (5 if is_scheduled else None)
        assert task.soft_time_limit < task.time_limit < VISIBILITY_TIMEOUT
