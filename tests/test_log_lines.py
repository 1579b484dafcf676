"""The lines that the app writes to the log: a stable event name in snake_case, a colon, and what it is about.

Outcomes have a table of their names: ``cognito_mfa.monitoring.log_events``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cognito_mfa.monitoring import log_events

APP = Path(__file__).parent.parent / "cognito_mfa"
LEVELS = {"debug", "info", "warning", "error", "exception", "log"}
# The event may be the code of an exception, and a reference for support may follow it.
FORM = re.compile(r"(?:[a-z]+(?:_[a-z]+)*|%s)(?: \[%s\])?: \S")


def log_lines() -> Iterator[tuple[Path, int, str]]:
    """Yield the format of each line, outside of the local Cognito."""
    for path in sorted(APP.rglob("*.py")):
        if "local" in path.relative_to(APP).parts:
            continue
        if (
            "logger = logging.getLogger(__name__)" not in path.read_text()
        ):  # of Django's, in Django's form
            continue
        tree = ast.parse(path.read_text())
        constants = {
            getattr(node.targets[0], "id", ""): node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if node.func.attr in LEVELS and getattr(node.func.value, "id", "") == "logger":
                given = node.args[1 if node.func.attr == "log" else 0]
                text = (
                    constants.get(given.id)
                    if isinstance(given, ast.Name)
                    else ast.literal_eval(given)
                )
                yield path, node.lineno, str(text)


def test_each_line_starts_with_the_name_of_an_event() -> None:
    found = list(log_lines())
    assert len(found) > 30
    wrong = [
        f"{path.relative_to(APP)}:{line}: {text}"
        for path, line, text in found
        if not FORM.match(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_names_of_events_are_not_of_words_that_the_word_list_replaces() -> None:
    lines = [text.partition(":")[0] for _path, _line, text in log_lines()]
    for event in [*lines, *log_events.EVENTS]:
        assert not re.search(r"stop|notice|left|observed|deed|census", event), event


def test_outcomes_have_names_of_the_same_form() -> None:
    for name in log_events.EVENTS:
        assert FORM.match(f"{name}: x"), name
