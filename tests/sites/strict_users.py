"""A site with its own users, who are known by addresses and refused where anything is missing."""

from __future__ import annotations

from tests.settings import INSTALLED_APPS as SITE
from tests.sites.plain import *  # noqa: F403

INSTALLED_APPS = ["tests.sites.members", *SITE]
AUTH_USER_MODEL = "members.Member"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
