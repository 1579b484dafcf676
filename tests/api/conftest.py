"""The site with the API, and a front end that uses it."""

from __future__ import annotations

import pytest

from cognito_mfa.local import LocalCognito
from tests.api.frontend import FrontEnd


@pytest.fixture(autouse=True)
def site_with_api(settings: object) -> None:
    settings.ROOT_URLCONF = "tests.api.urls"  # type: ignore[attr-defined]


@pytest.fixture
def front_end(db: None, cognito: LocalCognito) -> FrontEnd:
    """A person whose browser runs a front end, signed in nowhere."""
    return FrontEnd(cognito)
