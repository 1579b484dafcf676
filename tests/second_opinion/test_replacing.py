"""The journeys of replacing an authenticator."""

from __future__ import annotations

from tests.journeys.test_replace import *  # noqa: F403
