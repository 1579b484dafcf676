"""Receivers of the test site."""

from __future__ import annotations


def failing(**_kwargs: object) -> None:
    """Fail as nobody foresaw."""
    raise RuntimeError("unforeseen")
