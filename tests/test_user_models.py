"""Sites with user models of other kinds, each in a process of its own, because a process has one user model."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.seed import SEED

HERE = Path(__file__).parent / "user_models"


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Employee", "refusals"),
        ("Employee", "names"),
        ("Unique", "names"),
        ("Called", "names"),
        ("Numbered", "names"),
        ("Initials", "names"),
        ("Keyed", "commands"),
        ("Coded", "commands"),
        ("Distant", "commands"),
    ],
)
def test_a_site_with_users_of_another_kind(model: str, name: str) -> None:
    command = [sys.executable, "-m", "pytest", SEED, "-q", "--ds=tests.user_models.settings"]
    environment = {**os.environ, "USER_MODEL": model}
    environment.pop("PYTEST_ADDOPTS", None)
    ended = subprocess.run(  # noqa: S603
        [*command, "--create-db", str(HERE / f"{name}.py")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
