"""JSON as Cognito writes it, also inside text: without blanks, and as ASCII."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

EachObject = Callable[[dict[str, Any]], dict[str, Any]]

# Made once: json.dumps() and json.loads() would make one for each text.
_encoder = json.JSONEncoder(separators=(",", ":"))


def compact(value: Any) -> str:
    """Return a value as JSON."""
    return _encoder.encode(value)


def parse(body: bytes, *, each_object: EachObject | None = None) -> Any:
    """Return the value of a body in UTF-8.

    Args:
        body: The body of a request.
        each_object: What replaces every object in it; objects stay as they are unless given.

    Returns:
        The value.

    Raises:
        ValueError: It is no JSON, or nested too deeply. Other encodings, NaN, and infinity are not
            JSON, although Python reads them.
    """
    try:
        return _decoder(each_object).decode(body.decode())
    except RecursionError:
        raise ValueError("nested too deeply") from None


@cache
def _decoder(each_object: EachObject | None) -> json.JSONDecoder:
    return json.JSONDecoder(object_hook=each_object, parse_constant=_refuse)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
