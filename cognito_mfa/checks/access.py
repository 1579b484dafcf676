"""Checks of other ways into the site: backends, the admin, APIs, WebSockets, and what logs reveal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string

from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME, Conf, trustable

PERMISSION = "cognito_mfa.contrib.rest_framework.IsMFAVerified"
AWS_LOGGERS = ("", "boto3", "botocore", "urllib3")


def check_backends() -> Iterator[CheckMessage]:
    """E019: trust in an unused backend. E028: impossible trust. W007: trust in a password alone."""
    conf = conf_or_none()
    for backend in conf.TRUSTED_BACKENDS if conf else ():
        if backend not in settings.AUTHENTICATION_BACKENDS:
            yield Error(
                f"{NAME}['TRUSTED_BACKENDS'] names {backend!r}, which is not among AUTHENTICATION_BACKENDS.",
                hint="Write it exactly as there, or remove it.",
                id="cognito_mfa.E019",
            )
        elif conf is not None and conf.trust_in(backend) is None and not _lacks_word(conf, backend):
            yield Error(
                f"{NAME}['TRUSTED_BACKENDS'] says of {backend!r} what cannot be true: nothing is believed of it.",
                hint=_trust_hint(backend),
                id="cognito_mfa.E028",
            )
        elif (
            conf is not None
            and conf.trust_in(backend) == "elsewhere"
            and _accepts_password(backend)
        ):
            yield Caution(
                f"{NAME}['TRUSTED_BACKENDS'] trusts {backend!r}, which asks for a password alone.",
                hint="Trust only backends whose sign-ins pass a second factor elsewhere. If your class does that "
                "itself, silence this check.",
                id="cognito_mfa.W007",
            )


def _lacks_word(conf: Conf, backend: str) -> bool:
    """Return whether ``backend`` lacks the word that it needs, which E024 reports."""
    wanted = conf.TOKEN_PROVIDER is not None and conf.TRUSTED_BACKENDS[backend] == ""
    return wanted and bool(trustable(backend))


def _trust_hint(backend: str) -> str:
    words = trustable(backend)
    if words:
        return f"Write one of {', '.join(map(repr, words))}."
    return (
        "Remove it: sign-ins through cognito_mfa leave a proof where a second factor was answered."
    )


def _accepts_password(backend: str) -> bool:
    """Return whether ``backend`` derives from Django's ``ModelBackend``."""
    return issubclass(import_string(backend), ModelBackend)


def check_admin() -> Iterator[CheckMessage]:
    """W008: an admin site with a login form of its own, where staff must have MFA."""
    conf = conf_or_none()
    if conf is None or conf.REQUIRED is False or not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.sites import all_sites

    from cognito_mfa.contrib.admin_site import MFAAdminSite

    for site in all_sites:
        if isinstance(site, MFAAdminSite) or not _is_reachable(f"{site.name}:login"):
            continue
        yield Caution(
            f"The admin site {site.name!r} is not gated: its own login form takes a password alone, and "
            "it does not ask for the second factor itself.",
            hint="Replace 'django.contrib.admin' by 'cognito_mfa.apps.MFAAdminConfig' in INSTALLED_APPS, or "
            "derive your site from cognito_mfa.contrib.admin_site.MFAAdminSite.",
            id="cognito_mfa.W008",
        )


def _is_reachable(name: str) -> bool:
    try:
        reverse(name)
    except NoReverseMatch:
        return False
    return True


def check_rest_framework() -> Iterator[CheckMessage]:
    """W009: an API that authenticates after the middleware has decided."""
    if not apps.is_installed("rest_framework"):
        return
    from rest_framework.settings import api_settings

    from cognito_mfa.contrib.rest_framework import asks_for_factor

    if not any(asks_for_factor(entry) for entry in api_settings.DEFAULT_PERMISSION_CLASSES):
        yield Caution(
            "Django REST framework signs people in after the gate has decided, and its views do not ask "
            "for the second factor.",
            hint=f"Add {PERMISSION!r} to REST_FRAMEWORK['DEFAULT_PERMISSION_CLASSES'].",
            id="cognito_mfa.W009",
        )


def check_channels() -> Iterator[CheckMessage]:
    """W010: WebSockets, which no Django middleware sees."""
    if apps.is_installed("channels"):
        yield Caution(
            "Channels is installed: websockets pass no Django middleware, and so no gate.",
            hint="Put cognito_mfa.contrib.asgi.RequireMFA around your consumers (docs/enforcement.md), then silence this.",
            id="cognito_mfa.W010",
        )


def check_logging() -> Iterator[CheckMessage]:
    """W011: botocore at level DEBUG logs passwords, codes and tokens."""
    loud = [name for name in AWS_LOGGERS if _level(name) == "DEBUG"]
    if loud and not settings.DEBUG:
        names = ", ".join(repr(name or "root") for name in loud)
        yield Caution(
            f"LOGGING sets {names} to DEBUG: botocore then logs passwords, codes and tokens.",
            hint="Set the level of the loggers 'boto3', 'botocore' and 'urllib3' to INFO or above.",
            id="cognito_mfa.W011",
        )


def _level(name: str) -> str:
    """Return the level that LOGGING gives the logger; the root's matters only where botocore inherits it."""
    config: Mapping[str, Any] = settings.LOGGING or {}
    loggers = config.get("loggers", {})
    if name:
        return str(loggers.get(name, {}).get("level", ""))
    quiet = str(loggers.get("botocore", {}).get("level", "NOTSET")) not in ("NOTSET", "DEBUG")
    root = config.get("root") or loggers.get("", {})
    return "" if quiet else str(root.get("level", ""))
