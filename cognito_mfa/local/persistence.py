"""The state file: an account as JSON, written as a whole and atomically.

A kill at any moment leaves the old file or the new one. The file contains keys and secrets, so
only its owner may read it. Unknown content is an error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from cognito_mfa.local.rules.directory import reindex
from cognito_mfa.local.rules.state import Account

FORMAT = "cognito_mfa.local"
VERSION = 1
OWNER_ONLY = 0o600


class StateFileError(Exception):
    """The state file cannot be used; the text says why and what to do."""


def write(path: Path, account: Account) -> None:
    """Replace the file by one with this account.

    Args:
        path: The state file.
        account: What to write.
    """
    document = {"format": FORMAT, "version": VERSION, "account": account}
    text = json.dumps(document, separators=(",", ":"), default=_fields)
    temporary = path.with_name(path.name + ".tmp")
    # A leftover of a killed process may have any mode, and a link could point anywhere.
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read(path: Path) -> Account:
    """Return the account in a state file.

    Raises:
        StateFileError: The file is no state file of this version.
        FileNotFoundError: There is no file.
    """
    document = _document(path)
    if document.get("version") != VERSION:
        raise StateFileError(
            f"{path} has version {document.get('version')!r} and this local Cognito reads "
            f"version {VERSION}. Move the file away to start with an empty one."
        )
    try:
        account: Account = _decoded(Account, document["account"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StateFileError(
            f"{path} does not hold what a state file of version {VERSION} holds ({error}). "
            "Move the file away to start with an empty one."
        ) from None
    for pool in account.pools.values():
        reindex(pool)
    return account


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StateFileError(
            f"{path} is not a state file of the local Cognito. Name another file, or move it away."
        )
    return document


def _fields(value: Any) -> dict[str, Any]:
    """What json asks for when it meets one of our dataclasses, the only strangers in a state."""
    kind: Any = type(value)
    return {name: getattr(value, name) for name in _kept(kind)}


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
    if origin is dict:
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
def _kept(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass that are written, with their types."""
    hints = get_type_hints(kind)
    return {
        field.name: hints[field.name] for field in fields(kind) if not field.metadata.get("derived")
    }
