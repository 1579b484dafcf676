"""A site with Wagtail's admin, as docs/admin-sites.md writes it."""

from __future__ import annotations

from tests.settings import INSTALLED_APPS as SITE
from tests.sites.plain import *  # noqa: F403

INSTALLED_APPS = [
    "wagtail.users",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    *SITE,
]
ROOT_URLCONF = "tests.sites.wagtail_urls"
WAGTAIL_SITE_NAME = "Example"
WAGTAILADMIN_BASE_URL = "http://testserver"
WAGTAILADMIN_LOGIN_URL = "cognito_mfa:sign_in"
WAGTAIL_FRONTEND_LOGIN_URL = "cognito_mfa:sign_in"
WAGTAIL_PASSWORD_MANAGEMENT_ENABLED = False
WAGTAIL_PASSWORD_RESET_ENABLED = False
WAGTAILUSERS_PASSWORD_ENABLED = False
