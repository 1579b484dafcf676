"""A small site whose list of users has our mixin."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from cognito_mfa.admin import MFAUserAdminMixin
from tests.custom_user.models import Person


@admin.register(Person)
class PersonAdmin(MFAUserAdminMixin):
    """The site's own list of users."""


def private(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("private")


urlpatterns = [
    path("", private),
    path("private/", private),
    path("account/", include("cognito_mfa.urls")),
    path("admin/", admin.site.urls),
]
