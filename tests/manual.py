"""Examples of the manual, for tests that put them into a site as they stand there."""

from __future__ import annotations

import copy
import re
from pathlib import Path

from pytest_django import Settings

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "templates.md").read_text()


def template_examples() -> list[tuple[str, str]]:
    """Return the path and the text of each template in docs/templates.md, in the order of the page."""
    return re.findall(r"^```django\n\{# (\S+) #\}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def style_example() -> str:
    """Return the style sheet of docs/templates.md."""
    (sheet,) = re.findall(r"^```css\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(sheet)


def with_own_templates(settings: Settings, place: Path) -> None:
    """Let the site have templates of its own.

    Args:
        settings: of the site.
        place: a directory, in which ``templates`` is made.
    """
    changed = copy.deepcopy(settings.TEMPLATES)
    changed[0]["DIRS"] = [place / "templates"]
    settings.TEMPLATES = changed
    (place / "templates" / "cognito_mfa").mkdir(parents=True)
