"""The table in docs/checks.md has the message and the hint of each check, word for word."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from cognito_mfa import checks
from cognito_mfa.checks import (
    access,
    addresses,
    apis,
    celery,
    database,
    deployment,
    front_ends,
    imports,
    logs,
    managed_login,
    middleware,
    project,
    recovery,
    settings,
    users,
)

DOCS = Path(__file__).resolve().parents[2] / "docs" / "checks.md"
MODULES = (
    checks, access, addresses, apis, celery, database, deployment, front_ends, imports, logs, managed_login, middleware, project, recovery,
    settings, users,
)  # fmt: skip
PLACEHOLDER = "…"
SITE = object()  # has no settings


class Documented(NamedTuple):
    """A message of a check; a value that only a site knows is ``…``."""

    id: str
    message: str
    hint: str


def in_code() -> Iterator[Documented]:
    """Yield the messages that the modules can give, in the order of the code."""
    for module in MODULES:
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Error", "Caution"):
                given = {keyword.arg: keyword.value for keyword in node.keywords}
                yield Documented(
                    text_of(given["id"], module),
                    text_of(node.args[0], module),
                    text_of(given["hint"], module),
                )


def text_of(node: ast.expr, module: ModuleType) -> str:
    """Return the text of an expression, with ``…`` for each value that the module does not know."""
    if isinstance(node, ast.Name) and (found := assigned(node.id, module)) is not None:
        return text_of(found, module)
    if not isinstance(node, ast.JoinedStr):
        return str(evaluated(node, module, PLACEHOLDER))
    parts = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = evaluated(part.value, module, PLACEHOLDER)
            parts.append(repr(value) if part.conversion == ord("r") else str(value))
        else:
            parts.append(str(ast.literal_eval(part)))
    return "".join(parts)


def assigned(name: str, module: ModuleType) -> ast.expr | None:
    """Return the f-string that a module assigns to a name once."""
    values = [
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name
    ]
    return values[0] if len(values) == 1 and isinstance(values[0], ast.JoinedStr) else None


def evaluated(node: ast.expr, module: ModuleType, otherwise: object) -> object:
    try:
        return eval(  # noqa: S307 - our own source
            compile(ast.Expression(node), module.__name__, "eval"),
            {**vars(module), "settings": SITE},
        )
    except (NameError, AttributeError):  # a local variable, or a setting of the site
        return otherwise


def in_docs() -> list[Documented]:
    rows = re.findall(
        r"^\| `(cognito_mfa\.[EW]\d{3})` \| (.*?) \| (.*?) \|$", DOCS.read_text(), re.MULTILINE
    )
    return [Documented(*row) for row in rows]


def test_the_documentation_has_each_message_word_for_word() -> None:
    written, documented = sorted(in_code()), sorted(in_docs())
    missing = [
        f"| `{one.id}` | {one.message} | {one.hint} |" for one in written if one not in documented
    ]
    gone = [one for one in documented if one not in written]
    assert not missing, "write in docs/checks.md:\n" + "\n".join(missing)
    assert not gone, gone
    assert len(written) == len(documented)


def test_messages_and_hints_are_sentences() -> None:
    """A message says the problem and its effect; a hint is one imperative sentence."""
    for one in in_code():
        assert one.message.endswith("."), one
        assert one.hint == PLACEHOLDER or one.hint.endswith("."), one
        assert "; " not in one.message + one.hint, one
        assert not re.search(r"\. [A-Z]", one.hint), one
