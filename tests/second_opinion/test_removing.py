"""The journeys of a person's own page, and of removing an authenticator."""

from __future__ import annotations

from tests.journeys.test_device_page import *  # noqa: F403
from tests.journeys.test_remove import *  # noqa: F403
