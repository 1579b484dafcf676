"""The tokens with which a list continues after a page.

A token belongs to one list, which its scope names: the operation, and the pool or the user. A token of
another list or a forged one is refused. Tokens stay valid after a restart, because nothing is stored.
"""

from __future__ import annotations

import base64
import hashlib

from cognito_mfa.local.errors import InvalidParameterException


def page_start(token: str | None, *scope: str) -> int:
    """Return the number after which a page continues.

    Args:
        token: The token; None for the first page.
        scope: What names the list, as ``page_token`` got it.

    Returns:
        The number, or 0.

    Raises:
        InvalidParameterException: It is not a token of this list.
    """
    if token is None:
        return 0
    try:
        last = int(base64.urlsafe_b64decode(token).partition(b".")[0])
    except ValueError:
        last = -1
    if token != page_token(last, *scope):
        raise _invalid()
    return last


def check_only_page(token: str | None) -> None:
    """Refuse a token for a list that always has one page. Raises InvalidParameterException."""
    if token is not None:
        raise _invalid()


def page_token(last: int, *scope: str) -> str:
    """Return the token of the page that continues after a number.

    Args:
        last: The number, from 0.
        scope: What names the list.

    Returns:
        The token, which has no spaces.
    """
    digest = hashlib.sha256("\0".join((*scope, str(last))).encode()).hexdigest()
    return base64.urlsafe_b64encode(f"{last}.{digest}".encode()).decode()


def _invalid() -> InvalidParameterException:
    return InvalidParameterException("Invalid pagination token provided")
