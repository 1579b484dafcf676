"""The tokens with which a list continues after a page.

A token belongs to one list, which its scope names: the operation, and the pool or the user. That of
another list, and one that was made up, is refused. It outlives a restart, because nothing is kept.
"""

from __future__ import annotations

import base64
import hashlib

from cognito_mfa.local.errors import InvalidParameterException


def page_start(token: str | None, *scope: str) -> int:
    """Return what a page's token says to continue after.

    Args:
        token: The token; None is the beginning.
        scope: What names the list, as ``page_token`` got it.

    Returns:
        The number, or 0.

    Raises:
        InvalidParameterException: It is no token of this list.
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
    """Refuse every token, for a list that is always one page. Raises InvalidParameterException."""
    if token is not None:
        raise _invalid()


def page_token(last: int, *scope: str) -> str:
    """Return the token of the page that continues after a number.

    Args:
        last: The number, from 0.
        scope: What names the list.

    Returns:
        The token, without blanks.
    """
    digest = hashlib.sha256("\0".join((*scope, str(last))).encode()).hexdigest()
    return base64.urlsafe_b64encode(f"{last}.{digest}".encode()).decode()


def _invalid() -> InvalidParameterException:
    return InvalidParameterException("Invalid pagination token provided")
