"""Five sites from scratch, each in a process of its own: what people and superusers meet there."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.seed import SEED

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
# What each site needs, and its tests beside the journeys.
NEEDS = {
    "plain": (),
    "strict_users": (),
    "two_databases": ("psycopg",),
    "admin_theme": ("axes", "hijack", "simple_history", "unfold"),
    "jazzmin": ("jazzmin",),
    "wagtail_cms": ("wagtail",),
}
OWN_TESTS = {
    "strict_users": "strict_users_tests.py",
    "admin_theme": "admin_theme_tests.py",
    "wagtail_cms": "wagtail_tests.py",
}
# Wagtail alone has 150 migrations, and none of the data that they put in is needed.
FASTER = {"wagtail_cms": ["--no-migrations"]}
IS_REQUIRED = os.environ.get("COGNITO_MFA_TEST_PACKAGES") == "required"
POSTGRESQL = os.environ.get("COGNITO_MFA_TEST_DATABASE_URL") or os.environ.get("DATABASE_URL", "")


def _missing(site: str) -> str:
    """Return why the site cannot run here; empty when it can."""
    missing = ", ".join(name for name in NEEDS[site] if find_spec(name) is None)
    if missing:
        return f"{missing} is not installed: pip install --group other-packages"
    if site == "two_databases" and not POSTGRESQL.startswith("postgres"):
        return "there is no PostgreSQL: COGNITO_MFA_TEST_DATABASE_URL would name it"
    return ""


@pytest.mark.sweep
@pytest.mark.parametrize("site", NEEDS)
def test_site(site: str) -> None:
    reason = _missing(site)
    if reason and not IS_REQUIRED:
        pytest.skip(reason)
    assert not reason
    files = ["journeys.py", *filter(None, [OWN_TESTS.get(site)])]
    url = POSTGRESQL if site == "two_databases" else "sqlite:///:memory:"
    command = [sys.executable, "-m", "pytest", SEED, "-q", "-p", "no:cacheprovider"]
    plugin = ["-p", "tests.databases.plugin", f"--ds=tests.sites.{site}"]
    environment = {**os.environ, "DATABASE_URL": url}
    environment.pop("PYTEST_ADDOPTS", None)
    ended = subprocess.run(  # noqa: S603
        [*command, *plugin, *FASTER.get(site, []), *(str(HERE / name) for name in files)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
