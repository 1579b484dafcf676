"""Front ends at other origins: which ones may use the API.

Browsers let another origin read an answer only with CORS headers, which ``django-cors-headers`` sends, and Django
accepts its posts only if ``CSRF_TRUSTED_ORIGINS`` names it. Both settings are the site's, and often wider than its
sign-in should be, so ``COGNITO_MFA["API_ORIGINS"]`` decides.
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
    """Return the header with the CSRF token, which sets the cookie too.

    A front end at another site cannot read the cookie, and none can where it is closed to scripts.
    """
    return {CSRF_HEADER: get_token(request)}
