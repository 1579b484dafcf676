"""Where a journey meets a moto that differs from Cognito (facts section 13.2)."""

from __future__ import annotations


def deviation(test: str, flow: str | None) -> str | None:
    return None
