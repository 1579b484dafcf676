"""Responses that no view gave: from fallbacks for missing pages, and from other middleware.

The gate decides when the view is known. Where it was not asked, it looks at the response on its way out, so that a
blocked user gets nothing that the site wrote.
"""

from __future__ import annotations

import sys
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils.http import escape_leading_slashes
from django.views.defaults import ERROR_PAGE_TEMPLATE

from cognito_mfa.enforcement import responses
from cognito_mfa.enforcement.view_marks import VIEW_GAVE_404, why_exempt

VIEW_DECIDED = "_cognito_mfa_view_decided"  # of the request: the gate was asked about its view
# What Django says of an error where the site has no page for it.
BARE_ERRORS = {
    400: ("Bad Request (400)", ""),
    403: ("403 Forbidden", ""),
    404: ("Not Found", "The requested resource was not found on this server."),
    500: ("Server Error (500)", ""),
}


def needs_decision(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Return whether the gate must decide about a response on its way out.

    What Django itself answers passes, and costs nothing: its bare error pages, and the redirect that adds a slash.

    Args:
        request: after all of the site's middleware.
        response: from a view or from anything else.
    """
    given = vars(request)
    if VIEW_DECIDED in given:
        return VIEW_GAVE_404 in given and _is_fallback(request, response)
    if _is_bare_error(response) or _adds_a_slash(request, response) or _is_static_file(response):
        return False
    match = request.resolver_match or _match(request)
    # Where there is a view, another middleware answered in its place, such as to refuse a form without a token, or
    # to renew tokens before Django looked for the view. If it were judged on our own pages, users would be redirected in a loop.
    return match is None or not why_exempt(match.func)


def _is_fallback(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Return whether other code answers with a page after an exempt view found none.

    Whose page that is, the mark does not say.
    """
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        return False
    match = request.resolver_match
    return (
        match is not None and bool(why_exempt(match.func)) and not _adds_a_slash(request, response)
    )


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info, getattr(request, "urlconf", None))
    except Resolver404:
        return None


def replacement_for(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    """Return what a blocked user gets in place of ``response``.

    Args:
        request: which is blocked.
        response: never sent; what it holds open is closed.
    """
    if request.resolver_match is None and response.status_code >= HTTPStatus.BAD_REQUEST:
        answer = _bare_error(response.status_code)
    else:
        answer = responses.deny(request, responses.MFA_REQUIRED)
    # The server closes what a response holds, including the file of a download that is not sent.
    answer._resource_closers.extend(response._resource_closers)  # type: ignore[attr-defined]  # noqa: SLF001
    return answer


def _bare_error(status: int) -> HttpResponse:
    title, details = BARE_ERRORS.get(status, (str(status), ""))
    return HttpResponse(ERROR_PAGE_TEMPLATE % {"title": title, "details": details}, status=status)


def _is_bare_error(response: HttpResponseBase) -> bool:
    status = response.status_code
    if status < HTTPStatus.BAD_REQUEST or not isinstance(response, HttpResponse):
        return False
    if not getattr(response, "is_rendered", True):
        return False
    return response.content in (b"", _bare_error(status).content)


def _is_static_file(response: HttpResponseBase) -> bool:
    """Return whether WhiteNoise answered with a public file, such as the style sheet of the setup page.

    By identity of the class, which no other answer has.
    """
    module = sys.modules.get("whitenoise.middleware")
    return module is not None and type(response) is getattr(module, "WhiteNoiseFileResponse", None)


def _adds_a_slash(request: HttpRequest, response: HttpResponseBase) -> bool:
    if response.status_code not in (301, 308) or request.path.endswith("/"):
        return False
    with_slash = escape_leading_slashes(request.get_full_path(force_append_slash=True))
    return response.get("Location") == with_slash
