"""What the documents say is so: settings, pages, signals, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.dispatch import Signal

from cognito_mfa import signals, urls
from cognito_mfa.cognito.errors import MEANINGS
from cognito_mfa.conf import SETTINGS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def rows_after(heading: str) -> list[str]:
    """Return the first cells of the table under ``heading``."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^|]+)` \|", section, re.MULTILINE)


def test_every_setting_is_in_the_readme() -> None:
    assert set(rows_after("Settings")) == set(SETTINGS)


def test_every_page_is_in_the_readme() -> None:
    section = README.split("\n## Pages, templates, signals\n", 1)[1].split("\n## ", 1)[0]
    for pattern in urls.urlpatterns:
        assert f"`{pattern.name}`" in section


def test_every_signal_is_in_the_readme() -> None:
    told = " ".join(rows_after("Pages, templates, signals"))
    for name, value in vars(signals).items():
        if isinstance(value, Signal):
            assert name in told


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _hash, anchor = target.partition("#")
        found = document.parent / name if name else document
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


def test_the_threat_model_names_tests_and_modules_that_exist() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text()
    named = set(re.findall(r"`((?:\w+/)*\w+\.py)`", text)) - {"settings.py"}
    tests = {name for name in named if name.startswith("tests/")}
    assert len(tests) >= 25
    assert len(named - tests) >= 20
    assert [name for name in tests if not (ROOT / name).is_file()] == []
    assert [name for name in named - tests if not (ROOT / "cognito_mfa" / name).is_file()] == []
    for name, module in re.findall(r"`(\w+)` in `((?:\w+/)*\w+\.py)`", text):
        source = (ROOT / "cognito_mfa" / module).read_text()
        assert re.search(rf"^(?:def|class) {name}\b", source, re.MULTILINE), name


def test_code_names_sections_about_cognito_that_exist() -> None:
    """Comments name a section as ``"Wire protocol" in docs/cognito-behavior.md``, or behind the page."""
    text = (ROOT / "docs" / "cognito-behavior.md").read_text()
    headings = set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    named = {
        (section, path.relative_to(ROOT).as_posix())
        for folder in ("cognito_mfa", "tests", "benchmarks", "example_project")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
        for section in sections_named_in(path.read_text())
    }
    assert len(named) >= 20
    assert {(section, path) for section, path in named if section not in headings} == set()


def sections_named_in(source: str) -> list[str]:
    """Return the sections of docs/cognito-behavior.md that comments in ``source`` name."""
    if "cognito-behavior.md" not in source:
        return []
    line = re.sub(r"\s*\n\s*(?:#:? )?", " ", source)
    page = r"`*docs/cognito-behavior\.md`*"
    before = re.findall(rf'((?:"[^"]+"(?:, | and |, and | under )?)+) (?:in|of) {page}', line)
    behind = re.findall(rf'{page}, ((?:"[^"]+"(?:, | and |, and | under )?)+)', line)
    return [name for names in (*before, *behind) for name in re.findall(r'"([^"]+)"', names)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_dotted_paths_in_documents_exist(document: Path) -> None:
    """A path is that of a module, of a name in one, of a permission, or of a check."""
    known = permissions()
    for path in set(re.findall(r"\bcognito_mfa(?:\.[A-Za-z_]\w*)+", document.read_text())):
        if path in known or re.fullmatch(r"cognito_mfa\.[EW]\d{3}", path):
            continue
        source, name = split_path(path)
        assert not name or re.search(rf"\b{name}\b", source.read_text()), path


def permissions() -> set[str]:
    """Return the app's permissions as ``user.has_perm`` takes them."""
    return {
        f"cognito_mfa.{codename}"
        for model in apps.get_app_config("cognito_mfa").get_models()
        for codename in (
            *(codename for codename, _label in model._meta.permissions),
            *(f"{action}_{model._meta.model_name}" for action in model._meta.default_permissions),
        )
    }


def split_path(path: str) -> tuple[Path, str]:
    """Return the file of the longest module in ``path``, and the name in it, which may be empty."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        base = ROOT.joinpath(*parts[:length])
        for source in (base.with_suffix(".py"), base / "__init__.py"):
            if source.is_file():
                return source, ".".join(parts[length : length + 1])
    raise AssertionError(path)


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of ``document``."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }


TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"


def test_troubleshooting_has_each_reason_of_the_table() -> None:
    text = TROUBLESHOOTING.read_text()
    reasons = {str(meaning.reason) for meaning in MEANINGS if meaning.reason}
    reasons -= {"context"}  # of which the line client_context_refused tells
    assert {
        reason for reason in reasons if f"`{reason}`" not in text and f" {reason}`" not in text
    } == set()


def test_troubleshooting_names_lines_that_the_log_has() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "cognito_mfa").rglob("*.py"))
    named = re.findall(
        r"\b[a-z]+(?:_[a-z]+)*_(?:refused|stopped|left_out)\b|\boperation_missing\b|\bcognito_failed\b",
        TROUBLESHOOTING.read_text(),
    )
    assert len(set(named)) >= 8
    assert {name for name in named if f'"{name}' not in source} == set()
