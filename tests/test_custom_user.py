"""A site with its own users cannot share a process with one that has Django's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "custom_user"


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["journeys", "attacks"])
def test_a_site_with_its_own_users(name: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "--ds=tests.custom_user.settings",
        str(HERE / f"{name}.py"),
    ]
    # Its own database, also where another test runs on PostgreSQL at this moment.
    environment = {**os.environ, "DATABASE_URL": "sqlite:///:memory:"}
    environment.pop("PYTEST_ADDOPTS", None)
    ended = subprocess.run(  # noqa: S603
        command, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout
