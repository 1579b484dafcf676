"""JSON as Cognito writes it, also inside text: without blanks, and as ASCII."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

# Made once: json.dumps() would make one for each text.
_encoder = json.JSONEncoder(separators=(",", ":"))


def compact(value: Any) -> str:
    """Return a value as JSON."""
    return _encoder.encode(value)


def parse(
    body: bytes, *, each_object: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> Any:
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
        return json.loads(body.decode(), object_hook=each_object, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
