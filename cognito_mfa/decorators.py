"""Decorators that exempt views from MFA, or require MFA or a recent code; sync and async.

A mark belongs to one view: a subclass of an exempt view is gated again, and so is what a decorator of the site's own
makes of one: ``mfa_exempt`` goes on top. For classes there are mixins
of the same names in ``cognito_mfa.mixins``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, overload

from django.http import HttpRequest

from cognito_mfa.enforcement import guards
from cognito_mfa.enforcement.guards import Guard
from cognito_mfa.enforcement.view_marks import is_async_view, mark_required, mfa_exempt

__all__ = ["mfa_exempt", "mfa_recent", "mfa_required"]

View = TypeVar("View", bound=Callable[..., Any])


def mfa_required(view: View) -> View:
    """Require MFA of every user of ``view``, regardless of policy, rollout dates, and exemptions.

    Visitors are redirected to the sign-in.
    """
    return _guarded(view, guards.REQUIRED)


@overload
def mfa_recent(max_age: View) -> View: ...


@overload
def mfa_recent(max_age: float | None = None) -> Callable[[View], View]: ...


def mfa_recent(max_age: Any = None) -> Any:
    """Require a code entered at most ``max_age`` seconds ago, for changes that matter.

    Args:
        max_age: seconds; by default ``COGNITO_MFA["REAUTH_MAX_AGE"]``. Or the view itself, where the
            decorator is written without parentheses.

    Raises:
        ValueError: ``max_age`` is not a number from 0 to a hundred years.
    """
    if callable(max_age):
        return _guarded(max_age, guards.recent(None))
    return lambda view: _guarded(view, guards.recent(max_age))


def _guarded(view: View, guard: Guard) -> View:
    """Return ``view`` wrapped so that a response of ``guard`` replaces its own."""
    if is_async_view(view):

        @wraps(view)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            stopped = await guard.acheck(request)
            return stopped if stopped is not None else await view(request, *args, **kwargs)

    else:

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            stopped = guard.check(request)
            return stopped if stopped is not None else view(request, *args, **kwargs)

    mark_required(wrapper)
    return wrapper  # type: ignore[return-value]
