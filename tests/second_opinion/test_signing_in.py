"""The journeys of signing in."""

from __future__ import annotations

from tests.journeys.test_first_sign_in import *  # noqa: F403
from tests.journeys.test_invited_person import *  # noqa: F403
from tests.journeys.test_later_sign_in import *  # noqa: F403
from tests.journeys.test_optional_pool import *  # noqa: F403
from tests.journeys.test_sign_out import *  # noqa: F403
