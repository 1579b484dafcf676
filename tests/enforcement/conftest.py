"""The site with every kind of view, under settings that a test may change key by key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings


@pytest.fixture
def conf(settings: Settings) -> Callable[..., None]:
    """Change keys of ``COGNITO_MFA``."""

    def change(**changes: Any) -> None:
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, **changes}

    return change


@pytest.fixture
def site(settings: Settings) -> None:
    """Serve the site with every kind of view."""
    settings.ROOT_URLCONF = "tests.enforcement.site"
