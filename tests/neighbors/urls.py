"""The site's own views, with those of django-hijack and django-impersonate."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from cognito_mfa.decorators import mfa_recent, mfa_required
from tests.urls import urlpatterns as site_urls


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"private page of {request.user.get_username()}")


async def awho(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(f"private page of {user.get_username()}")


urlpatterns = [
    path("who/", who),
    path("awho/", awho),
    path("required/", mfa_required(who)),
    path("arequired/", mfa_required(awho)),
    path("recent/", mfa_recent(who)),
    path("arecent/", mfa_recent(awho)),
    path("account/api/", include("cognito_mfa.api.urls")),
    path("hijack/", include("hijack.urls")),
    path("impersonate/", include("impersonate.urls")),
    *site_urls,
]
