"""The response for a blocked request, in the form that the caller understands.

Browsers are redirected, scripts get a problem document (RFC 9457), and htmx is told to load the page. Posted data is
neither kept nor sent again.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.functional import Promise
from django.utils.html import escape
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.defaults import ERROR_PAGE_TEMPLATE

from cognito_mfa.enforcement import impersonation
from cognito_mfa.enforcement.impersonation import Impersonation
from cognito_mfa.enforcement.redirects import local_path, safe_url, site_context  # noqa: F401 - its old place


class Denial:
    """Why a request is blocked, and the page on which the user can change that.

    Args:
        code: for scripts; frozen.
        title: the same for people.
        url_name: of the page.
        query: parameters of the page.
    """

    __slots__ = ("code", "query", "title", "url_name")

    def __init__(
        self, code: str, title: str | Promise, url_name: str, query: dict[str, str]
    ) -> None:
        self.code, self.title, self.url_name, self.query = code, title, url_name, query

    def has_page(self) -> bool:
        """Return whether the page is in the request's URLconf, which middleware may choose by the host."""
        try:
            reverse(self.url_name)
        except NoReverseMatch:
            return False
        return True

    def url(self, next_url: str = "") -> str:
        """Return the address of the page, leading back to ``next_url`` afterwards."""
        query = {**self.query, **({"next": next_url} if next_url else {})}
        return reverse(self.url_name) + (f"?{urlencode(query)}" if query else "")


MFA_REQUIRED = Denial(
    "mfa_required",
    gettext_lazy("Two-step verification is required."),
    "cognito_mfa:setup",
    {},
)
# For a view that requires MFA of all users, although the policy does not require it of this one.
MFA_REQUIRED_BY_VIEW = Denial(
    "mfa_required", MFA_REQUIRED.title, "cognito_mfa:sign_in", {"setup": "1"}
)
SIGN_IN_REQUIRED = Denial(
    "sign_in_required",
    gettext_lazy("Sign in to continue."),
    "cognito_mfa:sign_in",
    {"setup": "1"},
)
MFA_TOO_OLD = Denial(
    "mfa_too_old",
    gettext_lazy("Enter your password and a code again."),
    "cognito_mfa:sign_in",
    {"again": "1"},
)


# For a user who acts as another one: whose authenticator app would it be?
IMPERSONATING = Denial(
    "impersonating",
    gettext_lazy("Switch back to your own account first."),
    "cognito_mfa:device",
    {},
)


def deny(request: HttpRequest, denial: Denial) -> HttpResponse:
    """Return the response for a blocked request.

    Args:
        request: which is blocked.
        denial: why; during an impersonation, switching back is asked for instead.
    """
    acting = impersonation.find(request, getattr(request, "user", None))
    response: HttpResponse
    if not denial.has_page():
        response = _without_page(request, denial)
    elif acting is not None:
        response = _for_impersonator(request, acting)
    elif request.headers.get("HX-Request") == "true":
        response = _for_htmx(request, denial)
    elif wants_page(request):
        response = _for_page(request, denial)
    else:
        response = _for_script(request, denial)
    add_never_cache_headers(response)
    patch_vary_headers(response, ("Accept", "HX-Request", "Cookie"))
    return response


async def adeny(request: HttpRequest, denial: Denial) -> HttpResponse:
    """Async version of ``deny``. It needs a thread only during an impersonation."""
    session = getattr(request, "session", None)
    if session is not None:
        await session.aget(impersonation.KEPT)  # loads all of it
    if impersonation.is_possible(request):
        return await sync_to_async(deny)(request, denial)
    return deny(request, denial)


def impersonation_page(
    request: HttpRequest, acting: Impersonation, *, unproven: bool
) -> HttpResponse:
    """Return the page that tells an impersonating user why they are blocked, and how to switch back.

    Args:
        request: which is blocked.
        acting: the impersonation.
        unproven: whether their own proof is missing or too old; otherwise the page they asked for is about
            the impersonated user's own settings.
    """
    context = {
        **site_context(request),
        "user": request.user,
        "way_back": acting.way_back(),
        "acting": acting,
        "unproven": unproven,
    }
    return render(request, "cognito_mfa/impersonating.html", context, status=403)


def wants_page(request: HttpRequest) -> bool:
    """Return whether the caller is a browser that shows a page.

    Scripts send ``*/*`` and nothing else. A caller that says nothing at all gets a page.
    """
    if request.headers.get("X-Requested-With") == "XMLHttpRequest" or _is_of_api(request):
        return False
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    accept = request.headers.get("Accept")
    return accept is None or "text/html" in accept


def _is_of_api(request: HttpRequest) -> bool:
    """Return whether the request is for a view of our API, regardless of its ``Accept`` header."""
    match = getattr(request, "resolver_match", None)
    return match is not None and "cognito_mfa_api" in match.app_names


def _without_page(request: HttpRequest, denial: Denial) -> HttpResponse:
    """Return the response where the site has none of our pages, such as at another of its hosts."""
    if wants_page(request) or request.headers.get("HX-Request") == "true":
        page = ERROR_PAGE_TEMPLATE % {"title": "403 Forbidden", "details": escape(denial.title)}
        return HttpResponse(page, status=403)
    return _problem(denial)


def _problem(denial: Denial, **more: Any) -> JsonResponse:
    problem: dict[str, Any] = {
        "type": "about:blank",
        "title": str(denial.title),
        "status": 403,
        "code": denial.code,
        **more,
    }
    return JsonResponse(problem, status=403, content_type="application/problem+json")


def _for_impersonator(request: HttpRequest, acting: Impersonation) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=403, headers={"HX-Redirect": IMPERSONATING.url()})
    if wants_page(request):
        return impersonation_page(request, acting, unproven=True)
    return _problem(IMPERSONATING)


def _for_page(request: HttpRequest, denial: Denial) -> HttpResponse:
    if request.method in ("GET", "HEAD"):
        return HttpResponseRedirect(denial.url(request.get_full_path()))
    text = _("Your changes weren’t saved. Confirm it’s you, then submit the form again.")
    messages.warning(request, text, fail_silently=True)
    # The page of the form, where it says so: what was posted goes to an address that may have no page.
    form_page = local_path(request, request.headers.get("Referer"))
    return HttpResponseRedirect(denial.url(form_page))


def _for_htmx(request: HttpRequest, denial: Denial) -> HttpResponse:
    # The page that htmx works in is where the user was; the fragment alone shows nothing.
    page = local_path(request, request.headers.get("HX-Current-URL"))
    return HttpResponse(status=403, headers={"HX-Redirect": denial.url(page)})


def _for_script(request: HttpRequest, denial: Denial) -> HttpResponse:
    # The page that the script runs in is where the user was. What the script asked for is data, and no place to be.
    page = local_path(request, request.headers.get("Referer"))
    return _problem(
        denial,
        detail=str(denial.title),
        setup_url=request.build_absolute_uri(denial.url(page)),
        **_api_members(request, page),
    )


def _api_members(request: HttpRequest, page: str) -> dict[str, str]:
    """Return the address of the API, where it is installed, and what to send with the sign-in as ``next``.

    Args:
        request: which is blocked.
        page: from which it came; empty where that is not known, or a front end at another origin.
    """
    try:
        address = reverse("cognito_mfa_api:session")
    except NoReverseMatch:
        return {}
    return {"session_url": request.build_absolute_uri(address), "next": page}
