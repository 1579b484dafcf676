"""A site with django-jazzmin."""

from __future__ import annotations

from tests.settings import INSTALLED_APPS as SITE
from tests.sites.plain import *  # noqa: F403

INSTALLED_APPS = ["jazzmin", *SITE]
