"""The nightly sync as shards, on workers that may be killed at any moment."""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from tests.celery.conftest import StartWorker
from tests.celery.processes import Redis, given, until
from tests.celery.syncs import (
    RUNNING,
    Crowd,
    begin,
    check_all,
    checked,
    printed,
    wait_for_the_end,
)
from tests.factories import reading
from tests.management.command_line import run

pytestmark = pytest.mark.django_db(transaction=True)


def asked(cognito: LocalCognito) -> Counter[str]:
    """Return how often Cognito was asked about each user."""
    calls = [call for call in cognito.calls if call.operation == reading()]
    return Counter(str(call.parameters["Username"]) for call in calls)


def test_two_workers_do_a_shard_each_and_two_beats_begin_one_sync(
    cognito: LocalCognito, crowd: Crowd, broker: Redis, start_worker: StartWorker
) -> None:
    people = crowd(100)
    workers = [start_worker(), start_worker()]
    begin(shards=2, rate=50)
    begin(shards=2, rate=50)
    wait_for_the_end(broker, workers)
    until(lambda: "sync_skipped" in printed(workers), "the second one is skipped")
    check_all(people)
    assert set(asked(cognito).values()) == {1}
    for worker in workers:
        assert worker.printed.count("sync_part: run") == 1


def test_a_process_that_is_killed_in_mid_shard_loses_nothing(
    cognito: LocalCognito, crowd: Crowd, broker: Redis, start_worker: StartWorker
) -> None:
    """Its message is delivered again, and no one whose answer was written is asked about again."""
    people = crowd(90)
    worker = start_worker()
    begin(shards=1, rate=30)
    before = until(checked, "a batch is written")
    os.kill(worker.children[0], signal.SIGKILL)
    wait_for_the_end(broker, [worker])
    assert "WorkerLostError" in worker.printed
    check_all(people)
    times = asked(cognito)
    assert all(times[sub] == 1 for sub in before)
    assert max(times.values()) <= 2


def test_a_worker_that_is_killed_as_a_whole_loses_nothing(
    cognito: LocalCognito, crowd: Crowd, broker: Redis, start_worker: StartWorker
) -> None:
    """Another one gets its message when Redis no longer waits for it."""
    people = crowd(80)
    lost = start_worker(CELERY_SITE_VISIBILITY="1")
    begin(shards=1, rate=25)
    before = until(checked, "a batch is written")
    lost.kill()
    worker = start_worker(CELERY_SITE_VISIBILITY="1")
    wait_for_the_end(broker, [worker])
    check_all(people)
    times = asked(cognito)
    assert all(times[sub] == 1 for sub in before)
    assert max(times.values()) <= 2


def test_a_shard_that_is_delivered_after_the_end_asks_no_one(
    cognito: LocalCognito, crowd: Crowd, broker: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    from cognito_mfa.tasks import sync_shard

    crowd(2)
    caplog.set_level("INFO", "cognito_mfa")
    shard: dict[str, Any] = {"run": "night", "number": 1, "shards": 1, "rate": 96.0}
    sync_shard(**shard, began="2026-01-01T00:00:00+00:00")
    assert "sync_expired: run night, shard 1/1" in caplog.text
    sync_shard(**shard, began="2100-01-01T00:00:00+00:00")
    assert "sync_outdated: run night, shard 1/1" in caplog.text
    assert cognito.operations() == []


def test_a_shard_that_takes_long_is_continued_by_another_message(
    cognito: LocalCognito,
    crowd: Crowd,
    broker: Redis,
    celery_app: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So that a worker can end between two parts; the list of the pool's users is read once."""
    from cognito_mfa.tasks import sync, sync_shard

    people = crowd(4)
    monkeypatch.setattr("cognito_mfa.tasks.shards.LONG_PART", 1e-9)
    sync.apply(kwargs={"shards": 1}, task_id="night")
    (first,) = map(given, broker.queued())
    sync_shard.apply(kwargs=first)
    assert reading() not in cognito.operations()
    cognito.forget_calls()
    second = given(broker.queued()[0])
    assert second == {**first, "continued": True}
    sync_shard.apply(kwargs=second)
    check_all(people)
    assert set(cognito.operations()) == {reading()}


def test_a_shard_that_may_not_ask_cognito_is_tried_again_later(
    cognito: LocalCognito, crowd: Crowd, broker: Redis
) -> None:
    from celery.exceptions import Retry

    from cognito_mfa.tasks import sync, sync_shard

    crowd(2)
    for operation in ("AdminGetUserAuthFactors", "AdminGetUser"):
        cognito.faults.on(operation, faults.Error("AccessDeniedException"), times=9)
    sync.apply(kwargs={"shards": 1}, task_id="night")
    with pytest.raises(Retry):
        sync_shard.apply(kwargs=given(*broker.queued()), throw=True)


def test_a_redis_that_fails_interrupts_a_shard(
    crowd: Crowd, broker: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    from celery.exceptions import Retry

    from cognito_mfa.tasks import sync_shard

    broker.kill()
    kwargs = {
        "run": "night",
        "number": 1,
        "shards": 1,
        "rate": 96.0,
        "began": "2100-01-01T00:00:00+00:00",
    }
    with pytest.raises(Retry):
        sync_shard.apply(kwargs=kwargs, throw=True)
    assert "sync_interrupted: run night, ConnectionError" in caplog.text
    assert "127.0.0.1" not in caplog.text


def exhaust(limiter: Any) -> None:
    while True:
        limiter.acquire()


class TestTheSharedRedis:
    """``cognito_mfa.tasks.shared_redis``: what all workers agree on."""

    @pytest.fixture
    def redis(self, broker: Redis) -> Any:
        from cognito_mfa.tasks.shared_redis import client

        return client()

    @pytest.mark.parametrize(("rate", "others_rate"), [(0.1, 0.1), (0.1, 40), (0.1, 0.01)])
    def test_workers_share_one_rate(self, redis: Any, rate: float, others_rate: float) -> None:
        """By Redis's clock. Neither takes more in advance than the other, so none waits for ever."""
        from cognito_mfa.tasks.shared_redis import BURST, SharedLimiter

        class Waited(Exception):
            pass

        waits: list[float] = []

        def note(seconds: float) -> None:
            waits.append(seconds)
            raise Waited

        one, other = (SharedLimiter(each, sleep=note) for each in (rate, others_rate))
        with pytest.raises(Waited):
            exhaust(one)
        with pytest.raises(Waited):
            other.acquire()
        assert 0 < waits[1] <= waits[0] <= BURST + 1 / rate

    def test_a_rate_must_be_above_zero(self, redis: Any) -> None:
        from cognito_mfa.tasks.shared_redis import SharedLimiter

        with pytest.raises(ValueError, match="above zero"):
            SharedLimiter(0)

    def test_the_newest_execution_has_the_shard(self, redis: Any) -> None:
        """A message that Redis delivers again while its task runs makes the older one stop."""
        from cognito_mfa.tasks.shared_redis import SharedRun, Turn

        now = [0.0]
        run = SharedRun(redis, "night")
        assert run.begin(2)
        first = Turn(redis, run, 1, clock=lambda: now[0])
        assert not first.has_ended()
        second = Turn(redis, run, 1, clock=lambda: now[0])
        other = Turn(redis, run, 2, clock=lambda: now[0])
        now[0] = 2.0
        assert first.has_ended()
        assert not second.has_ended()
        assert not other.has_ended()

    def test_a_run_ends_with_its_last_shard(self, redis: Any) -> None:
        from cognito_mfa.tasks.shared_redis import SharedRun

        run, other = SharedRun(redis, "night"), SharedRun(redis, "next night")
        assert run.begin(2)
        assert run.begin(2)  # its message was delivered again
        assert not other.begin(2)
        assert not run.finish(1)
        assert not run.finish(1)
        assert not other.begin(2)
        assert run.finish(2)
        assert not run.is_current
        assert not run.begin(2)  # its message arrived late
        assert other.begin(1)

    def test_a_run_whose_message_is_delivered_again_goes_on(self, redis: Any) -> None:
        """Who was checked since it began at first is not asked about again, and no finished shard is done again."""
        from cognito_mfa.tasks.shared_redis import SharedRun

        first = SharedRun(redis, "night").begin(3)
        assert first is not None
        assert first.shards == [1, 2, 3]
        assert not SharedRun(redis, "night").finish(2)
        assert SharedRun(redis, "night").begin(3) == (first.at, [1, 3])

    def test_a_worker_that_is_killed_while_it_begins_a_run_loses_nothing(self, redis: Any) -> None:
        from cognito_mfa.tasks.shared_redis import SharedRun

        run = SharedRun(redis, "night")
        redis.set(RUNNING, "night")  # and then it was killed
        assert run.begin(1)
        assert run.finish(1)


def test_without_a_redis_the_sync_says_what_is_missing(
    pool: LocalPool, celery_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cognito_mfa.tasks import sync

    monkeypatch.setattr(celery_app.conf, "broker_url", "amqp://127.0.0.1")
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
        sync.apply(throw=True)


@pytest.mark.parametrize("shards", [0, 101])
def test_an_impossible_number_of_shards_is_refused(celery_app: Any, shards: int) -> None:
    from cognito_mfa.tasks import sync

    with pytest.raises(ValueError, match="from 1 to 100"):
        sync.apply(kwargs={"shards": shards}, throw=True)


def test_the_command_beside_a_workers_sync_harms_nothing(
    cognito: LocalCognito, crowd: Crowd, broker: Redis, start_worker: StartWorker
) -> None:
    """Both write to the same rows; who was faster is for neither a change or a failure."""
    people = crowd(60)
    worker = start_worker()
    begin(shards=2, rate=50)
    until(lambda: asked(cognito), "the sync has begun")
    code, text = run("sync", "--rate", "60")
    assert code == 0, text
    wait_for_the_end(broker, [worker])
    check_all(people)
    assert max(asked(cognito).values()) <= 3
    assert "Traceback" not in worker.printed
