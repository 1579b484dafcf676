"""What changes in the state is noted by itself, whatever changes it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from cognito_mfa.local.rules.recording import Journal, Part, RecordedDict, RecordedList
from cognito_mfa.local.rules.state import Account


@dataclass(slots=True)
class Leaf(Part):
    name: str = ""
    tags: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Branch(Part):
    leaf: Leaf | None = None
    texts: dict[str, Any] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)
    heap: list[Leaf] = field(default_factory=list)


@dataclass(slots=True)
class Tree(Part):
    branches: dict[str, Branch] = field(default_factory=dict)


@pytest.fixture
def watched() -> tuple[Tree, Journal]:
    tree = Tree()
    tree.branches["a"] = Branch(
        Leaf("inside", ["x", "y"]), {"t": ["one"]}, {"l": Leaf("own")}, [Leaf("piled")]
    )
    journal = Journal()
    journal.watch(tree)
    return tree, journal


A = ("branches", "a")
CHANGES: dict[str, tuple[Callable[[Any], Any], str, tuple[str, ...]]] = {
    "a field": (lambda b: setattr(b, "leaf", None), "changed", (*A, "leaf")),
    "a part of a row": (lambda b: setattr(b.leaf, "name", "new"), "changed", (*A, "leaf")),
    "a list in it": (lambda b: b.leaf.tags.append("z"), "changed", (*A, "leaf")),
    "a part in a list": (lambda b: b.heap[0].tags.append("z"), "changed", (*A, "heap")),
    "a part added later": (
        lambda b: (b.heap.append(Leaf()), b.heap[1].tags.sort()),
        "changed",
        (*A, "heap"),
    ),
    "an entry": (
        lambda b: setattr(b.leaves["l"], "name", "new"),
        "changed",
        (*A, "leaves", "l", "name"),
    ),
    "a list in an entry": (
        lambda b: b.leaves["l"].tags.clear(),
        "changed",
        (*A, "leaves", "l", "tags"),
    ),
    "a list as an entry": (
        lambda b: b.texts["t"].append("two"),
        "changed",
        (*A, "texts", "t"),
    ),
    "a new text": (lambda b: b.texts.update(u=1), "changed", (*A, "texts", "u")),
    "a new entry": (lambda b: b.leaves.update(m=Leaf()), "changed", (*A, "leaves", "m")),
    "another entry": (lambda b: b.leaves.update(l=Leaf()), "changed", (*A, "leaves", "l")),
    "another dictionary": (lambda b: setattr(b, "leaves", {}), "changed", (*A, "leaves")),
    "an entry less": (lambda b: b.leaves.pop("l"), "removed", (*A, "leaves", "l")),
    "no entry": (lambda b: b.texts.clear(), "removed", (*A, "texts", "t")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noted_where_it_is(watched: tuple[Tree, Journal], name: str) -> None:
    """Nowhere else: what is noted is written."""
    (tree, journal), (change, kind, path) = watched, CHANGES[name]
    change(tree.branches["a"])
    assert {"changed": [], "removed": [], kind: [path]} == {
        "changed": list(journal.changed),
        "removed": list(journal.removed),
    }


NOTHING: dict[str, Callable[[Any], Any]] = {
    "the same text": lambda b: setattr(b.leaf, "name", "inside"),
    "the same list": lambda b: b.texts.update(t=b.texts["t"]),
    "the same dictionary": lambda b: setattr(b, "leaves", b.leaves),
    "a default": lambda b: b.leaves.setdefault("l", Leaf()),
    "none to remove": lambda b: b.leaves.pop("none", None),
    "a look": lambda b: (b.leaves.get("l"), list(b.leaves.values())),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_changes_nothing_is_not_noted(watched: tuple[Tree, Journal], name: str) -> None:
    tree, journal = watched
    NOTHING[name](tree.branches["a"])
    assert not journal


def test_another_number_that_is_equal_is_a_change() -> None:
    branch = Branch()
    branch.texts["n"] = 1
    branch.texts["n"] = True
    assert branch.texts["n"] is True


def test_one_that_comes_again_is_behind_the_others(watched: tuple[Tree, Journal]) -> None:
    tree, journal = watched
    tree.branches["b"] = Branch()
    tree.branches["c"] = Branch()
    tree.branches["b"] = tree.branches.pop("b")
    assert list(journal.changed) == [("branches", "c"), ("branches", "b")]
    assert list(journal.removed) == [("branches", "b")]


#: What dictionaries and lists have that leaves them as they are.
READING = {
    "__class__", "__class_getitem__", "__contains__", "__delattr__", "__dir__", "__doc__",
    "__eq__", "__format__", "__ge__", "__getattribute__", "__getitem__", "__getstate__", "__gt__",
    "__hash__", "__init__", "__init_subclass__", "__iter__", "__le__", "__len__", "__lt__",
    "__ne__", "__new__", "__or__", "__reduce__", "__reduce_ex__", "__repr__", "__reversed__",
    "__ror__", "__setattr__", "__sizeof__", "__str__", "__subclasshook__", "__add__", "__mul__",
    "__rmul__", "copy", "count", "fromkeys", "get", "index", "items", "keys", "values",
}  # fmt: skip


@pytest.mark.parametrize("kind", [RecordedDict, RecordedList])
def test_each_way_to_change_one_is_noted(kind: type) -> None:
    """Also those that a later Python brings."""
    assert set(dir(kind.__base__)) - READING <= set(vars(kind))


def test_dictionaries_change_as_ordinary_ones_do() -> None:
    ours, plain = Branch().texts, dict[str, Any]()
    for one in (ours, plain):
        one.__ior__({"a": 1, "b": 2})
        one.update({"c": 3}, d=4)
        assert one.setdefault("e", 5) == 5
        assert one.pop("a") == 1
        assert one.pop("a", 9) == 9
        assert one.popitem() == ("e", 5)
        del one["b"]
        with pytest.raises(KeyError):
            one.pop("a")
    assert list(ours.items()) == list(plain.items())
    ours.clear()
    assert ours == {}
    with pytest.raises(KeyError):
        ours.popitem()


def test_lists_change_as_ordinary_ones_do() -> None:
    ours, plain = Leaf().tags, list[Any]()
    for one in (ours, plain):
        one.extend("edcba")
        one.__iadd__(["f"])
        one.__imul__(2)
        one.insert(0, "z")
        one.remove("z")
        one.sort(reverse=True)
        one.reverse()
        assert one.pop() == "f"
        one[0], one[1:3] = "A", ["B"]
        del one[-1]
    assert ours == plain


@dataclass
class Loose:
    name: str = ""


@pytest.mark.parametrize(
    "value", [Loose(), {1}, object(), bytearray()], ids=lambda one: type(one).__name__
)
def test_what_could_change_unnoticed_is_refused(value: Any) -> None:
    for put in (
        lambda: Leaf(name=value),
        lambda: Leaf(tags=[value]),
        lambda: Leaf().tags.append([value]),
        lambda: Branch().texts.update(a={"b": value}),
    ):
        with pytest.raises(TypeError, match="cannot be kept in the state"):
            put()


def test_one_part_is_in_one_place() -> None:
    leaf, branch = Leaf(), Branch()
    branch.leaf = leaf
    with pytest.raises(ValueError, match="this Leaf is in another place of the state already"):
        branch.leaves["l"] = leaf
    branch.leaf = None
    branch.leaves["l"] = leaf
    branch.leaves["m"] = branch.leaves.pop("l")


def test_a_part_that_is_in_no_place_gives_up_what_it_had(
    watched: tuple[Tree, Journal],
) -> None:
    tree, journal = watched
    leaf, apart = Leaf(), Branch()
    apart.leaf = leaf
    apart.leaf = None
    tree.branches["a"].leaves["l"] = leaf
    journal.forget()
    leaf.name = "new"
    assert list(journal.changed) == [(*A, "leaves", "l", "name")]


def test_parts_go_on_in_a_list_that_takes_the_place_of_theirs(
    watched: tuple[Tree, Journal],
) -> None:
    tree, journal = watched
    branch = tree.branches["a"]
    branch.heap.append(Leaf("second"))
    branch.heap = [leaf for leaf in branch.heap if leaf.name == "second"]
    branch.leaves = {key: leaf for key, leaf in branch.leaves.items() if key == "l"}
    journal.forget()
    branch.heap[0].name = "new"
    assert list(journal.changed) == [(*A, "heap")]
    branch.leaves["l"].name = "new"
    assert list(journal.changed) == [(*A, "heap"), (*A, "leaves", "l", "name")]


def test_what_is_refused_leaves_what_was_there(watched: tuple[Tree, Journal]) -> None:
    tree, journal = watched
    branch = tree.branches["a"]
    with pytest.raises(TypeError):
        setattr(branch, "heap", [object()])  # noqa: B010 - no type checker would let it pass
    branch.heap[0].name = "new"
    assert list(journal.changed) == [(*A, "heap")]


def test_a_list_in_two_places_is_two(watched: tuple[Tree, Journal]) -> None:
    tags: list[str] = ["x"]
    one, other = Leaf(tags=tags), Leaf(tags=tags)
    other.tags = one.tags
    one.tags.append("y")
    assert (tags, one.tags, other.tags) == (["x"], ["x", "y"], ["x"])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_on_its_own(watched: tuple[Tree, Journal], copied: Callable[[Any], Any]) -> None:
    tree, journal = watched
    branch = tree.branches["a"]
    assert type(copied(branch.texts)) is dict
    assert type(copied(branch.texts["t"])) is list
    leaf = copied(branch.leaf)
    leaf.name = "other"
    assert leaf.tags == ["x", "y"]
    assert not journal


def _types(kind: Any) -> Iterator[Any]:
    """All types that can be in a value of this type."""
    yield get_origin(kind) or kind
    for one in get_type_hints(kind).values() if is_dataclass(kind) else get_args(kind):
        yield from _types(one)


def test_all_of_the_state_is_noted() -> None:
    """Each dataclass is a Part, or frozen with nothing in it that changes."""
    kinds: set[Any] = {kind for kind in _types(Account) if is_dataclass(kind)}
    for kind in (one for one in kinds if not issubclass(one, Part)):
        assert kind.__dataclass_params__.frozen, kind
        assert {list, dict}.isdisjoint(_types(kind)), kind
    assert len(kinds) > 10


def test_the_type_of_a_field_says_whether_it_is_a_dictionary() -> None:
    """The entries of one have rows of their own, so a field is never one at times only."""
    kinds: set[Any] = {kind for kind in _types(Account) if isinstance(kind, type)}
    for kind in (one for one in kinds if issubclass(one, Part)):
        for name in (one.name for one in fields(kind)):
            hint = get_type_hints(kind)[name]
            held = [get_origin(one) or one for one in get_args(hint)] if _is_union(hint) else []
            assert not {dict, Any}.intersection([*held, hint]), (kind, name)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (UnionType, Union)
