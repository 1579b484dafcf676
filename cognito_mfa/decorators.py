"""Marks for views. A mark belongs to one view: a subclass of an exempt view is gated again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction

from cognito_mfa.gate import EXEMPT_MARK

View = TypeVar("View", bound=Callable[..., Any])


def mfa_exempt(view: View) -> View:
    """Let everybody through to ``view``, set up or not: an imprint, a help page, a health check."""
    # A wrapper instead of a mark on the view itself, which may be in use elsewhere without the mark.
    if iscoroutinefunction(view):

        @wraps(view)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return await view(*args, **kwargs)

    else:

        @wraps(view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return view(*args, **kwargs)

    setattr(wrapper, EXEMPT_MARK, wrapper)
    return wrapper  # type: ignore[return-value]
