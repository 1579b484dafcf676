"""Validates parameters against the service model, with Cognito's texts, before any rule applies.

It checks JSON types, required members, lengths, ranges, patterns, and enums. A sensitive value
never appears in a message.

See "Limits of input" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from cognito_mfa.local.errors import InvalidParameterException, SerializationException
from cognito_mfa.local.wire import service_model
from cognito_mfa.local.wire.service_model import Shape

ASCII = "".join(map(chr, range(128)))
CATEGORY = re.compile(r"\\p\{(\w)\}")

JSON_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "blob": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "structure": dict,
    "map": dict,
    "list": list,
    "timestamp": (int, float),
}
JSON_NAMES = {
    str: "STRING_VALUE",
    bool: "TRUE_VALUE",
    int: "NUMBER_VALUE",
    float: "DECIMAL_VALUE",
    dict: "START_OBJECT",
    list: "START_ARRAY",
}
#: The ranges of Java's numbers.
BITS = {"integer": 31, "long": 63}
TYPE_NAMES = {
    "blob": "Blob",
    "string": "String",
    "boolean": "Boolean",
    "integer": "Integer",
    "long": "Long",
}


def validate(operation: str, parameters: Mapping[str, Any]) -> None:
    """Check the members of a request against the service model.

    Args:
        operation: The name of the operation.
        parameters: The members of the request.

    Raises:
        SerializationException: A value has the wrong JSON type.
        InvalidParameterException: A constraint is broken; the text names all of them.
    """
    # All of them before any is reported, because a wrong type anywhere comes before a broken constraint.
    broken: list[str] = []
    _collect(service_model.input_shape(operation), parameters, "", broken, hidden=False)
    if broken:
        noun = "error" if len(broken) == 1 else "errors"
        raise InvalidParameterException(
            f"{len(broken)} validation {noun} detected: {'; '.join(broken)}"
        )


def check_password(password: str) -> None:
    """Check NEW_PASSWORD, which is in a map whose values the model does not know as passwords.

    Raises:
        InvalidParameterException: It breaks a constraint of PasswordType.
    """
    broken: list[str] = []
    _collect(service_model.shape("PasswordType"), password, "password", broken, hidden=True)
    if broken:
        raise InvalidParameterException(f"1 validation error detected: {broken[0]}")


def _check_type(shape: Shape, value: Any) -> None:
    kind = shape["type"]
    if not isinstance(value, JSON_TYPES.get(kind, object)):
        raise _not_convertible(shape, value)
    if isinstance(value, bool) and kind != "boolean":
        raise _not_convertible(shape, value)
    bits = BITS.get(kind)
    if bits is not None and not -(2**bits) <= value < 2**bits:
        raise _not_convertible(shape, value)
    if isinstance(value, str):
        _check_characters(value)
    if kind == "blob":
        _check_base64(value)


def _check_characters(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SerializationException("Invalid UTF-8: a lone surrogate") from None


def _check_base64(text: Any) -> None:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        raise SerializationException("A blob is not valid base64") from None


def _not_convertible(shape: Shape, value: Any) -> SerializationException:
    seen = JSON_NAMES.get(type(value), "NULL_VALUE")
    kind = shape["type"]
    if kind in TYPE_NAMES:
        return SerializationException(f"{seen} can not be converted to a {TYPE_NAMES[kind]}")
    return SerializationException(f"Unrecognized collection type for {kind}: {seen}")


def _collect(shape: Shape, value: Any, path: str, broken: list[str], *, hidden: bool) -> None:
    """Add the constraints that a value and everything inside it break.

    Everything inside a sensitive value is sensitive, although the model does not mark the strings in a map.
    Raises SerializationException for a value of the wrong type.
    """
    _check_type(shape, value)
    hidden = hidden or bool(shape.get("sensitive")) or shape["type"] == "blob"
    if "required" in shape:
        broken += [
            f"Value null at '{_joined(path, _camel(name))}' {_must('not be null')}"
            for name in shape["required"]
            if value.get(name) is None
        ]
    for constraint in _own(shape, value):
        shown = "Value" if hidden else f"Value '{value}'"
        broken.append(f"{shown} at '{path}' {_must(constraint)}")
    for member, step, child in _children(shape, value):
        _collect(child, member, _joined(path, step), broken, hidden=hidden)


def _must(constraint: str) -> str:
    return f"failed to satisfy constraint: Member must {constraint}"


def _own(shape: Shape, value: Any) -> list[str]:
    kind = shape["type"]
    if kind == "string":
        return _text(shape, value)
    if kind in ("integer", "long"):
        return _bounds(shape, value, "value")
    if kind == "blob":
        return _bounds(shape, len(base64.b64decode(value)), "length")
    if kind in ("list", "map"):
        return _bounds(shape, len(value), "length")
    return []


def _text(shape: Shape, value: str) -> list[str]:
    broken = []
    if "enum" in shape and value not in shape["enum"]:
        broken.append(f"satisfy enum value set: [{', '.join(shape['enum'])}]")
    if "pattern" in shape and not _matches(shape["pattern"], value):
        broken.append(f"satisfy regular expression pattern: {shape['pattern']}")
    # Cognito counts UTF-16 units, as Java does, in which an emoji counts twice.
    size = len(value) if value.isascii() else len(value.encode("utf-16-le")) // 2
    return broken + _bounds(shape, size, "length")


def _bounds(shape: Shape, size: int, noun: str) -> list[str]:
    if "max" in shape and size > shape["max"]:
        return [f"have {noun} less than or equal to {shape['max']}"]
    if "min" in shape and size < shape["min"]:
        return [f"have {noun} greater than or equal to {shape['min']}"]
    return []


def _children(shape: Shape, value: Any) -> Iterator[tuple[Any, str, Shape]]:
    """Yield every member of a value that its shape has: the member, the step to it, and its shape."""
    kind = shape["type"]
    if kind == "structure":
        members = shape["members"]
        for name in members:
            if value.get(name) is not None:
                yield value[name], _camel(name), _resolved(members[name])
    elif kind == "list":
        for index, item in enumerate(value, 1):
            yield item, f"{index}.member", _resolved(shape["member"])
    elif kind == "map":
        for name, item in value.items():
            yield name, "key", _resolved(shape["key"])
            yield item, f"{name}.value", _resolved(shape["value"])


def _resolved(reference: Mapping[str, str]) -> Shape:
    return service_model.shape(reference["shape"])


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _joined(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step


def _matches(pattern: str, value: str) -> bool:
    others = "" if value.isascii() else "".join(sorted(set(value) - set(ASCII)))
    return _compiled(pattern, others)(value) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str, others: str) -> Callable[[str], object]:
    r"""Return the model's pattern as Java reads it.

    Python's re has no \p{L}, so in a class it is replaced by the value's characters of that category.
    """

    def characters(match: re.Match[str]) -> str:
        members = (c for c in ASCII + others if unicodedata.category(c)[0] == match[1])
        return re.escape("".join(members))

    read = CATEGORY.sub(characters, pattern)
    # Java's dot stops at every kind of line end, Python's only at one.
    if not read.startswith("(?s)"):
        read = read.replace(".*", "[^\n\r\u0085\u2028\u2029]*")
    return re.compile(read, re.ASCII).fullmatch
