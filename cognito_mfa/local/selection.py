"""Selects what an operation gets of a request, by the table in ``operations.members``.

What the table refuses is refused here, and nowhere else. What neither the table nor the service
model knows is dropped, as AWS JSON drops it, so that no answer repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

from cognito_mfa.local.errors import (
    CognitoError,
    InvalidParameterException,
    UnsupportedOperationException,
)
from cognito_mfa.local.operations import members
from cognito_mfa.local.operations.members import Names
from cognito_mfa.local.wire import service_model
from cognito_mfa.local.wire.service_model import Shape

#: Returns a value without what is dropped. Gets the value and the path to it.
Select = Callable[[Any, str], Any]


class _Unsupported(Exception):
    """The path to what is not supported."""


class _Member(NamedTuple):
    refused: bool
    values: frozenset[str] = frozenset()
    """Refused values, as text."""
    inside: Select | None = None


def select(operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the members of a request that its operation may see.

    Args:
        operation: The name of the operation.
        parameters: The members of the request, as the service model wants them.

    Returns:
        The same members without unknown ones.

    Raises:
        CognitoError: The request uses something that the local Cognito does not support; the error is
            one that the operation declares.
    """
    try:
        selected: Mapping[str, Any] = _input(operation)(parameters, "")
    except _Unsupported as error:
        raise _refusal(operation, str(error)) from None
    return selected


def is_off(value: Any) -> bool:
    """Return whether a value turns off what it belongs to, and so changes nothing."""
    if isinstance(value, Mapping):
        return all(is_off(member) for member in value.values())
    if isinstance(value, str) and value:
        return value in members.OFF_VALUES
    return value is None or value is False or value in ("", [])


def _refusal(operation: str, path: str) -> CognitoError:
    text = f"The local Cognito does not support {path} in {operation}."
    if operation in members.DECLARE_UNSUPPORTED:
        return UnsupportedOperationException(text)
    return InvalidParameterException(text)


@cache
def _input(operation: str) -> Select:
    names = members.OPERATIONS.get(operation, Names())
    both = Names(
        f"{names.implemented} {members.EVERYWHERE.implemented}",
        f"{names.described} {members.EVERYWHERE.described}",
        f"{names.refused} {members.EVERYWHERE.refused}",
    )
    return _structure(both, service_model.input_shape(operation))


def _inside(shape: Shape, name: str) -> Select | None:
    """What has to be looked at inside a value of a shape; None where nothing has."""
    if shape.get("document"):  # any JSON, such as of WebAuthn
        return None
    if shape["type"] == "structure":
        return _structure(members.STRUCTURES.get(name, Names()), shape)
    if shape["type"] == "list":
        item = shape["member"]["shape"]
        each = _inside(service_model.shape(item), item)
        return None if each is None else _list(each)
    if shape["type"] == "map" and name in members.MAPS:
        return _map(members.MAPS[name])
    if "enum" in shape:
        return _enum(shape, members.VALUES.get(name, Names()))
    return None


def _known(shape: Shape) -> Select | None:
    """What drops from a described value what its shape does not have; None where nothing can be."""
    if shape.get("document"):
        return None
    if shape["type"] == "list":
        each = _known(service_model.shape(shape["member"]["shape"]))
        return None if each is None else _list(each)
    if shape["type"] != "structure":
        return None
    inside = {n: _known(service_model.shape(one["shape"])) for n, one in shape["members"].items()}

    def select(given: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        kept = ((name, value, inside[name]) for name, value in given.items() if name in inside)
        return {name: one(value, path) if one else value for name, value, one in kept}

    return select


def _structure(names: Names, shape: Shape) -> Select:
    known = _listed(names, shape["members"])

    def select(given: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        at = f"{path}." if path else ""
        return {
            name: _checked(known[name], value, f"{at}{name}")
            for name, value in given.items()
            if name in known
        }

    return select


def _map(names: Names) -> Select:
    known = _listed(names, {})

    def select(given: Mapping[str, Any], path: str) -> Mapping[str, Any]:
        for name in given:
            if name in known:
                _checked(known[name], given[name], f"{path}.{name}")
        return given

    return select


def _list(each: Select) -> Select:
    return lambda given, path: [each(item, path) for item in given]


def _enum(shape: Shape, names: Names) -> Select | None:
    """Values in no list are refused like those that are to be."""
    refused = {*names.refused.split(), *shape["enum"]}
    refused -= {*names.implemented.split(), *names.described.split()}

    def select(given: str, path: str) -> str:
        if given in refused:
            raise _Unsupported(f"{path}={given}")
        return given

    return select if refused else None


def _listed(names: Names, model: Mapping[str, Any]) -> Mapping[str, _Member]:
    """Members by name; those of the model that are in no list are refused like those that are to be."""
    refused = names.refused.split()
    listed = {name: _Member(True) for name in (*model, *refused)}
    for name in names.described.split():
        inside = model.get(name, {}).get("shape")
        listed[name] = _Member(
            False, inside=_known(service_model.shape(inside)) if inside else None
        )
    for name in names.implemented.split():
        values = {one.partition("=")[2] for one in refused if one.startswith(f"{name}=")}
        inside = model.get(name, {}).get("shape")
        select = _inside(service_model.shape(inside), inside) if inside else None
        listed[name] = _Member(False, frozenset(values), select)
    return listed


def _checked(member: _Member, value: Any, path: str) -> Any:
    if member.refused and not is_off(value):
        raise _Unsupported(path)
    if member.values and str(value) in member.values:
        raise _Unsupported(f"{path}={value}")
    return value if member.inside is None else member.inside(value, path)
