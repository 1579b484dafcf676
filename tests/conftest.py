"""A local Cognito for every test that wants one, judged by the referee in all of them, and a visitor
who uses the site as a person does."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest
from _pytest import runner
from django.test import Client
from django.utils import translation

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.protocol import witnessed
from tests import referee as referees
from tests.referee import Referee
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

pytest_plugins = ["cognito_mfa.local.pytest"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run each test in a context of its own.

    Each URL resolver that Django builds leaves a context variable behind, and asgiref copies all of them
    whenever it changes threads: without this, an asynchronous test takes the longer the more came before.
    """
    return copy_context().run(runner.pytest_runtest_protocol, item, nextitem)


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
def own_language() -> Iterator[None]:
    """Forget the language that a visitor's browser asked for: LocaleMiddleware leaves it to the thread."""
    yield
    translation.deactivate()


@pytest.fixture
def cognito() -> Iterator[LocalCognito]:
    """A local Cognito that the site reaches; it has no pool yet."""
    cognito = LocalCognito()
    with cognito.installed():
        yield cognito


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalPool:
    """A pool that requires MFA, with somebody new in it."""
    return _pool(cognito, mfa="ON")


@pytest.fixture
def optional_pool(cognito: LocalCognito) -> LocalPool:
    """A pool that leaves MFA to the site, with somebody new in it."""
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
