"""What the files around the package promise: one address, pinned actions, and a complete matrix."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from pathlib import Path

import pytest

from tests.conftest import spread

ROOT = Path(__file__).resolve().parent.parent
MOST_IN_FIRST_LINE = 100  # characters
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$")
READ = {".cfg", ".ini", ".md", ".po", ".py", ".toml", ".yml", ".yaml", ".html", ".txt", ".json"}
SKIPPED = {"node_modules", "build", "dist", "venv", "var"}  # var: what the example site keeps

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="an sdist has no .github")


def test_only_pyproject_has_the_address_of_the_repository() -> None:
    address = re.compile(r"github\.com/[\w-]+/django-cognito-mfa")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in _files(ROOT)
        if path.suffix in READ and address.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["pyproject.toml"]


def test_pypi_shows_a_readme_without_relative_addresses() -> None:
    """The build makes it with these substitutions, one after another."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hook = project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert hook["fragments"] == [{"path": "README.md"}]
    text = (ROOT / "README.md").read_text()
    for change in hook["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)
    addresses = re.findall(r"\]\(([^)]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    assert len(addresses) >= 20
    found = ["".join(address) for address in addresses]
    assert [address for address in found if not address.startswith("https://")] == []
    home = project["project"]["urls"]["Homepage"]
    for address in found:
        if address.startswith(f"{home}/blob/main/"):
            name = address.removeprefix(f"{home}/blob/main/").partition("#")[0]
            assert (ROOT / name).exists(), address


def test_the_badges_name_the_supported_versions() -> None:
    readme = (ROOT / "README.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, prefix in (
        ("Python", "Programming Language :: Python"),
        ("Django", "Framework :: Django"),
    ):
        versions = [
            found[1]
            for line in project["classifiers"]
            if (found := re.fullmatch(rf"{prefix} :: (\d+\.\d+)", line))
        ]
        assert f"![{name} {' | '.join(versions)}]" in readme
        assert f"badge/{name}-{'%20%7C%20'.join(versions)}-" in readme


def test_an_extra_is_the_version_that_the_tests_run_with() -> None:
    """And the page about versions names it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tested = {
        line
        for group in project["dependency-groups"].values()
        for line in group
        if isinstance(line, str)
    }
    page = (ROOT / "docs" / "stability.md").read_text()
    for name, requirements in project["project"]["optional-dependencies"].items():
        assert set(requirements) <= tested
        assert f"`django-cognito-mfa[{name}]`" in page


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


def test_every_sweep_is_run_before_a_merge() -> None:
    """`tox` leaves sweeps out, so a folder that no other command names is never swept."""
    commands = [line for line in (ROOT / "tox.ini").read_text().splitlines() if "tests/" in line]
    sweeping = [line for line in commands if "-m sweep" in line or '-m "not sweep"' not in line]
    named = set(re.findall(r"tests/[\w/]+(?:\.py)?", "\n".join(sweeping)))
    for path in (ROOT / "tests").rglob("test_*.py"):
        if re.search(r"mark\.sweep", path.read_text()):
            name = path.relative_to(ROOT)
            assert {one.as_posix() for one in (name, *name.parents)} & named, name


def test_contributors_are_told_about_every_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    table = text.partition("\n## Find your way\n")[2].partition("\nThe import contract")[0]
    told = re.findall(r"`(\w+)/`", "".join(re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)))
    folders = [path.name for path in (ROOT / "cognito_mfa").iterdir() if path.is_dir()]
    assert sorted(told) == sorted(name for name in folders if name != "__pycache__")


def test_the_first_line_of_a_docstring_is_short() -> None:
    """Editors show it in lists: what a function does, and what a class or a module is. Reasons come below."""
    long = [
        f"{path.relative_to(ROOT)}: {first}"
        for path in sorted((ROOT / "cognito_mfa").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (first := (ast.get_docstring(node) or "").partition("\n")[0])
        and len(first) > MOST_IN_FIRST_LINE
    ]
    assert long == []


def test_no_test_formats_a_time_of_its_own() -> None:
    """The date in UTC is not the site's for an hour or two of each day, and an hour can be missing: see
    ``tests/moments.py``.
    """
    own = re.compile(r"\.(strftime|localdate|localtime|today|utcnow)\(")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in _files(ROOT / "tests")
        if path.suffix == ".py"
        and path.name != "moments.py"
        and own.search(path.read_text(encoding="utf-8").replace("moments.today(", ""))
    ]
    assert found == []


def test_no_test_makes_a_code_of_the_machines_time() -> None:
    """The local Cognito judges it by a clock that is ahead of the machine's, and that tests move. In the tutorial
    it is a program of its own, with the machine's clock.
    """
    own = re.compile(r"(?<!clock)(?<!timezone)(?<!datetime)\.now\(|\.at\((int\()?time\.time")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in _files(ROOT / "tests")
        if path.suffix == ".py" and own.search(path.read_text(encoding="utf-8"))
    ]
    assert found == ["tests/test_tutorial.py"]


def test_no_test_starts_an_event_loop_of_its_own() -> None:
    """What is synchronous in it runs in a thread that keeps its connection to the database for good;
    ``async_to_sync`` runs it in the thread of the test.
    """
    own = re.compile(r"^[^#\n]*\basyncio\.(run|Runner)\(", re.MULTILINE)
    found = [
        path.relative_to(ROOT).as_posix()
        for path in _files(ROOT / "tests")
        if path.suffix == ".py" and own.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("total", "number", "places"),
    [
        (10, 1, [0]),
        (10, 3, [0, 4, 9]),
        (10, 9, [0, 1, 2, 3, 4, 6, 7, 8, 9]),
        (3, 3, [0, 1, 2]),
        (1, 4, [0]),
    ],
)
def test_the_cases_that_run_are_spread_over_all(total: int, number: int, places: list[int]) -> None:
    assert spread(total, number) == places


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
