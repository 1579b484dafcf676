"""Fixtures: a Cognito whose clock stands still, its users, and clients in process and over HTTP."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from botocore.config import Config  # noqa: TID253

from cognito_mfa.local import Clock, LocalCognito
from cognito_mfa.local.account_log import SCHEMA, AccountLog
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.recording import Part
from cognito_mfa.local.rules.state import Account
from cognito_mfa.local.wire.client import boto3_session
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller

#: Ten seconds into a step.
START = 1_780_000_000 // 30 * 30 + 10.0
#: Only a wrong answer fails a test, never a slow machine.
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1, "mode": "standard"}, read_timeout=60)


class ComparedCognito(LocalCognito):
    """A local Cognito whose changes go to a database, which is compared with it after each call.

    So each test that calls an operation also holds what a state file would get.
    """

    log: AccountLog | None = None
    kept: Account | None = None
    """What was read after the last call that wrote anything."""

    def _commit(self) -> None:
        super()._commit()
        if self.log is None:
            self.log = AccountLog(_memory())
            self.log.replace(self.account)
            self.log.watch(self.account)
        before = self.log.written
        self.log.write(self.account)
        if self.kept is None or self.log.written != before:
            self.kept = self.log.read()
        assert self.kept == self.account
        assert _order(self.kept) == _order(self.account)


def _memory() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database.execute(SCHEMA)
    return database


def _order(value: Any) -> Any:
    """What a comparison of dictionaries does not look at: lists, pages and clean-ups rely on it."""
    if isinstance(value, dict):
        return [(key, _order(item)) for key, item in value.items()]
    if isinstance(value, Part):
        kept = [one.name for one in fields(value) if not one.metadata.get("derived")]  # type: ignore[arg-type]
        return [_order(getattr(value, name)) for name in kept]
    return None


@pytest.fixture
def cognito() -> Iterator[LocalCognito]:
    cognito = ComparedCognito(Clock(START, ticking=False))
    yield cognito
    if cognito.log is not None:
        cognito.log.close()


@pytest.fixture
def pool(cognito: LocalCognito) -> LocalPool:
    """An ON pool with a new user and an enrolled user."""
    return populated(cognito, mfa="ON")


@pytest.fixture
def optional_pool(cognito: LocalCognito) -> LocalPool:
    return populated(cognito, mfa="OPTIONAL")


@pytest.fixture
def boto(cognito: LocalCognito) -> Any:
    """A boto3 client, answered in process."""
    return cognito.client(config=ONE_ATTEMPT)


@pytest.fixture
def caller(boto: Any) -> Caller:
    return Caller(boto)


@pytest.fixture(params=["in process", "over HTTP"])
def either_boto(request: pytest.FixtureRequest, cognito: LocalCognito) -> Iterator[Any]:
    """The same client, in process and over HTTP."""
    if request.param == "in process":
        yield cognito.client(config=ONE_ATTEMPT)
        return
    with cognito.serve() as server:
        yield http_client(server.url)


@pytest.fixture
def either(either_boto: Any) -> Caller:
    return Caller(either_boto)


def http_client(url: str, **kwargs: Any) -> Any:
    return boto3_session().client(
        "cognito-idp",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        **{"config": ONE_ATTEMPT, **kwargs},
    )


def populated(cognito: LocalCognito, **settings: Any) -> LocalPool:
    """A pool with a client, "newcomer" without a factor and "regular" with one."""
    pool = cognito.create_pool(POOL_ID, **settings)
    pool.create_client(CLIENT_ID)
    for username in ("newcomer", "regular"):
        attributes = {"email": f"{username}@example.com"}
        pool.create_user(username, password=PASSWORD, attributes=attributes)
    pool.register_software_token("regular", friendly_name="Old phone")
    return pool
