"""Django's complete check of the CSRF token, with our own answer if it fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.decorators import decorator_from_middleware
from django.utils.module_loading import import_string

# Returns the answer, given the request, Django's reason, and a function that returns Django's answer.
Reject = Callable[[HttpRequest, str, Callable[[], HttpResponseBase]], HttpResponseBase]


def protect(reject: Reject) -> Callable[..., Any]:
    """Return Django's ``csrf_protect`` with the answer of ``reject``."""

    def protected(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        # Django's class reads the trusted origins once; a site's tests change them.
        made: dict[tuple[Any, ...], Callable[..., HttpResponseBase]] = {}

        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            base = _class_of_site(tuple(settings.MIDDLEWARE))
            key = (base, *settings.CSRF_TRUSTED_ORIGINS)
            if key not in made:
                made[key] = decorator_from_middleware(_check(base, reject))(view)
            return made[key](request, *args, **kwargs)

        return checked

    return protected


def _check(base: type[CsrfViewMiddleware], reject: Reject) -> type[CsrfViewMiddleware]:
    class Check(base):  # type: ignore[misc, valid-type]
        # SECURITY: Django's own, so that what a site's class lets pass, such as some paths, is checked here.
        process_view = CsrfViewMiddleware.process_view

        def _reject(self, request: HttpRequest, reason: str) -> HttpResponseBase:
            def djangos() -> HttpResponseBase:
                answer: HttpResponseBase = super(Check, self)._reject(request, reason)
                return answer

            return reject(request, reason, djangos)

    return Check


@lru_cache(maxsize=8)
def _class_of_site(middleware: tuple[str, ...]) -> type[CsrfViewMiddleware]:
    """Return the site's own class of Django's check, or Django's.

    The site's may have tokens and origins of its own.
    """
    for path in middleware:
        with suppress(ImportError):
            found = import_string(path)
            if isinstance(found, type) and issubclass(found, CsrfViewMiddleware):
                return found
    return CsrfViewMiddleware
