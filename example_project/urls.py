"""URLs of the example site."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from example_project import views

urlpatterns = [
    path("", views.start, name="start"),
    path("codes/", views.codes, name="codes"),
    path("private/", views.private, name="private"),
    path("app/", views.front_end, name="front_end"),
    path("who-am-i/", views.who_am_i, name="who_am_i"),
    path("support/", views.support, name="support"),
    path("emails/", views.email_list, name="emails"),
    path("emails/<int:number>/", views.email_page, name="email"),
    path("emails/<int:number>/html/", views.email_html, name="email_html"),
    path("favicon.ico", views.favicon),
    path("account/api/", include("cognito_mfa.api.urls")),
    path("account/", include("cognito_mfa.urls")),
    path("admin/", admin.site.urls),
]
