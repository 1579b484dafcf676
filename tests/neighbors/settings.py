"""The test site with apps of Django's and of others beside it, whose middleware each test chooses."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as SITE

INSTALLED_APPS = [
    *SITE,
    "django.contrib.sites",
    "django.contrib.flatpages",
    "django.contrib.redirects",
    "hijack",
    "impersonate",
]
SITE_ID = 1
ROOT_URLCONF = "tests.neighbors.urls"
