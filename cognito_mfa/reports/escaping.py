"""Escapes untrusted text for terminals, logs, and spreadsheets.

HTML and JSON do not need this, because templates and the JSON encoder escape.
"""

from __future__ import annotations

import re

# Not printable to Python, and yet part of names: no-break and ideographic space, the two joiners.
_PART_OF_NAMES = frozenset("\u00a0\u3000\u200c\u200d")

# SECURITY: what makes a spreadsheet run a cell (ASVS 1.2.10), the full-width forms included. Also
# behind a semicolon, where a spreadsheet that expects semicolons begins a cell that quotes do not hold.
_RUNS = re.compile("(\\A|;)(?=[\t\r\n\0]|\\s*[=+\\-@＝＋－＠])")  # noqa: RUF001 - they are meant


def visible(text: str) -> str:
    """Return ``text`` with control and direction characters spelled out, such as ``\\x1b``.

    It stays on one line, and can neither move the cursor nor turn the reading direction around.
    """
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or char in _PART_OF_NAMES
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def csv_cell(value: object) -> str:
    """Return ``value`` as a one-line cell that no spreadsheet treats as a formula."""
    return visible(_RUNS.sub(r"\1'", str(value))) if value is not None else ""
