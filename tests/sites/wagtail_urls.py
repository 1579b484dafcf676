"""The site with Wagtail's admin, whose form for passwords leads to our sign-in."""

from __future__ import annotations

from django.urls import include, path
from django.views.generic import RedirectView
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls

from cognito_mfa.decorators import mfa_exempt
from tests.sites.urls import urlpatterns as site_urls

to_sign_in = RedirectView.as_view(pattern_name="cognito_mfa:sign_in", query_string=True)

urlpatterns = [
    path("cms/login/", mfa_exempt(to_sign_in)),
    path("cms/", include(wagtailadmin_urls)),
    *site_urls,
    path("pages/", include(wagtail_urls)),
]
