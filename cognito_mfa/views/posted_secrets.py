"""Wraps secrets that were typed into our forms, before any of our code can fail.

Reports show ``request.POST`` and what a form was given, Django's own report while ``DEBUG`` is on, and
collectors read the body themselves.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve

from cognito_mfa.values.secret_text import SecretText

SECRET_FIELDS = frozenset({"password", "old_password", "new_password1", "new_password2", "code"})


def close(request: HttpRequest) -> None:
    """Close the secrets in ``request.POST``, and drop them from the body that it was read from.

    A body that is not a form is dropped: it may contain anything, and no page of ours reads it.
    """
    if SECRET_FIELDS & request.POST.keys():
        closed = QueryDict(mutable=True, encoding=request.POST.encoding)
        for name, values in request.POST.lists():
            secret = name in SECRET_FIELDS
            closed.setlist(name, [_closed(value) for value in values] if secret else values)
        closed._mutable = False  # noqa: SLF001 - as Django makes it
        request.POST = closed  # type: ignore[assignment]
    elif request.POST:
        return
    # If it was read before; a form read in parts leaves none. JSON would be read by who reports a failure.
    if hasattr(request, "_body") or request.content_type == "application/json":
        request._body = request.POST.urlencode().encode()  # noqa: SLF001


def close_after_failure(*, request: Any = None, **_kwargs: object) -> None:
    """Close what was posted to a page of ours when the request failed on its way there.

    Receives ``got_request_exception``, before Django makes its report. A session that cannot be loaded
    fails in a middleware, and no view of ours ever saw the request.

    Args:
        request: the one that failed; None outside a request.
    """
    if request is None or request.method not in ("POST", "PATCH") or not _is_ours(request):
        return
    request.sensitive_post_parameters = "__ALL__"
    with suppress(Exception):  # a body that cannot be read shows nothing either
        close(request)


def _closed(value: Any) -> Any:
    # One page may answer for another, whose decorators have closed it before.
    return value if isinstance(value, SecretText) else SecretText(str(value))


def _is_ours(request: HttpRequest) -> bool:
    try:
        match = request.resolver_match or resolve(
            request.path_info, getattr(request, "urlconf", None)
        )
    except Resolver404:
        return False
    return bool({"cognito_mfa", "cognito_mfa_api"} & set(match.app_names))
