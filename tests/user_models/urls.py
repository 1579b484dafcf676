"""A small site without an admin."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


@login_required
def private(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("private")


urlpatterns = [
    path("", private),
    path("private/", private),
    path("account/", include("cognito_mfa.urls")),
]
