"""Settings of the example site, read through django-environ as a real site would."""

from __future__ import annotations

import os
from pathlib import Path

import django
import environ

env = environ.Env()
BASE = Path(__file__).resolve().parent
VAR = Path(env("EXAMPLE_STATE", default=str(BASE / "var")))
RUN = VAR / "run.env"  # ports and options of the last start, so that manage.py uses the same
env.read_env(RUN)

# ------------------------------------------------------------------ what a site adds for the app

# With a pool of your own in the environment, no local Cognito is started.
HAS_OWN_POOL = bool(env("COGNITO_USER_POOL_ID", default=""))
POOL_MFA = env("EXAMPLE_POOL_MFA", default="ON")
SITE_URL = env("EXAMPLE_SITE_URL", default="http://127.0.0.1:8000")
LOCAL_ENDPOINT = env("EXAMPLE_COGNITO_URL", default="http://127.0.0.1:9229")

# The users of a group, only in a pool whose MFA is optional. Elsewhere MFA is required of all users.
REQUIRED_GROUP = "MFA required"
REQUIRES_OF_GROUP = POOL_MFA == "OPTIONAL" and not HAS_OWN_POOL

COGNITO_MFA = {
    "USER_POOL_ID": env("COGNITO_USER_POOL_ID", default="") or "us-east-1_Example00",
    "CLIENT_ID": env("COGNITO_CLIENT_ID", default="") or "exampleclient0000000000000",
    "CLIENT_SECRET": env("COGNITO_CLIENT_SECRET", default=None),
    "ENDPOINT_URL": env("COGNITO_ENDPOINT_URL", default=None if HAS_OWN_POOL else LOCAL_ENDPOINT),
    "ISSUER": "Example Ltd",
    "REQUIRED": {"groups": [REQUIRED_GROUP]} if REQUIRES_OF_GROUP else "everyone",
    "ALLOW_REMOVE": True,
    "RECOVERY_CODES": not HAS_OWN_POOL,  # which needs AWS credentials, as in docs/recovery-codes.md
    "SUPPORT_URL": f"{SITE_URL}/support/",
}

if not HAS_OWN_POOL:
    # botocore signs what administrators do, and the local Cognito accepts any credentials. Your own, and your proxy,
    # are left out of it.
    os.environ.update(AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local")
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1"]))

EXAMPLE_SUPERUSER = env("EXAMPLE_SUPERUSER", default="")  # of the example only: see own_pool.py

AUTHENTICATION_BACKENDS = ["cognito_mfa.backends.CognitoBackend"]
LOGIN_URL = "cognito_mfa:sign_in"
LOGIN_REDIRECT_URL = "/private/"
LOGOUT_REDIRECT_URL = "/"

INSTALLED_APPS = [
    "cognito_mfa.apps.MFAAdminConfig",  # instead of "django.contrib.admin": sign-in with MFA
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "example_project",  # before the app, because it overrides cognito_mfa/base.html
    "cognito_mfa",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "example_project.middleware.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "cognito_mfa.middleware.RequireMFAMiddleware",  # after authentication
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# ------------------------------------------------------------------ what every Django site has

DEBUG = True  # an example on your own machine
SECRET_KEY = "only-for-the-example-" * 3
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "example_project.urls"
# Each kind of pool has its own data, so changing from one to the other loses nothing.
STATE = VAR / ("own-pool" if HAS_OWN_POOL else f"mfa-{POOL_MFA.lower()}")
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": STATE / "db.sqlite3"},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
EMAILS_IN_FILES = "example_project.emails.EmailBackend"  # /emails/ shows them
if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": EMAILS_IN_FILES}}
else:
    EMAIL_BACKEND = EMAILS_IN_FILES
EMAIL_FOLDER = STATE / "emails"
DEFAULT_FROM_EMAIL = "Example Ltd <no-reply@example.com>"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = [("de", "German"), ("en", "English"), ("es", "Spanish"), ("fr", "French")]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "example_project.context_processors.demo",
            ],
        },
    },
]

# Requests and what happened in them only with --verbose; errors always.
LEVEL = "INFO" if env.bool("EXAMPLE_VERBOSE", default=False) else "ERROR"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "cognito_mfa": {"handlers": ["console"], "level": LEVEL},
        "django": {"handlers": ["console"], "level": LEVEL},
        "django.server": {"handlers": ["console"], "level": LEVEL, "propagate": False},
    },
}
