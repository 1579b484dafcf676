"""The small site, with the packages' own pages beside ours."""

from __future__ import annotations

from django.urls import include, path

from tests.other_sign_ins.settings import MISSING
from tests.urls import urlpatterns as plain

urlpatterns = [*plain]
if not MISSING:
    urlpatterns += [
        path("oidc/", include("mozilla_django_oidc.urls")),
        path("accounts/", include("allauth.urls")),
    ]
