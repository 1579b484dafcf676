"""Sites whose processes end: with real transactions, and an email backend that belongs to the process."""

from __future__ import annotations

from typing import NamedTuple

import django
import pytest
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from tests.kills.ending import Mailbox, Way
from tests.ways_in import API, PAGES, use_api

MAILBOX = f"{Mailbox.__module__}.{Mailbox.__qualname__}"


@pytest.fixture(autouse=True)
def site(transactional_db: None, settings: Settings) -> None:
    """A site with recovery codes, whose users may turn their app off where the policy lets them."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "RECOVERY_CODES": True, "ALLOW_REMOVE": True}
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": MAILBOX}}
    else:
        settings.EMAIL_BACKEND = MAILBOX


@pytest.fixture(
    params=[
        Way.KILLED,
        pytest.param(Way.TOLD_TO_EXIT, marks=pytest.mark.sweep),
        pytest.param(Way.CONNECTION_LOST, marks=pytest.mark.sweep),
    ],
    ids=lambda way: way.name,
)
def way(request: pytest.FixtureRequest) -> Way:
    """How the process ends."""
    found: Way = request.param
    return found


@pytest.fixture(params=["ON", pytest.param("OPTIONAL", marks=pytest.mark.sweep)])
def any_pool(request: pytest.FixtureRequest) -> LocalPool:
    """A pool that requires MFA, and one that leaves it to the site."""
    name = "pool" if request.param == "ON" else "optional_pool"
    found: LocalPool = request.getfixturevalue(name)
    return found


class How(NamedTuple):
    """How a process ends, and where its requests went: to the pages, or to the API."""

    way: Way
    posts_to: str


@pytest.fixture(
    params=[
        How(Way.KILLED, PAGES),
        pytest.param(How(Way.KILLED, API), marks=pytest.mark.sweep),
        pytest.param(How(Way.TOLD_TO_EXIT, PAGES), marks=pytest.mark.sweep),
        pytest.param(How(Way.CONNECTION_LOST, PAGES), marks=pytest.mark.sweep),
    ],
    ids=lambda how: f"{how.way.name}-{how.posts_to}",
)
def how(request: pytest.FixtureRequest, settings: Settings) -> How:
    """How the process ends, on the pages; and killed, in the API."""
    found: How = request.param
    use_api(found.posts_to, settings)
    return found
