"""Whether a subclass that overrides a method still calls the original one.

Read off the code, which is never run. For system checks and the gate map.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

ASKS_BELOW = {"super", "__class__"}  # how code names the class above it


def forgets(kind: type, ours: type, *methods: str, unless: frozenset[str] = frozenset()) -> bool:
    """Return whether ``kind`` has a method of its own that never calls the one of ``ours``.

    Args:
        kind: a subclass of ``ours``.
        ours: where the methods are meant to be.
        methods: their names.
        unless: further names that an honest override may use instead of ``super``.
    """
    before = kind.__mro__[: kind.__mro__.index(ours)]
    own = (vars(one)[name] for one in before for name in methods if name in vars(one))
    return any(not names_in(method) & (ASKS_BELOW | set(methods) | unless) for method in own)


def names_in(method: Any) -> set[str]:
    """Return the names that the code of ``method`` uses, in nested functions too.

    Of anything else than code, ``super``.
    """
    plain = plain_function(method)
    return set(_names_of(plain.__code__)) if plain is not None else {"super"}


def globals_in(function: FunctionType) -> list[Any]:
    """Return what the code of ``function`` takes from its module, nested functions included."""
    return [function.__globals__.get(name) for name in _global_names(function.__code__)]


def _global_names(code: CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname == "LOAD_GLOBAL":
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def plain_function(method: Any) -> FunctionType | None:
    """Return the function below all decorators of ``method``; None if there is none."""
    below = getattr(method, "__func__", method)
    plain = inspect.unwrap(below) if callable(below) else below
    return plain if isinstance(plain, FunctionType) else None


def _names_of(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_freevars)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_of(constant)
