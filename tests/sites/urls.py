"""A site with a private page, an admin that lists its users, and Django's own pages for passwords."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from cognito_mfa.admin import MFAUserAdminMixin


class PersonAdmin(MFAUserAdminMixin, ModelAdmin):
    """The site's own list of users."""


if admin.site.is_registered(get_user_model()):
    admin.site.unregister(get_user_model())
admin.site.register(get_user_model(), PersonAdmin)


@login_required
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"private page of {request.user.get_username()}")


urlpatterns = [
    path("private/", private),
    path("account/", include("cognito_mfa.urls")),
    path("accounts/", include("django.contrib.auth.urls")),
    path("admin/", admin.site.urls),
]
