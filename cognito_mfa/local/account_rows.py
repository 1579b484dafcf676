"""An account as rows of a database, of which each call writes those that it changed.

How an account is divided into rows follows from its types. The account is a row, and each entry of
a dictionary that is a field of a row is a row of its own, named by the path that leads to it. So
what a call writes does not depend on how much there is.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from itertools import chain, islice
from json.encoder import encode_basestring_ascii
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from cognito_mfa.local.rules import directory, sessions, token_families
from cognito_mfa.local.rules.recording import Journal, Part, Path, RecordedDict
from cognito_mfa.local.rules.state import Account

SCHEMA = (
    "CREATE TABLE part (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, value TEXT NOT NULL)"
)
PUT = (
    "INSERT INTO part (path, value) VALUES {rows}"
    " ON CONFLICT (path) DO UPDATE SET value = excluded.value"
)
#: Rows that one statement puts, whose length SQLite limits.
PUT_AT_ONCE = 100
DELETE = "DELETE FROM part WHERE path >= ? AND path < ?"


class UnreadableRowsError(Exception):
    """The rows are not those of an account."""


class AccountRows:
    """The rows of one account in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Use a database, which commits nothing on its own.

        Args:
            database: With the table of SCHEMA, and ``isolation_level=None``.
        """
        self._database = database
        self._journal = Journal()

    @property
    def written(self) -> int:
        """Return how many rows were written or deleted since the database was opened."""
        return self._database.total_changes

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def read(self) -> Account | None:
        """Return the account in the database; None if there is none yet.

        Raises:
            UnreadableRowsError: The rows are not those of an account.
            sqlite3.Error: The database is damaged.
        """
        ((state,),) = self._database.execute("PRAGMA quick_check(1)")
        if state != "ok":
            raise sqlite3.DatabaseError(state)
        rows = self._database.execute("SELECT path, value FROM part ORDER BY id").fetchall()
        if not rows:
            return None
        try:
            account = _account(rows)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableRowsError(str(error)) from error
        for pool in account.pools.values():
            directory.reindex(pool)
            token_families.reindex(pool)
        sessions.reindex(account)
        return account

    def replace(self, account: Account) -> None:
        """Write a whole account in place of what is there. Raises sqlite3.Error."""
        with self._transaction():
            self._database.execute("DELETE FROM part")
            self._put(_tree((), account))

    def watch(self, account: Account) -> None:
        """Note what changes from now on in an account that is as the rows are."""
        self._journal = Journal()
        self._journal.watch(account)

    def write(self, account: Account) -> None:
        """Write what changed in the watched account, in one transaction.

        Raises:
            sqlite3.Error: The disk is full, for example. The next call tries again.
        """
        if not self._journal:
            return
        gone, rows = self._changes(account)
        if not gone and len(rows) <= PUT_AT_ONCE:
            self._put(rows)  # one statement, as most calls need, is a transaction by itself
        else:
            with self._transaction():
                self._database.executemany(DELETE, gone)
                self._put(rows)
        self._journal.forget()

    def _put(self, rows: Iterable[tuple[str, str]]) -> None:
        waiting = iter(rows)
        while some := list(islice(waiting, PUT_AT_ONCE)):
            self._database.execute(_put_statement(len(some)), [*chain.from_iterable(some)])

    def _changes(self, account: Account) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """The ranges of paths that are gone, and the rows that are new or changed, in their order."""
        changes = self._journal
        gone = [_at_and_below(path) for path in changes.removed]
        rows: list[tuple[str, str]] = []
        for path, replaces in changes.trees.items():
            if any(path[:length] in changes.trees for length in range(len(path))):
                continue  # it is written with what is above it
            with suppress(LookupError):  # it was removed again, or nothing of it is kept
                rows += _tree(path, _found(account, path))
                gone += [_below(path)] if replaces else []
        for path in changes.rows:
            with suppress(LookupError):
                rows.append(_row(path, _found(account, path)))
        return gone, rows

    @contextmanager
    def _transaction(self) -> Generator[None]:
        self._database.execute("BEGIN")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise


@cache
def _put_statement(rows: int) -> str:
    return PUT.format(rows=", ".join(["(?, ?)"] * rows))


def _text(path: Path) -> str:
    return ",".join(map(encode_basestring_ascii, path))


def _at_and_below(path: Path) -> tuple[str, str]:
    """The range of a path and of those below it, which begin with it and a comma."""
    text = _text(path)
    return text, f"{text}-"  # the character after a comma


def _below(path: Path) -> tuple[str, str]:
    text = _text(path)
    return f"{text},", f"{text}-"


def _found(account: Account, path: Path) -> Any:
    """What is at a path. Raises LookupError where nothing that is kept is."""
    here: Any = account
    for number, name in enumerate(path):
        if number % 2:
            here = here[name]
        else:
            _kept_by(here)[name]
            here = getattr(here, name)
    return here


def _tree(path: Path, value: Any) -> Iterable[tuple[str, str]]:
    """The rows of a value and of all below it; of a field, those below it only."""
    if len(path) % 2:
        if isinstance(value, RecordedDict):
            for key, item in value.items():
                yield from _tree((*path, key), item)
        return
    yield _row(path, value)
    if isinstance(value, Part):
        for name in _no_tables(_kind(value)):
            yield from _tree((*path, name), getattr(value, name))


def _row(path: Path, value: Any) -> tuple[str, str]:
    if isinstance(value, Part):
        # An empty dictionary says that the field is one; what is in it has rows of its own.
        value = {**_fields(value), **_no_tables(_kind(value))}
    return _text(path), _encoded(value)


def _fields(value: Any) -> dict[str, Any]:
    """What json asks for when it meets one of our dataclasses, the only strangers in a state."""
    names, values = _reader(_kind(value))
    return dict(zip(names, values(value), strict=True))


_encoded = json.JSONEncoder(separators=(",", ":"), default=_fields).encode


@dataclass(slots=True)
class _Node:
    """A row that was read, with those below it by field and key."""

    value: Any
    tables: dict[str, dict[str, _Node]] = field(default_factory=dict)

    def whole(self) -> Any:
        """Return the value as it would be in one text."""
        if not isinstance(self.value, dict) or not self.tables:
            return self.value
        tables = {
            name: {key: node.whole() for key, node in table.items()}
            for name, table in self.tables.items()
        }
        return {**self.value, **tables}


def _account(rows: Iterable[tuple[str, str]]) -> Account:
    nodes: dict[Path, _Node] = {}
    for text, value in rows:
        path = tuple(json.loads(f"[{text}]"))
        nodes[path] = node = _Node(json.loads(value))
        if path:
            nodes[path[:-2]].tables.setdefault(path[-2], {})[path[-1]] = node
    account: Account = _decoded(Account, nodes[()].whole())
    return account


def _decoded(kind: Any, value: Any) -> Any:
    """A value of this annotated type from what JSON kept of it."""
    if is_dataclass(kind):
        return _dataclass(kind, value)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (UnionType, Union):
        (some,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None else _decoded(some, value)
    if origin is list:
        return [_decoded(arguments[0], item) for item in value]
    if origin in (dict, Mapping):
        return {key: _decoded(arguments[1], item) for key, item in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return _plain(kind, value)


def _plain(kind: Any, value: Any) -> Any:
    accepted = (int, float) if kind is float else kind
    if kind is not Any and not isinstance(value, accepted):
        raise TypeError(f"{kind.__name__} expected")
    return value


def _dataclass(kind: Any, value: Mapping[str, Any]) -> Any:
    kinds = _kept(kind)
    return kind(**{name: _decoded(kinds[name], item) for name, item in value.items()})


@cache
def _reader(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of the fields of a dataclass that are written, and what gets their values."""
    names = tuple(_kept(kind))
    if len(names) == 1:  # of which attrgetter() makes no tuple
        return names, lambda value: (getattr(value, names[0]),)
    return names, attrgetter(*names)


@cache
def _no_tables(kind: Any) -> dict[str, dict[str, Any]]:
    """The fields of a dataclass that are dictionaries, as they are in its row: empty."""
    return {name: {} for name, hint in _kept(kind).items() if get_origin(hint) is dict}


def _kept_by(value: Any) -> dict[str, Any]:
    return _kept(_kind(value))


def _kind(value: Any) -> Any:
    return type(value)


@cache
def _kept(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass that are written, with their types."""
    hints = get_type_hints(kind)
    return {
        field.name: hints[field.name] for field in fields(kind) if not field.metadata.get("derived")
    }
