"""Receivers of the test site."""

from __future__ import annotations


def failing(**_kwargs: object) -> None:
    """Fail as no one foresaw."""
    raise RuntimeError("unforeseen")
