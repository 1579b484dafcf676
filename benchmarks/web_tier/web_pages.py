"""The pages of the benchmarks' site: those of the sign-in, and one for signed-in users."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path
from web_settings import IS_OURS


@login_required
def target(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"in as {request.user.get_username()}")


_SIGN_IN = (
    path("account/", include("cognito_mfa.urls"))
    if IS_OURS
    else path("accounts/", include("allauth.urls"))
)
urlpatterns: list[URLPattern | URLResolver] = [_SIGN_IN, path("target/", target)]
