"""The test site with everything about people in a database of its own."""

from __future__ import annotations

import os
from typing import Any

from tests import settings as site
from tests.settings import *  # noqa: F403

# On a server, names of this run, so that several can use it; SQLite keeps each database in memory.
_server = "postgresql" in site.DATABASES["default"]["ENGINE"]


def database(alias: str) -> dict[str, Any]:
    """Return the settings of one more database of the test site, on the same server."""
    name = f"test_cognito_mfa_{os.getpid()}_{alias}" if _server else None
    return {**site.DATABASES["default"], "TEST": {"NAME": name, "DEPENDENCIES": []}}


DATABASES = {alias: database(alias) for alias in ("default", "people")}
DATABASE_ROUTERS = ["tests.databases.routers.PeopleRouter"]
