"""The test site with its own users."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as SITE

INSTALLED_APPS = ["tests.custom_user", *SITE]
AUTH_USER_MODEL = "custom_user.Person"
ROOT_URLCONF = "tests.custom_user.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
