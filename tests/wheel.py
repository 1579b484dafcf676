"""Use the installed wheel as a site does, away from the checkout: `python -I tests/wheel.py`.

The tests import the package from the checkout, so they cannot tell what a release lacks.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

APP = "cognito_mfa"
CHECKOUT = Path(__file__).resolve().parent.parent
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


def configure() -> None:
    context_processors = ["request", "auth", "messages"]
    settings.configure(
        SECRET_KEY="only-for-this-script-" * 3,
        ALLOWED_HOSTS=["testserver"],
        USE_TZ=True,
        ROOT_URLCONF="cognito_mfa.urls",
    )
