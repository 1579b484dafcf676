"""A site whose web process is the test, with a Redis and workers of its own.

These tests run with settings of their own: ``pytest --ds=tests.celery.settings tests/celery``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as in_force
from django.contrib.auth.models import User

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.celery import settings as own
from tests.celery.processes import Redis, Worker, free_port
from tests.factories import make
from tests.visitor import PASSWORD, POOL_ID, Visitor

HERE = "tests/celery"
OWN = "tests.celery.settings"
StartWorker = Callable[..., Worker]


def _reason() -> str:
    """Why nothing here can run; empty when it can."""
    if in_force.SETTINGS_MODULE != OWN:
        return "Celery's workers have settings of their own: run `tox run -e celery`"
    if own.MISSING:
        return f"{', '.join(own.MISSING)} is not installed: pip install --group celery"
    if shutil.which("redis-server") is None:
        assert os.environ.get("COGNITO_MFA_TEST_REDIS") != "required", "no redis-server found"
        return "redis-server is not installed"
    return ""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = _reason()
    for item in items:
        if reason and HERE in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def folder() -> Path:
    """What the web process and its workers share."""
    return own.SITE


@pytest.fixture(scope="session")
def celery_app() -> Any:
    from tests.celery.app import app

    app.set_current()
    return app


@pytest.fixture(scope="session")
def redis_server(folder: Path) -> Iterator[Redis]:
    server = Redis(folder, free_port())
    yield server
    server.kill()


@pytest.fixture
def broker(redis_server: Redis, celery_app: Any, monkeypatch: pytest.MonkeyPatch) -> Redis:
    """An empty Redis, which the web process and its workers use."""
    redis_server.start_anew()
    _use(celery_app, redis_server.url, monkeypatch)
    return redis_server


@pytest.fixture
def no_broker(celery_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of a Redis that is down."""
    _use(celery_app, f"redis://127.0.0.1:{free_port()}/0", monkeypatch)


@pytest.fixture
def start_worker(
    folder: Path, broker: Redis, cognito: LocalCognito, transactional_db: None
) -> Iterator[StartWorker]:
    """Start a worker, which uses the Cognito of the test over HTTP."""
    workers: list[Worker] = []
    with cognito.serve() as server:

        def start(*, processes: int = 1, **environment: str) -> Worker:
            name = f"worker-{free_port()}"
            addresses = {"CELERY_SITE_COGNITO": server.url, "CELERY_SITE_REDIS": broker.url}
            workers.append(Worker(folder, name, processes=processes, **addresses, **environment))
            workers[-1].wait_until_it_runs()
            return workers[-1]

        yield start
        for worker in workers:
            worker.kill()


def _use(app: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.conf, "broker_url", url)
    monkeypatch.setattr("cognito_mfa.task_queue._paused_until", 0.0)


@pytest.fixture
def admin(pool: LocalPool, visitor: Visitor) -> Visitor:
    """A superuser who came in through our sign-in, with both factors."""
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.come_with_app("root")
    return visitor


@pytest.fixture
def crowd(pool: LocalPool) -> Callable[[int], list[CognitoIdentity]]:
    """Make users in the pool and here, every second one with an authenticator app."""

    def make_many(number: int) -> list[CognitoIdentity]:
        names = [f"user{n:04d}" for n in range(number)]
        subs = [pool.create_user(name, password=PASSWORD).sub for name in names]
        users = User.objects.bulk_create(User(username=name) for name in names)
        for name in names[::2]:
            pool.register_software_token(name)
        return CognitoIdentity.objects.bulk_create(
            CognitoIdentity(user=user, pool_id=POOL_ID, sub=sub, username=user.username)
            for user, sub in zip(users, subs, strict=True)
        )

    return make_many
