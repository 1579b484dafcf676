"""What the documents say is so: settings, pages, signals, and links that lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.dispatch import Signal

from cognito_mfa import signals, urls
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


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of ``document``."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }
