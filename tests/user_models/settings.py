"""The test site with one of several user models, which the environment names."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as SITE_DATABASES
from tests.settings import INSTALLED_APPS as SITE
from tests.settings import env

KIND = env("USER_MODEL", default="Employee")
INSTALLED_APPS = ["tests.user_models", *SITE]
AUTH_USER_MODEL = f"user_models.{KIND}"
ROOT_URLCONF = "tests.user_models.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Its own, also where other tests run on PostgreSQL at this moment.
TEST_NAME = f"test_users_{KIND.lower()}"
DATABASES = {
    "default": {
        **SITE_DATABASES["default"],
        **(
            {} if "sqlite" in SITE_DATABASES["default"]["ENGINE"] else {"TEST": {"NAME": TEST_NAME}}
        ),
    }
}
