"""The pytest plug-in as other people's projects use it: every example of docs/local-cognito.md runs
as it stands there, and the fixtures keep what the page says of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "local-cognito.md"
EXAMPLE = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SETTINGS = """
from tests.settings import *
"""
CONFIGURATION = """
[pytest]
pythonpath = .
filterwarnings = error
"""


def examples(*names: str) -> dict[str, str]:
    """The examples of the page that are called so; a name may stand there more than once, and the
    last one is meant."""
    found = dict(EXAMPLE.findall(PAGE.read_text()))
    return {name: found[name] for name in names}


def run(folder: Path, files: dict[str, str], *arguments: str) -> str:
    """A project of these files, its tests run. Returns what pytest says."""
    project = {"pytest.ini": CONFIGURATION, "site_settings.py": SETTINGS, **files}
    for name, text in project.items():
        (folder / name).write_text(text)
    done = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_examples_with_django_run_as_they_stand(tmp_path: Path) -> None:
    files = examples("conftest.py", "test_site.py", "test_unittest.py", "test_codes.py")
    assert "cognito_pool_settings" in files["conftest.py"]
    said = run(tmp_path, files, "--ds", "site_settings")
    assert "5 passed" in said, said


def test_the_examples_without_django_run_as_they_stand(tmp_path: Path) -> None:
    files = examples(
        "test_codes.py", "test_clock.py", "test_faults.py", "test_triggers.py", "test_people.py"
    )
    conftest = EXAMPLE.findall(PAGE.read_text())[0]
    assert conftest[0] == "conftest.py"
    said = run(tmp_path, {**files, "conftest.py": conftest[1]}, "-p", "no:django")
    assert "5 passed" in said, said


def test_no_example_of_the_page_is_left_out() -> None:
    used = {"conftest.py", "test_site.py", "test_unittest.py", "test_codes.py"}
    used |= {"test_clock.py", "test_faults.py", "test_triggers.py", "test_people.py"}
    assert {name for name, _ in EXAMPLE.findall(PAGE.read_text())} == used


def test_it_is_not_loaded_unasked(tmp_path: Path) -> None:
    said = run(tmp_path, {"test_mine.py": "def test_mine(local_cognito): ..."})
    assert "fixture 'local_cognito' not found" in said


def test_p_loads_it_too(tmp_path: Path) -> None:
    mine = "def test_mine(local_cognito):\n    assert local_cognito.pools() == []"
    said = run(tmp_path, {"test_mine.py": mine}, "-p", "cognito_mfa.local.pytest")
    assert "1 passed" in said, said
    assert "cognito_pool(**settings)" in run(
        tmp_path, {}, "-p", "cognito_mfa.local.pytest", "--markers"
    )
