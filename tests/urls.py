"""A small site around the app."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from cognito_mfa.admin import MFAUserAdminMixin
from cognito_mfa.decorators import mfa_exempt


class PersonAdmin(MFAUserAdminMixin, UserAdmin):
    """The site's own list of users, as a site writes it."""


admin.site.unregister(User)
admin.site.register(User, PersonAdmin)


def home(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("home")


@login_required
def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"private page of {request.user.get_username()}")


async def async_private(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(f"async page of {user.get_username()}")


@mfa_exempt
def imprint(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("imprint")


urlpatterns = [
    path("", home),
    path("private/", private),
    path("async-private/", async_private),
    path("imprint/", imprint),
    path("account/", include("cognito_mfa.urls")),
    path("admin/", admin.site.urls),
]
