"""The pages of the example site. They are in English, whatever the language of the app's own pages."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_sameorigin

from cognito_mfa import bearer
from cognito_mfa.conf import get_conf
from cognito_mfa.decorators import mfa_exempt
from cognito_mfa.enforcement import gate, policy
from example_project import bearer_demo, demo_users, emails, settings
from example_project.middleware import as_email


def _page(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    with translation.override("en"):
        return render(request, f"example_project/{name}.html", context)


@mfa_exempt
@never_cache
def start(request: HttpRequest) -> HttpResponse:
    """Say what to try, to anyone."""
    conf = get_conf()
    context = {
        "users": demo_users.shown(),
        "requires_of_group": settings.REQUIRES_OF_GROUP,
        "group": settings.REQUIRED_GROUP,
        "pool_id": conf.USER_POOL_ID,
        "recovery_codes": conf.RECOVERY_CODES,
        "messages_with_codes": demo_users.messages()[:1],
        "token_lines": bearer_demo.lines(),
    }
    return _page(request, "start", context)


@mfa_exempt
@never_cache
def codes(request: HttpRequest) -> JsonResponse:
    """Return the codes of now, for the script on the start page."""
    return JsonResponse(
        {
            username: [code._asdict() for code in found]
            for username, found in demo_users.codes().items()
        }
    )


@login_required
def private(request: HttpRequest) -> HttpResponse:
    """Show a page for which RequireMFAMiddleware enforces MFA; the view itself does nothing for it."""
    context = {
        "verified": gate.is_proven(request, request.user),
        "required": policy.is_required(request),
    }
    return _page(request, "private", context)


@mfa_exempt
def front_end(request: HttpRequest) -> HttpResponse:
    """Show the front end, which does everything else over the API."""
    return _page(request, "app", {})


@mfa_exempt
@never_cache
def who_am_i(request: HttpRequest) -> JsonResponse:
    """Answer a request with an access token instead of a session: whose it is, and whether MFA was passed."""
    try:
        sign_in = bearer.authenticate(request)
    except bearer.BearerRefused as refused:
        problem = {"detail": refused.detail, "code": refused.code}
        return JsonResponse(problem, status=refused.status, headers=refused.headers)
    if sign_in is None:
        problem = {"detail": "Send an access token of the user pool."}
        return JsonResponse(problem, status=401, headers={"WWW-Authenticate": "Bearer"})
    answer = {"username": sign_in.user.get_username(), "mfa": sign_in.is_mfa_verified()}
    return JsonResponse(answer)


@mfa_exempt
def support(request: HttpRequest) -> HttpResponse:
    """Show the page that SUPPORT_URL names: what a site would say to users who need help."""
    return _page(request, "support", {})


@mfa_exempt
@never_cache
def email_list(request: HttpRequest) -> HttpResponse:
    """List what the site and Cognito would have sent."""
    context = {"emails": emails.newest(), "sent_by_cognito": demo_users.messages()}
    return _page(request, "emails", context)


@mfa_exempt
def email_page(request: HttpRequest, number: int) -> HttpResponse:
    """Show one email, its HTML in a frame without scripts."""
    return _page(request, "email", {"email": _email(number)})


@mfa_exempt
@xframe_options_sameorigin
def email_html(request: HttpRequest, number: int) -> HttpResponse:
    """Return the HTML of an email, as an email program would show it."""
    return as_email(HttpResponse(_email(number).html))


def _email(number: int) -> emails.Email:
    email = emails.read(number)
    if email is None:
        raise Http404
    return email


@mfa_exempt
def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect browsers that ask for the icon by its usual name, as on pages of the admin."""
    return HttpResponseRedirect(static("example_project/icon.svg"))
