"""A local Cognito for every test that wants one, judged by the referee in all of them, and a visitor
who uses the site as a person does."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeGuard

import pytest
from _pytest import runner
from django.conf import settings
from django.db import router
from django.test import Client
from django.utils import translation
from hypothesis import settings as hypothesis
from pytest_django.plugin import DjangoDbBlocker

from cognito_mfa.cognito import circuit_breaker, newer_operations, retry_budget
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.protocol import witnessed
from cognito_mfa.models import CognitoIdentity
from tests import moments, open_connections
from tests import referee as referees
from tests.referee import Referee
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

pytest_plugins = ["cognito_mfa.local.pytest"]

TESTS = Path(__file__).parent.resolve()
PATIENCE = 60.0  # seconds; a test that needs them has failed
SEED = "COGNITO_MFA_TEST_SEED"  # a run with it is repeatable

# No deadline: how long an example takes says how busy the machine is.
hypothesis.register_profile("ours", deadline=None, derandomize=SEED in os.environ)
hypothesis.load_profile("ours")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--cases``."""
    parser.addoption(
        "--cases",
        type=int,
        metavar="N",
        help="run N cases of each test, from the first to the last",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases of a test that has more than ``--cases``. A test marked ``all_cases`` keeps its own."""
    number = config.getoption("cases")
    if number is None:
        return
    cases: dict[str, list[pytest.Item]] = {}
    for item in items:
        cases.setdefault(item.nodeid.partition("[")[0], []).append(item)
    kept = {item.nodeid for found in cases.values() for item in _some(found, number)}
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
    items[:] = [item for item in items if item.nodeid in kept]


def _some(cases: list[pytest.Item], number: int) -> list[pytest.Item]:
    if cases[0].get_closest_marker("all_cases"):
        return cases
    return [cases[place] for place in spread(len(cases), number)]


def spread(total: int, number: int) -> list[int]:
    """Return ``number`` places of ``total``, evenly apart: neighboring cases differ in their last parameter only."""
    if total <= number:
        return list(range(total))
    return [round((total - 1) * place / max(number - 1, 1)) for place in range(number)]


@pytest.hookimpl(trylast=True, specname="pytest_collection_modifyitems")
def pytest_long_tests_first(items: list[pytest.Item]) -> None:
    """Begin with the tests marked ``long``, in whatever order the others are."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Use a worker more than processors: a fifth of the time, a test waits for a process that it started."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Import the test modules, each worker beginning with others, where all tests run.

    In a fresh clone, pytest rewrites the assertions of 300 modules, which takes as long as collecting twice. The workers
    collect in the same order, so each would rewrite all of them at the same time. This way each rewrites its share,
    and finds the rest in the cache.
    """
    number = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    is_whole = {Path(name).resolve() for name in session.config.args} == {TESTS}
    if not (number and is_whole) or sys.dont_write_bytecode:
        return
    modules = sorted(TESTS.rglob("test_*.py"))
    first = len(modules) * int(number) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    for path in (*modules[first:], *modules[:first]):
        name = ".".join(path.relative_to(TESTS.parent).with_suffix("").parts)
        with suppress(Exception, pytest.skip.Exception):  # whatever it is, collecting shows it
            importlib.import_module(name)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was imported and collected: it stays, and is a million objects."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run each test in a context of its own.

    Each URL resolver that Django builds leaves a context variable behind, and asgiref copies all of them
    whenever it changes threads: without this, an asynchronous test takes the longer the more came before.
    Not under Playwright, whose event loop runs in this thread: there a context has connections of its own.
    """
    if item.get_closest_marker("browser"):
        return None
    return copy_context().run(runner.pytest_runtest_protocol, item, nextitem)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end what was skipped: a line for each reason, where ``-rs`` writes one for each test."""
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ").rstrip(".")
        for report in terminalreporter.getreports("skipped")
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.section("skipped")
    for reason, number in reasons.most_common():
        terminalreporter.write_line(f"{number:>5}  {reason}")


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Let nothing hold the test database when it is deleted."""
    yield
    with django_db_blocker.unblock():
        open_connections.end_other_sessions()


@pytest.fixture(autouse=True)
def own_connections(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a connection open in another thread: on PostgreSQL the end of the run would be blamed.

    Not in a browser: it keeps the connections to its server, and so the threads.
    """
    if request.node.get_closest_marker("browser"):
        yield
    else:
        with open_connections.none_left_open():
            yield


@pytest.fixture(scope="session")
def cognito_model() -> Any:
    """botocore's model of the service, which takes a second to read."""
    return referees.service_model()


@pytest.fixture(autouse=True)
def referee(cognito_model: Any) -> Iterator[Referee]:
    """Whatever a local Cognito answers in a test must be what botocore's model allows."""
    judge = Referee(cognito_model)
    with witnessed(judge):
        yield judge
    assert not judge.problems


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Fail a test that leaves loggers silenced or changed, and undo it: a later test that reads the log
    would be blamed instead.
    """
    loggers = [logging.root, *filter(_is_logger, logging.root.manager.loggerDict.values())]
    before = [(logger, logger.disabled, logger.propagate, logger.level) for logger in loggers]
    yield
    changed = []
    for logger, disabled, propagate, level in before:
        if (logger.disabled, logger.propagate, logger.level) != (disabled, propagate, level):
            changed.append(logger.name)
            logger.disabled, logger.propagate = disabled, propagate
            logger.setLevel(level)
    assert not changed


@pytest.fixture(autouse=True)
def own_settings() -> Iterator[None]:
    """Fail a test that changes a setting in place, which no fixture undoes: later tests would be blamed instead."""
    given: dict[str, Any] = getattr(settings, "COGNITO_MFA", {})
    before = dict(given)
    yield
    after = dict(given)
    given.clear()
    given.update(before)
    assert after == before


@pytest.fixture(autouse=True)
def plain_qr_codes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take qrcode's first mask instead of the best of eight: trying all of them takes most of the time
    of a setup page. Tests of the picture itself are marked ``real_qr_codes``.
    """
    if not {"browser", "real_qr_codes"} & {mark.name for mark in request.node.iter_markers()}:
        monkeypatch.setattr("qrcode.QRCode.best_mask_pattern", lambda _code: 0)


@pytest.fixture(autouse=True)
def quick_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash a recovery code once: fifty thousand times for each code of a set take most of the time of its page.
    The test of that number is marked ``real_hashes``.
    """
    if not request.node.get_closest_marker("real_hashes"):
        monkeypatch.setattr("cognito_mfa.authenticator.recovery_codes._Hasher.iterations", 1)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore repeat at once what may be repeated: no test waits for its back-off."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
    monkeypatch.setattr("cognito_mfa.cognito.transport.PAUSE", (0.0, 0.0))


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the app wait for an email or an answer as long as a busy machine needs; a test about patience sets its own."""
    for limit in (
        "cognito_mfa.authenticator.email_delivery.WAIT",
        "cognito_mfa.cognito.deadline.DEADLINE",
        "cognito_mfa.managed_login.judgment.PATIENCE",
        "cognito_mfa.sign_in.password_reset.PATIENCE",
    ):
        monkeypatch.setattr(limit, PATIENCE)
    # Nor does an answer come too late that a busy machine made wait: as in the faults, a timeout is asked for.
    monkeypatch.setattr(
        "cognito_mfa.local.wire.client.time", SimpleNamespace(monotonic=lambda: 0.0)
    )


@pytest.fixture(autouse=True)
def no_cleanup(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no claim delete old ones: every twentieth row would, and a database counts on from test to test,
    so that the queries of a request would depend on the tests before.
    """
    monkeypatch.setattr("cognito_mfa.sign_in.duplicate_submissions.DELETE_EVERY", 10**9)


@pytest.fixture(autouse=True)
def all_operations() -> None:
    """Forget which operations an earlier test's Cognito did not have."""
    newer_operations.forget()


@pytest.fixture(autouse=True)
def working_service() -> None:
    """Forget that an earlier test's Cognito failed or throttled: the client of the process is the same."""
    circuit_breaker.reset()
    retry_budget.reset()


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """Forget the language that a visitor's browser asked for: LocaleMiddleware leaves it to the thread."""
    yield
    translation.deactivate()


@pytest.fixture
def django_capture_on_commit_callbacks(django_capture_on_commit_callbacks: Any) -> Any:
    """Let callbacks run as after a commit of the database in which our tables are."""
    using = router.db_for_write(CognitoIdentity)
    return partial(django_capture_on_commit_callbacks, using=using)


@pytest.fixture
def cognito() -> Iterator[LocalCognito]:
    """A local Cognito that the site reaches; it has no pool yet."""
    cognito = LocalCognito(moments.clock())
    with cognito.installed():
        yield cognito


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalPool:
    """A pool that requires MFA, with a new user in it."""
    return _pool(cognito, mfa="ON")


@pytest.fixture
def optional_pool(cognito: LocalCognito) -> LocalPool:
    """A pool that leaves MFA to the site, with a new user in it."""
    return _pool(cognito, mfa="OPTIONAL")


@pytest.fixture
def visitor(db: None, cognito: LocalCognito) -> Visitor:
    """A person with a browser, signed in nowhere."""
    return Visitor(Client(enforce_csrf_checks=False), cognito)


def _pool(cognito: LocalCognito, *, mfa: str) -> LocalPool:
    pool = cognito.create_pool(POOL_ID, mfa=mfa)
    pool.create_client(CLIENT_ID)
    attributes = {"email": "newcomer@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=attributes)
    return pool


def _is_logger(entry: object) -> TypeGuard[logging.Logger]:
    return isinstance(entry, logging.Logger)  # and no placeholder for the name of a parent
