"""The small site with the API beside the pages."""

from __future__ import annotations

from django.urls import include, path

from tests import urls

urlpatterns = [path("account/api/", include("cognito_mfa.api.urls")), *urls.urlpatterns]
