"""An email belongs to the transaction that records what it is about.

Sent after it, the email of a process that ends in between, or of a statement that fails, would be lost, and the event
would say that the change is recorded.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import cognito_mfa

PACKAGE = Path(cognito_mfa.__file__).parent


def calls(
    tree: ast.AST, *, within: tuple[str, bool] = ("", False)
) -> Iterator[tuple[str, str, bool]]:
    """Yield what each call calls, the function it is in, and whether a transaction is open there."""
    for node in ast.iter_child_nodes(tree):
        function, is_open = within
        if isinstance(node, ast.FunctionDef):
            function, is_open = node.name, False
        elif isinstance(node, ast.With):
            is_open = is_open or "atomic_for(" in ast.unparse(node).partition(":\n")[0]
        elif isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2], function, is_open
            if ast.unparse(node.func) == "emails.send":
                yield "emails.send", function, is_open
        yield from calls(node, within=(function, is_open))


def sent_outside(module: str, source: str) -> list[str]:
    """Return the functions of a module that send an email where no transaction may be open."""
    found = list(calls(ast.parse(source)))

    def is_within(function: str, is_open: bool) -> bool:
        """Return whether one is open there, or wherever the function is called."""
        callers = [(where, there) for called, where, there in found if called == function]
        return is_open or (bool(callers) and all(is_within(*caller) for caller in callers))

    return [
        f"{module}.{function}"
        for called, function, is_open in found
        if called == "emails.send" and not is_within(function, is_open)
    ]


def test_each_email_is_sent_in_the_transaction_of_its_event() -> None:
    found = [
        place
        for path in sorted(PACKAGE.rglob("*.py"))
        for place in sent_outside(path.stem, path.read_text())
    ]
    # In another module's transaction: ``reset._finish``; and ``recovery.finish``, which records nothing.
    assert found == ["recovery_codes.notify_of_use"]


def test_one_after_the_transaction_is_found() -> None:
    source = """
def change():
    with atomic_for(CognitoIdentity):
        record()
    emails.send("linked", identity)

def change_again():
    with atomic_for(CognitoIdentity):
        tell()

def tell():
    emails.send("linked", identity)
"""
    assert sent_outside("module", source) == ["module.change"]
