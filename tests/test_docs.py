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
    tests = re.findall(r"`(tests/[\w/]+\.py)`", text)
    modules = re.findall(r"`((?:local/)?\w+\.py)", text)
    assert len(set(tests)) >= 25
    assert [name for name in tests if not (ROOT / name).is_file()] == []
    ours = [name for name in modules if name != "settings.py"]
    assert [name for name in ours if not (ROOT / "cognito_mfa" / name).is_file()] == []


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of ``document``."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings
    }
