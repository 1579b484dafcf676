"""The journeys up to the gate, and of what breaks off."""

from __future__ import annotations

from tests.journeys.test_confidential_client import *  # noqa: F403
from tests.journeys.test_gate import *  # noqa: F403
from tests.journeys.test_interrupted import *  # noqa: F403
