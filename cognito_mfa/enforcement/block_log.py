"""The log event of a blocked request."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from cognito_mfa.models import key_of
from cognito_mfa.monitoring import log_events

LOGGED = "_cognito_mfa_block_logged"  # of the request


def record_block(request: HttpRequest, user: Any, code: str = "mfa_required") -> None:
    """Log that a request was blocked.

    Args:
        request: logged once, however many guards ask.
        user: who was blocked; None where that is not known.
        code: what is missing, as the response calls it.
    """
    if getattr(request, LOGGED, False):
        return
    setattr(request, LOGGED, True)
    log_events.write("request_blocked", user=key_of(user), view=view_name(request), reason=code)


def view_name(request: HttpRequest) -> str:
    """Return the name of the view; never the path, which may hold what a log must not."""
    match = getattr(request, "resolver_match", None)
    return match.view_name if match else "unknown"
