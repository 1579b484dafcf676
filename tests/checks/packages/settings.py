"""Settings of the site with other packages: their own doors, and ours."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as PLAIN

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    *PLAIN[1:],
    "wagtail.users",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "ninja",
]
ROOT_URLCONF = "tests.checks.packages.urls"
AUTHENTICATION_BACKENDS = ["cognito_mfa.backends.CognitoBackend"]
LOGIN_URL = "wagtailadmin_login"
LOGIN_REDIRECT_URL = "cognito_mfa:device"
WAGTAIL_SITE_NAME = "Example"
WAGTAILADMIN_BASE_URL = "http://testserver"
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["cognito_mfa.contrib.rest_framework.IsMFAVerified"],
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
}
