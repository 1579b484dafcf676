"""Where the database, the broker, or Redis fails in the middle of a task, it runs again later, and nothing is lost."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection

from cognito_mfa import task_queue
from tests.celery.conftest import StartWorker
from tests.celery.processes import PATIENCE, Redis, until
from tests.celery.syncs import Crowd, begin, check_all, checked, printed, wait_for_the_end

exceptions = pytest.importorskip("celery.exceptions")
pytestmark = pytest.mark.django_db(transaction=True)
NOW = "2100-01-01T00:00:00+00:00"
ARGUMENTS: dict[str, dict[str, Any]] = {
    "send_email": {"kind": "mfa_reset", "identity": 1, "at": NOW, "context": {}},
    "refresh": {"identities": [1], "actor": 1, "asked_at": NOW},
    "finish_resets": {},
    "purge": {"older_than": 400},
    "count_overview": {},
}


@contextmanager
def database_down(error: type[Exception]) -> Iterator[None]:
    def fail(*_args: object) -> None:
        raise error("could not connect to db.example as alice")

    with connection.execute_wrapper(fail):
        yield


@pytest.fixture(params=[OperationalError, InterfaceError])
def failing_database(request: pytest.FixtureRequest) -> Iterator[type[Exception]]:
    with database_down(request.param):
        yield request.param


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_task_whose_database_fails_is_tried_again_later(
    name: str,
    failing_database: type[Exception],
    broker: Redis,
    caplog: pytest.LogCaptureFixture,
) -> None:
    task = getattr(import_module("cognito_mfa.tasks"), name)
    with pytest.raises((exceptions.Retry, exceptions.MaxRetriesExceededError)):
        task.apply(kwargs=ARGUMENTS[name], throw=True)
    assert f"task_interrupted: {task.name} {failing_database.__name__}" in caplog.text
    assert "alice" not in caplog.text


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_message_of_a_newer_version_waits_for_a_newer_worker(
    name: str, broker: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    from cognito_mfa.tasks.options import TRIES_OF_OLDER_WORKERS

    task, given = getattr(import_module("cognito_mfa.tasks"), name), {**ARGUMENTS[name], "newer": 1}
    with pytest.raises((exceptions.Retry, exceptions.MaxRetriesExceededError)):
        task.apply(kwargs=given, throw=True)
    assert f"task_unknown: {task.name}" in caplog.text
    with pytest.raises(TypeError, match="newer"):
        task.apply(kwargs=given, retries=TRIES_OF_OLDER_WORKERS, throw=True)


def test_a_retry_that_the_broker_does_not_take_stays_with_the_broker(broker: Redis) -> None:
    """Celery would have it confirm the message, which would lose the task."""
    from cognito_mfa.tasks import sync
    from cognito_mfa.tasks.options import retry

    broker.kill()
    task: Any = sync
    task.push_request(id="night", called_directly=False, is_eager=False, args=[], kwargs={})
    try:
        ending = retry(task)
    finally:
        task.pop_request()
    assert isinstance(ending, exceptions.Reject)
    assert ending.requeue


def test_a_shard_whose_database_fails_is_tried_again_later(
    broker: Redis, crowd: Crowd, caplog: pytest.LogCaptureFixture
) -> None:
    from cognito_mfa.tasks import sync, sync_shard

    crowd(2)
    sync.apply(kwargs={"shards": 1}, task_id="night")
    shard = {"run": "night", "number": 1, "shards": 1, "rate": 96.0, "began": NOW}
    with database_down(OperationalError), pytest.raises(exceptions.Retry):
        sync_shard.apply(kwargs=shard, throw=True)
    assert "sync_interrupted: run night, OperationalError" in caplog.text
    assert "alice" not in caplog.text


def test_a_sync_whose_redis_is_down_begins_later(
    broker: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    from cognito_mfa.tasks import sync

    broker.kill()
    with pytest.raises(exceptions.Retry):
        sync.apply(throw=True)
    assert "task_interrupted: cognito_mfa.tasks.sync ConnectionError" in caplog.text


@pytest.mark.parametrize(
    ("scheme", "options"),
    [
        ("redis", {}),
        ("amqp", {}),
        ("sentinel", {"master_name": "main"}),
        ("sentinel", {"master_name": "main", "sentinel_kwargs": {"password": "shh"}}),
    ],
)
def test_a_broker_that_accepts_and_never_answers_keeps_no_one(
    scheme: str, options: dict[str, Any], celery_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setattr(celery_app.conf, "broker_url", url)
        monkeypatch.setitem(celery_app.conf, "broker_transport_options", options)
        monkeypatch.setattr(task_queue, "_paused_until", 0.0)
        outcomes: list[str] = []
        thread = threading.Thread(target=_enqueue, args=[outcomes], daemon=True)
        thread.start()
        thread.join(PATIENCE)
        assert outcomes == ["OperationalError"]


def _enqueue(outcomes: list[str]) -> None:
    try:
        with task_queue.connected() as queue:
            queue.add(task_queue.SEND_EMAIL)
    except task_queue.QueueUnavailable as error:
        outcomes.append(str(error))


def test_a_time_limit_for_all_tasks_of_the_site_ends_no_shard(
    crowd: Crowd, broker: Redis, start_worker: StartWorker
) -> None:
    people = crowd(60)
    worker = start_worker(CELERY_SITE_TIME_LIMIT="1")
    begin(shards=1, rate=25)
    wait_for_the_end(broker, [worker])
    assert "SoftTimeLimitExceeded" not in printed([worker])
    check_all(people)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections to end")
def test_a_database_that_restarts_in_mid_shard_loses_nothing(
    crowd: Crowd, broker: Redis, start_worker: StartWorker
) -> None:
    people = crowd(80)
    worker = start_worker()
    begin(shards=1, rate=25)
    until(checked, "a batch is written")
    end_other_sessions()
    wait_for_the_end(broker, [worker])
    check_all(people)


def end_other_sessions() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert cursor.rowcount
