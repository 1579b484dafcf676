"""A site whose log is listened to."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.monitoring import log_events
from tests.monitoring.outcomes import Clock, Heard, Site
from tests.visitor import Visitor


@pytest.fixture
def heard() -> Iterator[Heard]:
    handler = Heard()
    log_events.logger.addHandler(handler)
    log_events.logger.setLevel(logging.DEBUG)
    yield handler
    log_events.logger.removeHandler(handler)
    log_events.logger.setLevel(logging.NOTSET)


@pytest.fixture
def site(
    pool: LocalPool,
    visitor: Visitor,
    settings: Settings,
    heard: Heard,
    monkeypatch: pytest.MonkeyPatch,
) -> Site:
    clock = Clock()
    monkeypatch.setattr("cognito_mfa.values.clocks.monotonic", clock.read)
    return Site(pool, visitor, settings, heard, clock)
