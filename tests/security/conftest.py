"""What the attacks have in common: the site with every kind of view, and both servers."""

from __future__ import annotations

import pytest

from tests.enforcement.conftest import conf, site
from tests.enforcement.servers import SERVERS, Send
from tests.security.confirmations import anna, browser

__all__ = ["anna", "browser", "conf", "send", "site"]


@pytest.fixture(params=SERVERS)
def send(request: pytest.FixtureRequest) -> Send:
    """Send requests through one server, then the other."""
    return SERVERS[request.param]
