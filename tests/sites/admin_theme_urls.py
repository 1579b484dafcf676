"""The site whose admin looks like django-unfold, with the pages of django-hijack."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import include, path
from unfold.admin import ModelAdmin

from cognito_mfa import admin as pages
from tests.sites.urls import PersonAdmin
from tests.sites.urls import urlpatterns as site_urls


class ThemedPersonAdmin(PersonAdmin, ModelAdmin):
    """The site's own list of users in Unfold's looks."""


admin.site.unregister([*pages.PAGES, User])
pages.register(admin.site, base=ModelAdmin)
admin.site.register(User, ThemedPersonAdmin)

urlpatterns = [path("hijack/", include("hijack.urls")), *site_urls]
