"""Every class in a template has a rule in the style sheet that is loaded with the template."""

from __future__ import annotations

import re
from pathlib import Path

import cognito_mfa

ROOT = Path(cognito_mfa.__file__).parent
SHEETS = ROOT / "static/cognito_mfa"


def classes_of(template: str) -> set[str]:
    """Return our classes that a template uses, in attributes and in the block for the card's class."""
    attributes = re.findall(r'class="([^"]*)"', template)
    blocks = re.findall(r"block card_class %\}([^{]*)", template)
    return set(re.findall(r"\bcognito-mfa-[a-z-]+", " ".join(attributes + blocks)))


def test_every_class_of_a_template_has_a_rule() -> None:
    sheets = {"banner.html": "banner.css"}
    missing, seen = [], 0
    for template in sorted((ROOT / "templates/cognito_mfa").rglob("*.html")):
        if template.parent.name == "email":  # emails carry their own styles
            continue
        sheet = (SHEETS / sheets.get(template.name, "cognito_mfa.css")).read_text()
        for name in classes_of(template.read_text()):
            seen += 1
            if not re.search(rf"\.{name}(?![\w-])", sheet):
                missing.append(f"{template.name}: {name}")
    assert missing == []
    assert seen > 50


def test_a_template_with_a_sheet_of_its_own_loads_it() -> None:
    """The banner stands on the site's own pages, which load none of ours."""
    assert (
        "cognito_mfa/banner.css"
        in (ROOT / "templates/cognito_mfa/partials/banner.html").read_text()
    )
