"""A URLconf whose pattern is not anchored: any path in which it occurs leads to our pages."""

from __future__ import annotations

from django.urls import include, re_path

urlpatterns = [re_path(r"mfa/", include("cognito_mfa.urls"))]
