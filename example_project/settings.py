"""Settings of the example site, read through django-environ as a real site would."""

from __future__ import annotations

from pathlib import Path

import environ

env = environ.Env()
BASE = Path(__file__).resolve().parent
STATE = BASE / "var"  # the database and the local Cognito's people; --fresh forgets it

# ------------------------------------------------------------------ what a site adds for the app

# With a pool of your own in the environment, no local Cognito is started.
HAS_OWN_POOL = bool(env("COGNITO_USER_POOL_ID", default=""))
LOCAL_ENDPOINT = env("EXAMPLE_COGNITO_URL", default="http://127.0.0.1:9229")

COGNITO_MFA = {
    "USER_POOL_ID": env("COGNITO_USER_POOL_ID", default="") or "us-east-1_Example00",
    "CLIENT_ID": env("COGNITO_CLIENT_ID", default="") or "exampleclient0000000000000",
    "CLIENT_SECRET": env("COGNITO_CLIENT_SECRET", default=None),
    "ENDPOINT_URL": env("COGNITO_ENDPOINT_URL", default=None if HAS_OWN_POOL else LOCAL_ENDPOINT),
    "ISSUER": "Example Ltd",
    "REQUIRED": "example_project.policy.needs_second_factor",
    "RECOVERY_CODES": not HAS_OWN_POOL,  # which needs AWS credentials, as in docs/recovery-codes.md
}

EXAMPLE_SUPERUSER = env("EXAMPLE_SUPERUSER", default="")  # of the example only: see policy.py

AUTHENTICATION_BACKENDS = ["cognito_mfa.backends.CognitoBackend"]
LOGIN_URL = "cognito_mfa:sign_in"
LOGIN_REDIRECT_URL = "/private/"
LOGOUT_REDIRECT_URL = "/"

INSTALLED_APPS = [
    "cognito_mfa.apps.MFAAdminConfig",  # instead of "django.contrib.admin": sign-in with both factors
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "cognito_mfa",
    "example_project",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
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

DEBUG = True  # an example on one's own machine
SECRET_KEY = env("SECRET_KEY", default="only-for-the-example-" * 3)
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "example_project.urls"
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{STATE / 'db.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
USE_TZ = True
TIME_ZONE = env("TZ", default="UTC")
LANGUAGE_CODE = "en"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {"cognito_mfa": {"handlers": ["console"], "level": "INFO"}},
}
