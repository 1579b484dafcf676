"""Lets tests that were written for one database run on a site with several.

Django refuses every connection to a database that a test does not name, so that a query there, or a transaction,
fails the test.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import router


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Name the database of our tables, and leave out repetitions for each of Cognito's flows."""
    from cognito_mfa.models import CognitoIdentity  # Django is set up by now, and was not before

    kept: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("django_db")
        given: dict[str, Any] = {**(mark.kwargs if mark else {})}
        given["databases"] = [router.db_for_write(CognitoIdentity)]
        item.add_marker(pytest.mark.django_db(**given), append=False)
        is_plain = "ADMIN_USER" not in item.name and "_SRP_" not in item.name
        (kept if is_plain else left_out).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)
