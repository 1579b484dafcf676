"""Multi-factor authentication for Django sites whose people live in an Amazon Cognito user pool."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["ais_verified", "is_verified"]


def is_verified(request: Any) -> bool:
    """Return whether the user of this request passed MFA; see ``enforcement.verified.is_verified``."""
    from cognito_mfa.enforcement import (
        verified,  # models are not loaded yet while settings are read
    )

    return verified.is_verified(request)


async def ais_verified(request: Any) -> bool:
    """Async version of ``is_verified``."""
    from cognito_mfa.enforcement import verified

    return await verified.ais_verified(request)
