"""Attacks that are tried twice: through the pages, and through the API."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from cognito_mfa.local import LocalCognito
from tests.api.frontend import FrontEnd
from tests.visitor import Visitor


@pytest.fixture(params=["pages", pytest.param("api", marks=pytest.mark.sweep)])
def visitor(
    request: pytest.FixtureRequest, db: None, cognito: LocalCognito, settings: Settings
) -> Visitor:
    """A person with a browser, who uses the pages or a front end; signed in nowhere."""
    if request.param == "pages":
        return Visitor(Client(), cognito)
    settings.ROOT_URLCONF = "tests.api.urls"
    return FrontEnd(cognito)
