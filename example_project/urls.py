"""URLs of the example site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from example_project import views

urlpatterns = [
    path("", views.start, name="start"),
    path("private/", views.private, name="private"),
    path("account/", include("cognito_mfa.urls")),
    path("admin/", admin.site.urls),
]
