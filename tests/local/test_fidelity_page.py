"""The page about fidelity says what is so: each test that it names exists, each switch too."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path

import botocore  # noqa: TID253
from packaging.version import Version

from cognito_mfa.local import Behavior, operations
from cognito_mfa.local.cognito import PLACES
from cognito_mfa.local.managed_login.discovery import DOCUMENTS
from cognito_mfa.local.wire import service_model

#: The page was written for this botocore; an older one does not know all that it names.
HAS_ALL = Version(botocore.__version__) >= Version("1.44.8")
TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "local-cognito-fidelity.md").read_text()


def known_tests() -> set[str]:
    """The names of all tests of the local Cognito, of its server, and of its referee."""
    names: set[str] = set()
    more = (TESTS / "test_referee.py", TESTS / "security" / "test_local_server.py")
    for file in (*TESTS.glob("local/**/test_*.py"), *more):
        tree = ast.parse(file.read_text())
        names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    return names


def test_every_test_that_it_names_exists() -> None:
    named = re.findall(r"\| (test_\w+) \|", PAGE)
    assert len(named) > 40
    assert set(named) - known_tests() == set()


def test_every_path_of_the_server_is_documented() -> None:
    page = (TESTS.parent / "docs" / "local-cognito.md").read_text()
    for path in PLACES:
        assert f"`{path}`" in page
    for path in DOCUMENTS:
        assert f"/<pool id>/{path}`" in page


def test_every_switch_is_on_it_and_no_other() -> None:
    section = PAGE.partition("## Where sources disagree")[2].partition("\n## ")[0]
    named = re.findall(r"\| `(\w+)` \|", section)
    assert sorted(named) == sorted(field.name for field in fields(Behavior))


def test_what_it_says_is_not_played_is_not() -> None:
    """Members and values are held against their table in test_members."""
    section = PAGE.partition("\n## Not implemented\n")[2].partition("\n### ")[0]
    listed = set(re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", section)) - {"UnknownOperationException"}
    assert not listed & set(operations.ALL)
    missing = service_model.operations() - set(operations.ALL)
    assert missing <= listed
    if HAS_ALL:
        assert listed == missing
