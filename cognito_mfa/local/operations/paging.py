"""The tokens with which a list goes on after a page."""

from __future__ import annotations

import base64

from cognito_mfa.local.errors import InvalidParameterException


def page_start(token: str | None) -> int:
    """Return what a page's token says to continue after; 0 is the beginning."""
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise InvalidParameterException("Invalid pagination token provided") from None


def page_token(last: int) -> str:
    """Return the token of the page that continues after this number."""
    return base64.urlsafe_b64encode(str(last).encode()).decode()
