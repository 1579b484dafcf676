"""Dataclasses that record their own changes, so that only the changes are written to a state file.

An operation sets fields and changes lists and dictionaries as usual. It does not report a change, so it
can't forget to: the state refuses every value that could change without being noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import cache
from types import NoneType
from typing import Any, Final, Self

Path = tuple[str, ...]
"""Where something is in an account: field, key, field, key, and so on."""

PLAIN: Final = frozenset({str, int, float, bool, NoneType})


class _Unset:
    """The type of a field's value before the field is set."""


_UNSET: Final = _Unset()
_set: Final = object.__setattr__


class Journal:
    """What changed in an account since it was last written.

    A row is the account, or an entry of a dictionary that is a field of a row. Sets of paths are
    dictionaries here, to keep new rows in the order of the entries in memory.
    """

    def __init__(self) -> None:
        self.changed: dict[Path, None] = {}
        """Fields of rows, and entries of their dictionaries, of which the whole value counts."""
        self.removed: dict[Path, None] = {}
        """Entries that were removed, even if there is another one by now."""

    def watch(self, account: Part) -> None:
        """Record changes of this account from now on."""
        _hold(account, self, "")

    def forget(self) -> None:
        """Forget the changes after they were written."""
        self.changed.clear()
        self.removed.clear()

    def __bool__(self) -> bool:
        return bool(self.changed or self.removed)

    def note(self, path: Path) -> None:
        """Record that a field or an entry has another value, or that something in it has."""
        self.changed[path] = None

    def note_removal(self, path: Path) -> None:
        """Record that an entry was removed. A new one with the same key comes after all others."""
        self.changed.pop(path, None)
        self.removed[path] = None


class Part:
    """The base of all dataclasses of a state that can change."""

    __slots__ = ("_holder", "_key")

    _holder: Any
    _key: str

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """Return a part that is not in the state yet."""
        part = super().__new__(cls)
        _hold(part, None, "")
        return part

    def __setattr__(self, name: str, value: Any) -> None:
        kind = type(value)
        if self._holder is None and kind in PLAIN:  # true for most fields while a part is created
            _set(self, name, value)
            return
        before = getattr(self, name, _UNSET)
        if before is value or (kind in PLAIN and kind is type(before) and value == before):
            return
        if isinstance(value, dict) and name in _derived_of(self):
            _set(self, name, value)
            return
        _set(self, name, _held_instead(before, value, self, name))
        if self._holder is None:
            return
        _note_change(self, name)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes a copy, which is not part of the state."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        return _remade, (type(self), values)


def _derived_of(part: Part) -> frozenset[str]:
    kind: Any = type(part)
    return _derived(kind)


@cache
def _derived(kind: Any) -> frozenset[str]:
    """Return the names of the derived fields, whose changes are not recorded."""
    return frozenset(one.name for one in fields(kind) if one.metadata.get("derived"))


def _remade(kind: Callable[..., Part], values: Mapping[str, Any]) -> Part:
    return kind(**values)


class RecordedDict(dict[str, Any]):
    """A dictionary in the state. Every method that changes it calls ``__setitem__`` or ``__delitem__``."""

    __slots__ = ("_holder", "_key")

    def __setitem__(self, key: str, value: Any) -> None:
        before = self.get(key, _UNSET)
        if not _is_same(before, value):
            super().__setitem__(key, _held_instead(before, value, self, key))
            _note_change(self, key)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        _note_change(self, key, removed=True)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a key and return its value, as ``dict.pop`` does."""
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the newest entry and return it. Raises KeyError."""
        if not self:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all entries."""
        for key in list(self):
            del self[key]

    def update(self, *others: Any, **more: Any) -> None:
        """Set entries, as ``dict.update`` does."""
        for key, value in dict(*others, **more).items():
            self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, and set it if the key is new, as ``dict.setdefault`` does."""
        if key not in self:
            self[key] = default
        return self[key]

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes a copy, which is an ordinary dictionary."""
        return dict, (dict(self),)

    def __ior__(self, other: Any) -> RecordedDict:  # type: ignore[override,misc]
        self.update(other)
        return self


def _noting(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of ``list`` that records the change."""

    def method(self: RecordedList, *arguments: Any, **options: Any) -> Any:
        result = change(self, *arguments, **options)
        for number, item in enumerate(self):
            if type(item) not in PLAIN:
                list.__setitem__(self, number, _held(item, self, ""))
        _note_change(self, "")
        return result

    return method


class RecordedList(list[Any]):
    """A list in the state."""

    __slots__ = ("_holder", "_key")

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what makes a copy, which is an ordinary list."""
        return list, (list(self),)

    __setitem__ = _noting(list.__setitem__)
    __delitem__ = _noting(list.__delitem__)
    __iadd__ = _noting(list.__iadd__)
    __imul__ = _noting(list.__imul__)
    append = _noting(list.append)
    extend = _noting(list.extend)
    insert = _noting(list.insert)
    remove = _noting(list.remove)
    pop = _noting(list.pop)
    clear = _noting(list.clear)
    sort = _noting(list.sort)
    reverse = _noting(list.reverse)


Node = Part | RecordedDict | RecordedList


def _is_same(before: Any, value: Any) -> bool:
    kind = type(value)
    return before is value or (kind in PLAIN and type(before) is kind and bool(before == value))


def _held_instead(before: Any, value: Any, holder: Node, key: str) -> Any:
    """Return the value as its holder stores it instead of another, with which it may share parts."""
    if not isinstance(before, Node):
        return _held(value, holder, key)
    _hold(before, None, key)
    try:
        return _held(value, holder, key)
    except BaseException:
        _hold(before, holder, key)
        raise


def _held(value: Any, holder: Node, key: str) -> Any:
    """Return the value as its holder stores it, linked to the holder so that changes are recorded."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, Part):
        return _held_part(value, holder, key)
    if isinstance(value, dict):
        return _held_dict(value, holder, key)
    if isinstance(value, list):
        return _held_list(value, holder, key)
    if isinstance(value, str) or _is_frozen(value):
        return value
    raise TypeError(
        f"a {type(value).__name__} cannot be kept in the state: use a dataclass that is a Part "
        "or frozen, a dictionary, a list, or a plain value"
    )


def _held_part(part: Part, holder: Node, key: str) -> Part:
    other = _holder_of(part)
    if other is not None and not _is_at(part, holder, key) and _still_holds(other, part):
        raise ValueError(f"this {type(part).__name__} is in another place of the state already")
    _hold(part, holder, key)
    return part


def _held_dict(value: Mapping[str, Any], holder: Node, key: str) -> RecordedDict:
    if isinstance(value, RecordedDict) and _is_at(value, holder, key):
        return value
    made = RecordedDict()
    for name, item in value.items():
        dict.__setitem__(made, name, _held(item, made, name))
    _hold(made, holder, key)
    return made


def _held_list(value: Iterable[Any], holder: Node, key: str) -> RecordedList:
    if isinstance(value, RecordedList) and _is_at(value, holder, key):
        return value
    made = RecordedList(value)
    for number, item in enumerate(made):
        list.__setitem__(made, number, _held(item, made, ""))
    _hold(made, holder, key)
    return made


def _hold(node: Node, holder: Node | Journal | None, key: str) -> None:
    _set(node, "_holder", holder)
    _set(node, "_key", key)


def _holder_of(node: Node) -> Any:
    return getattr(node, "_holder", None)


def _key_of(node: Node) -> str:
    return getattr(node, "_key", "")


def _is_at(node: Node, holder: Node, key: str) -> bool:
    return _holder_of(node) is holder and _key_of(node) == key


def _still_holds(holder: Any, part: Part) -> bool:
    if isinstance(holder, Part):
        return getattr(holder, _key_of(part), None) is part
    if isinstance(holder, Journal) or _holder_of(holder) is None:
        return False  # the dictionary or list was replaced
    if isinstance(holder, RecordedDict):
        return holder.get(_key_of(part)) is part
    return any(item is part for item in holder)


def _is_frozen(value: Any) -> bool:
    parameters = getattr(value, "__dataclass_params__", None)
    return parameters is not None and bool(parameters.frozen)


def _note_change(node: Node, key: str, *, removed: bool = False) -> None:
    """Record a change of a field or an entry of a node, if the node is part of a watched account."""
    found = _traced(node)
    if found is None:
        return
    journal, nodes, path = found
    depth = _depth(nodes)
    if depth < len(nodes):
        journal.note(path[:depth])  # the field or the entry that has the node in its value
    elif removed:
        journal.note_removal((*path, key))
    else:
        journal.note((*path, key))


def _traced(node: Node) -> tuple[Journal, list[Node], Path] | None:
    """Return the journal of a node's account, the nodes from the account to the node, and the path."""
    nodes: list[Node] = []
    keys: list[str] = []
    here: Any = node
    while not isinstance(here, Journal):
        if here is None:
            return None
        nodes.append(here)
        keys.append(_key_of(here))
        here = _holder_of(here)
    return here, nodes[::-1], tuple(keys[-2::-1])


def _depth(nodes: list[Node]) -> int:
    """The number of the first nodes that are rows and their dictionaries in turn."""
    for number, node in enumerate(nodes):
        if not isinstance(node, RecordedDict if number % 2 else Part):
            return number
    return len(nodes)
