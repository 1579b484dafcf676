"""Changes to the settings of a good site, and what the checks say then."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core import checks
from pytest_django import Settings

GATE = "cognito_mfa.middleware.RequireMFAMiddleware"
OURS = "cognito_mfa.backends.CognitoBackend"
THEIRS = "django.contrib.auth.backends.ModelBackend"
ELSEWHERE = "tests.backends.Elsewhere"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
LOCMEM = "django.core.cache.backends.locmem.LocMemCache"
SESSIONS = "django.contrib.sessions.backends"


def found(*, deploy: bool = False) -> dict[str, checks.CheckMessage]:
    messages = checks.run_checks(include_deployment_checks=deploy)
    ours = (message for message in messages if "cognito_mfa" in str(message.id))
    # The tests run the local Cognito without DEBUG on purpose.
    return {str(message.id): message for message in ours if message.id != "cognito_mfa.E011"}


def conf(**changes: Any) -> Callable[[Settings], None]:
    """Return what changes keys of ``COGNITO_MFA``."""

    def change(settings: Settings) -> None:
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, **changes}

    return change


def site(**changes: Any) -> Callable[[Settings], None]:
    """Return what changes Django's settings."""

    def change(settings: Settings) -> None:
        for name, value in changes.items():
            setattr(settings, name, value)

    return change


def without(*names: str) -> Callable[[Settings], None]:
    def change(settings: Settings) -> None:
        settings.COGNITO_MFA = {
            name: value for name, value in settings.COGNITO_MFA.items() if name not in names
        }

    return change


def middleware(*, first: tuple[str, ...] = (), last: tuple[str, ...] = ()) -> Any:
    def change(settings: Settings) -> None:
        kept = [entry for entry in settings.MIDDLEWARE if entry != GATE]
        settings.MIDDLEWARE = [*first, *kept, *last]

    return change


def both(*changes: Callable[[Settings], None]) -> Callable[[Settings], None]:
    def change(settings: Settings) -> None:
        for one in changes:
            one(settings)

    return change
