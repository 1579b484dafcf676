"""Settings of a site with Celery: the tests are its web process, and its workers are processes of their own.

Both share a folder: the emails and the logs are in it, and the database, where no PostgreSQL is named.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django

from tests.settings import *  # noqa: F403
from tests.settings import COGNITO_MFA as PLAIN
from tests.settings import env

POSTGRESQL = "COGNITO_MFA_TEST_DATABASE_URL"

MISSING = [name for name in ("celery", "redis", "throttled") if find_spec(name) is None]
if "CELERY_SITE" not in os.environ:  # the web process; its workers inherit the environment
    os.environ["CELERY_SITE"] = tempfile.mkdtemp(prefix="cognito-mfa-celery-")
    atexit.register(shutil.rmtree, os.environ["CELERY_SITE"], ignore_errors=True)
SITE = Path(os.environ["CELERY_SITE"])

NAME = SITE.name.replace("-", "_").lower()
if (
    POSTGRESQL in os.environ
):  # as most sites with workers have it; each run has a database of its own
    DATABASES = {"default": {**env.db_url(POSTGRESQL), "TEST": {"NAME": NAME}}}
    if "CELERY_SITE_COGNITO" in os.environ:  # a worker uses what the tests have created
        DATABASES["default"]["NAME"] = NAME
else:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": SITE / "site.sqlite3",
            "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
            "TEST": {"NAME": SITE / "site.sqlite3"},
        }
    }
EMAILS = SITE / "emails"
if django.VERSION >= (6, 1):
    MAILERS: dict[str, Any] = {  # type: ignore[no-redef]
        "default": {
            "BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "OPTIONS": {"file_path": str(EMAILS)},
        }
    }
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(EMAILS)

COGNITO_MFA: dict[str, Any] = {  # type: ignore[no-redef]
    **PLAIN,
    "CELERY": True,
}
if "CELERY_SITE_COGNITO" in os.environ:  # a worker
    COGNITO_MFA["ENDPOINT_URL"] = os.environ["CELERY_SITE_COGNITO"]
    del COGNITO_MFA["CLIENT_FACTORY"]
    SILENCED_SYSTEM_CHECKS = ["cognito_mfa.E012"]

CELERY_BROKER_URL = os.environ.get("CELERY_SITE_REDIS", "redis://127.0.0.1:1/0")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1  # a worker takes no shard that another one could begin
if "CELERY_SITE_TIME_LIMIT" in os.environ:  # for all tasks of the site
    CELERY_TASK_SOFT_TIME_LIMIT = float(os.environ["CELERY_SITE_TIME_LIMIT"])
if "CELERY_SITE_VISIBILITY" in os.environ:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": float(os.environ["CELERY_SITE_VISIBILITY"])
    }
