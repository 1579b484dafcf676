"""Sites with apps of others beside ours, whose models the other tests' database does not have."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.seed import SEED

HERE = Path(__file__).parent / "neighbors"


@pytest.mark.sweep
@pytest.mark.parametrize("name", ["fallbacks", "impersonation"])
def test_beside_apps_of_others(name: str) -> None:
    command = [sys.executable, "-m", "pytest", SEED, "-q", "--ds=tests.neighbors.settings"]
    # Its own database, also where another test runs on PostgreSQL at this moment.
    environment = {**os.environ, "DATABASE_URL": "sqlite:///:memory:"}
    environment.pop("PYTEST_ADDOPTS", None)
    ended = subprocess.run(  # noqa: S603
        [*command, str(HERE / f"{name}.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
