"""What the attacks have in common: the site with every kind of view, both servers, and the pages and the API."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from tests.enforcement.conftest import conf, site
from tests.enforcement.servers import SERVERS, Send
from tests.security.confirmations import anna, browser
from tests.visitor import Visitor
from tests.ways_in import API, OVER_API, PAGES, ByApi, keep_first_case, posts_to, use_api

__all__ = ["anna", "browser", "conf", "posts_to", "send", "site"]


@pytest.fixture(params=SERVERS)
def send(request: pytest.FixtureRequest) -> Send:
    """Send requests through one server, then the other."""
    return SERVERS[request.param]


@pytest.fixture
def visitor(posts_to: str, db: None, cognito: LocalCognito, settings: Settings) -> Visitor:
    """A person with a browser, signed in nowhere."""
    use_api(posts_to, settings)
    return (ByApi if posts_to == API else Visitor)(Client(), cognito)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run an attack marked ``over_api`` also with posts to the API instead of the pages."""
    if metafunc.definition.get_closest_marker("over_api") is not None:
        metafunc.parametrize("posts_to", [PAGES, OVER_API], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one case of each attack over the API."""
    keep_first_case(config, items)
