"""Settings of the test project: a site as a careful developer would write it."""

from __future__ import annotations

from pathlib import Path

import django
import environ

env = environ.Env()
BASE = Path(__file__).resolve().parent

SECRET_KEY = "only-for-tests-" * 4
DEBUG = False
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
LANGUAGE_CODE = "en"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
LOGIN_URL = "cognito_mfa:sign_in"
LOGIN_REDIRECT_URL = "/"
DATABASES = {"default": env.db_url("DATABASE_URL", default="sqlite:///:memory:")}

INSTALLED_APPS = [
    "cognito_mfa.apps.MFAAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "cognito_mfa",
]
REST_FRAMEWORK = {
    "DEFAULT_PERMISSION_CLASSES": ["cognito_mfa.contrib.rest_framework.IsMFAVerified"]
}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "cognito_mfa.middleware.RequireMFAMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "cognito_mfa.backends.CognitoBackend",
    "django.contrib.auth.backends.ModelBackend",
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
            ],
            "string_if_invalid": "",
        },
    },
]
# Fast, and used by tests of other backends only.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if django.VERSION >= (6, 1):
    MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

COGNITO_MFA = {
    "USER_POOL_ID": "us-east-1_Example00",
    "CLIENT_ID": "exampleclient0000000000000",
    "ISSUER": "Example Ltd",
    "CLIENT_FACTORY": "cognito_mfa.local.make_client",
}
# The tests are not a site: they run the local Cognito without DEBUG on purpose.
SILENCED_SYSTEM_CHECKS = ["cognito_mfa.E011"]
