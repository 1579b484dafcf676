"""Decides which front ends at other origins may use the API.

Browsers let another origin read an answer only with CORS headers, which ``django-cors-headers`` sends. Django accepts
its posts only if ``CSRF_TRUSTED_ORIGINS`` names it. Sites often allow more origins in both settings than should be able
to sign users in, so ``COGNITO_MFA["API_ORIGINS"]`` decides.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token

from cognito_mfa.api import problems
from cognito_mfa.conf import get_conf

CSRF_HEADER = "X-CSRFToken"


def refuse(request: HttpRequest) -> HttpResponse | None:
    """Return the answer to a request from an origin that may not use the API; None for any other."""
    origin = request.headers.get("Origin")
    if origin is None or origin == _own(request) or origin in get_conf().API_ORIGINS:
        return None
    return problems.response("origin_not_allowed")


def _own(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def csrf_header(request: HttpRequest) -> dict[str, str]:
    """Return the header with the CSRF token, and set the cookie.

    A front end at another site cannot read the cookie, and no front end can if the cookie is HttpOnly.
    """
    return {CSRF_HEADER: get_token(request)}
