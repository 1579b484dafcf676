"""Removes empty members of a request, which Cognito does not describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOTHING: tuple[Any, ...] = ("", {})


def without_empty(
    settings: Mapping[str, Any], nothing: tuple[Any, ...] = NOTHING
) -> dict[str, Any]:
    """Return settings without empty structures and texts, at any depth.

    Args:
        settings: The members of a request.
        nothing: The values that are empty. Cognito describes some empty lists, so they are not among
            them.
    """
    kept = {
        name: without_empty(value, nothing) if isinstance(value, dict) else value
        for name, value in settings.items()
    }
    return {name: value for name, value in kept.items() if value not in nothing}


def without_empty_lists(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without empty lists as well, which Terraform sends for members without a value."""
    return without_empty(settings, (*NOTHING, []))
