"""Observes each call to Cognito: its duration, its outcome, and AWS's id of the request."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import wraps
from typing import Any

from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.monitoring import metrics

Call = Callable[[str, Mapping[str, Any]], dict[str, Any]]

_last: ContextVar[str] = ContextVar("cognito_mfa_last_request_id", default="")


def observed(call: Call) -> Call:
    """Decorate ``transport.call``, so that each operation that it sends is observed."""

    @wraps(call)
    def observing(operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        with metrics.span_of_call(operation) as span:
            started = time.perf_counter()
            request_id, error_type = "", ""
            try:
                reply = call(operation, parameters)
                request_id = str(reply.get("ResponseMetadata", {}).get("RequestId", ""))
            except CognitoMFAError as error:
                request_id = error.request_id
                error_type = error.error or str(error.reason or error.code)
                raise
            finally:
                _last.set(request_id)
                seconds = time.perf_counter() - started
                metrics.record_call(
                    span, operation, seconds, request_id=request_id, error_type=error_type
                )
        return reply

    return observing


def last_request_id() -> str:
    """Return AWS's id of the last request that this request of the site sent; empty if there is none."""
    return _last.get()


def forget() -> None:
    """Forget the last request, because a server's thread handles many requests of the site in turn."""
    if _last.get():
        _last.set("")
