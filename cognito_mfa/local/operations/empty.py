"""What a request leaves empty, which is not described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING: tuple[Any, ...] = ("", {})


def without_empty(
    settings: Mapping[str, Any], nothing: tuple[Any, ...] = NOTHING
) -> dict[str, Any]:
    """Return settings without their empty structures and texts, at any depth.

    Args:
        settings: The members of a request.
        nothing: What counts as empty. An empty list does not, because some are described as given.
    """
    kept = {
        name: without_empty(value, nothing) if isinstance(value, dict) else value
        for name, value in settings.items()
    }
    return {name: value for name, value in kept.items() if value not in nothing}


def without_empty_lists(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without empty lists, too: Terraform sends them for what was not described."""
    return without_empty(settings, (*NOTHING, []))
