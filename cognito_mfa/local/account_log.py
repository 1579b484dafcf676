"""An account as a log of changes in a database, to which each call adds what it changed.

A change is a path and the value that is there from now on, or the path alone of what is gone. A
path leads from the account to a field, to a key of the dictionary that is in the field, to a field
of what is there, and so on. What a call writes does not depend on how much there is, and is one row
at the end of a table. Reading plays all changes, in their order. A log that has become much longer
than the account is written anew, so that its length does not depend on how many calls there were.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, reduce
from operator import attrgetter, getitem
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from cognito_mfa.local.rules import directory, sessions, token_families
from cognito_mfa.local.rules.recording import Journal, Part, Path
from cognito_mfa.local.rules.state import Account

SCHEMA = "CREATE TABLE log (id INTEGER PRIMARY KEY, changes TEXT NOT NULL)"
ADD = "INSERT INTO log (changes) VALUES (?)"
#: A log is written anew once it has so many rows besides twice those of an account written anew:
#: so seldom that calls take hardly longer for it, on average.
LONG = 1_000

Change = tuple[Path, Any] | tuple[Path]
"""A path and the value there; without a value, what was there is gone."""


class UnreadableLogError(Exception):
    """The log is not that of an account."""


class AccountLog:
    """The log of one account in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Use a database, which commits nothing on its own.

        Args:
            database: With the table of SCHEMA, and ``isolation_level=None``.
        """
        self._database = database
        self._journal = Journal()
        self._length, self._limit = 0, LONG

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
            UnreadableLogError: The log is not that of an account.
            sqlite3.Error: The database is damaged.
        """
        ((state,),) = self._database.execute("PRAGMA quick_check(1)")
        if state != "ok":
            raise sqlite3.DatabaseError(state)
        if not self._count():
            return None
        rows = self._database.execute("SELECT changes FROM log ORDER BY id")
        try:
            account: Account = _decoded(Account, _played(text for (text,) in rows))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise UnreadableLogError(str(error)) from error
        for pool in account.pools.values():
            directory.reindex(pool)
            token_families.reindex(pool)
        sessions.reindex(account)
        return account

    def replace(self, account: Account) -> None:
        """Write a whole account in place of what is there. Raises sqlite3.Error."""
        with self._transaction():
            self._database.execute("DELETE FROM log")
            texts = ((_encoded([part]),) for part in _parts((), account))
            self._database.executemany(ADD, texts)
        self._length = self._count()
        self._limit = LONG + 2 * self._length

    def watch(self, account: Account) -> None:
        """Note what changes from now on in an account that is as the log says."""
        self._length = self._count()
        self._limit = LONG + 2 * sum(1 for _ in _parts((), account))
        self._journal = Journal()
        self._journal.watch(account)

    def write(self, account: Account) -> None:
        """Write what changed in the watched account, in one row, or the whole account.

        Raises:
            sqlite3.Error: The disk is full, for example. The next call tries again.
        """
        if not self._journal:
            return
        changes = [*_changes(account, self._journal)]
        if changes and self._length >= self._limit:
            self.replace(account)
        elif changes:
            self._database.execute(ADD, (_encoded(changes),))
            self._length += 1
        self._journal.forget()

    def _count(self) -> int:
        ((length,),) = self._database.execute("SELECT count(*) FROM log")
        return int(length)

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


def _changes(account: Account, journal: Journal) -> Iterable[Change]:
    """What the journal noted, with the values of now."""
    for path in journal.removed:
        yield (path,)
    for path in journal.changed:
        if any(path[:length] in journal.changed for length in range(1, len(path))):
            continue  # it is in the value of what is above it
        with suppress(LookupError):  # it was removed again, or nothing of it is kept
            yield path, _found(account, path)


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


def _parts(path: Path, value: Any) -> Iterable[Change]:
    """An account, or what is in it, as changes of which none depends on how much there is."""
    if not isinstance(value, Part):
        yield path, value
        return
    tables = _tables(_kind(value))
    yield path, {**_fields(value), **{name: {} for name in tables}}
    for name in tables:
        for key, item in getattr(value, name).items():
            yield from _parts((*path, name, key), item)


def _played(texts: Iterable[str]) -> Any:
    """What JSON has of the account after all changes."""
    top: dict[str, Any] = {}
    for text in texts:
        for path, *value in json.loads(text):
            _play(top, ["account", *path], *value)
    return top["account"]


def _play(top: dict[str, Any], path: list[str], *value: Any) -> None:
    try:
        here = reduce(getitem, path[:-1], top)
        if value:
            (here[path[-1]],) = value
        else:
            del here[path[-1]]
    except KeyError:
        if value:
            raise  # what is gone may have come with the same call, or gone with what is above it


def _fields(value: Any) -> dict[str, Any]:
    """What json asks for when it meets one of our dataclasses, the only strangers in a state."""
    names, values = _reader(_kind(value))
    return dict(zip(names, values(value), strict=True))


_encoded = json.JSONEncoder(separators=(",", ":"), default=_fields).encode


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
def _tables(kind: Any) -> list[str]:
    """The names of the fields of a dataclass that are dictionaries."""
    return [name for name, hint in _kept(kind).items() if get_origin(hint) is dict]


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
