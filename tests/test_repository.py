"""What the files around the package promise: one address, pinned actions, and a complete matrix."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")
READ = {".cfg", ".ini", ".md", ".po", ".py", ".toml", ".yml", ".yaml", ".html", ".txt", ".json"}
SKIPPED = {"node_modules", "build", "dist", "venv"}

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="an sdist has no .github")


def test_only_pyproject_has_the_address_of_the_repository() -> None:
    address = re.compile(r"github\.com/[\w-]+/django-cognito-mfa")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in _files(ROOT)
        if path.suffix in READ and address.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["pyproject.toml"]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_a_hash_beside_its_version(workflow: Path) -> None:
    uses = [line for line in workflow.read_text().splitlines() if "uses:" in line]
    assert uses
    assert [line.strip() for line in uses if not PINNED.search(line)] == []


def test_the_workflow_runs_the_whole_matrix_of_tox() -> None:
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    labels = dict(line.split(" = ") for line in tox["tox"]["labels"].strip().splitlines())
    text = (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    run = ",".join(re.findall(r"environments: (\S+)", text)).split(",")
    assert set(labels["matrix"].split(", ")) | set(labels["ci"].split(", ")) == set(run)


def _files(folder: Path) -> list[Path]:
    """Return the files below ``folder`` without those that tools made."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if path.name == ".github" or not path.name.startswith((".", *SKIPPED)):
                found += _files(path)
        else:
            found.append(path)
    return found
