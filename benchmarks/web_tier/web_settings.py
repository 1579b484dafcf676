"""Settings of the benchmarks' site: the app's, or those of django-allauth with the same servers.

Both have the same middleware. The environment variable ``WEB_TIER`` has what ``stack`` started, as JSON.
"""

from __future__ import annotations

import json
import os
from typing import Any

GIVEN: dict[str, Any] = json.loads(os.environ["WEB_TIER"])
IS_OURS = GIVEN["site"] == "ours"

SECRET_KEY = "x" * 50
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "web_pages"
USE_TZ = True
STATIC_URL = "/static/"
LOGIN_REDIRECT_URL = "/target/"
SILENCED_SYSTEM_CHECKS = ["cognito_mfa.E012"]  # Cognito is on this machine
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": GIVEN["postgresql"],
        "USER": "bench",
        "NAME": GIVEN["site"],
        "CONN_MAX_AGE": GIVEN["conn_max_age"],
        "CONN_HEALTH_CHECKS": GIVEN["conn_max_age"] != 0,
        "ATOMIC_REQUESTS": GIVEN["atomic"],
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": f"redis://127.0.0.1:{GIVEN['redis']}/{0 if IS_OURS else 1}",
    }
}
SESSION_ENGINE = f"django.contrib.sessions.backends.{GIVEN['sessions']}"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
# Everything that goes wrong, in the server's log, which the benchmark reads.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}

if IS_OURS:
    INSTALLED_APPS += ["cognito_mfa"]
    MIDDLEWARE += ["cognito_mfa.middleware.RequireMFAMiddleware"]
    LOGIN_URL = "cognito_mfa:sign_in"
    AUTHENTICATION_BACKENDS = ["cognito_mfa.backends.CognitoBackend"]
    COGNITO_MFA = {
        "USER_POOL_ID": GIVEN["pool"],
        "CLIENT_ID": GIVEN["client"],
        "ENDPOINT_URL": GIVEN["cognito"],
        "ISSUER": "Benchmark",
    }
else:
    INSTALLED_APPS += ["allauth", "allauth.account", "allauth.mfa"]
    MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
    LOGIN_URL = "account_login"
    AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
    ACCOUNT_EMAIL_VERIFICATION = "none"
    ACCOUNT_RATE_LIMITS = False
    MFA_TOTP_TOLERANCE = 1
