"""What a request leaves empty, which is not described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def without_empty(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without their empty structures and texts, at any depth.

    An empty list stays: some are described as they were given.
    """
    kept = {
        name: without_empty(value) if isinstance(value, dict) else value
        for name, value in settings.items()
    }
    return {name: value for name, value in kept.items() if value not in ("", {})}
