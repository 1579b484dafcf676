"""Marks and demands for views, sync and async. A mark belongs to one view: a subclass of an exempt
view is gated again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse

from cognito_mfa import gate
from cognito_mfa.answers import CONFIRM_AGAIN, answer
from cognito_mfa.conf import get_conf
from cognito_mfa.gate import EXEMPT_MARK

View = TypeVar("View", bound=Callable[..., Any])
Decide = Callable[[HttpRequest], HttpResponse | None]


def mfa_exempt(view: View) -> View:
    """Let everybody through to ``view``, set up or not: an imprint, a help page, a health check."""
    # A wrapper instead of a mark on the view itself, which may be in use elsewhere without the mark.
    wrapper = _deciding(view, _let_through)
    setattr(wrapper, EXEMPT_MARK, wrapper)
    return wrapper


def mfa_recent(max_age: float | None = None) -> Callable[[View], View]:
    """Let nobody through whose second factor is older than ``max_age``, for changes that matter.

    Args:
        max_age: seconds; by default ``COGNITO_MFA["REAUTH_MAX_AGE"]``.
    """

    def decide(request: HttpRequest) -> HttpResponse | None:
        limit = get_conf().REAUTH_MAX_AGE if max_age is None else max_age
        seconds = gate.proof_age(request, request.user)
        if seconds is not None and seconds <= limit:
            return None
        return answer(request, CONFIRM_AGAIN)

    return lambda view: _deciding(view, decide)


def _let_through(_request: HttpRequest) -> None:
    return None


def _deciding(view: View, decide: Decide) -> View:
    """Return ``view`` behind ``decide``, whose answer is given instead when there is one."""
    if iscoroutinefunction(view):

        @wraps(view)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            stopped = None if decide is _let_through else await sync_to_async(decide)(request)
            return stopped or await view(request, *args, **kwargs)

    else:

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return decide(request) or view(request, *args, **kwargs)

    return wrapper  # type: ignore[return-value]
