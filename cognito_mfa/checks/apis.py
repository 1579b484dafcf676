"""Checks of APIs and other callers whom the gate cannot judge, because they are authenticated after it."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.core.checks import CheckMessage
from django.core.checks import Warning as Caution

from cognito_mfa.checks.imports import urlconf_problem
from cognito_mfa.enforcement.api_views import PERMISSION, Authentication, authentication_of
from cognito_mfa.enforcement.password_forms import backends_for_passwords
from cognito_mfa.enforcement.urlconf import views

BASIC = ("BasicAuthentication",)
MAX_ROUTES = 10  # in one message


def check_rest_framework() -> Iterator[CheckMessage]:
    """W009: views of Django REST framework that callers with a token reach without MFA."""
    if not apps.is_installed("rest_framework") or urlconf_problem():
        return
    found = _apis("rest_framework")
    routes = _open_routes(found)
    if found and not routes:
        return
    where = f"at {routes}" if routes else "in views that do not say otherwise"
    if routes or not _default_asks():
        yield Caution(
            f"Django REST framework authenticates after the gate has decided, and tokens pass without MFA {where}.",
            hint=f"Where people use the API in a browser, add {PERMISSION!r} to permission_classes; it refuses every "
            "token. For programs, issue tokens only in a view that is marked mfa_required, then silence this check.",
            id="cognito_mfa.W009",
        )


def _default_asks() -> bool:
    """Return whether views that say nothing about themselves would be guarded."""
    from rest_framework.settings import api_settings

    from cognito_mfa.contrib.rest_framework import asks_for_factor

    return any(map(asks_for_factor, api_settings.DEFAULT_PERMISSION_CLASSES))


def check_ninja() -> Iterator[CheckMessage]:
    """W048: routes of django-ninja that callers with a token reach without MFA."""
    if urlconf_problem():
        return
    if routes := _open_routes(_apis("ninja")):
        yield Caution(
            f"Routes of django-ninja authenticate after the gate has decided, and tokens pass without MFA at {routes}.",
            hint="Use ninja.security.django_auth where people use the API in a browser. For programs, issue tokens "
            "only in a view that is marked mfa_required, then silence this check.",
            id="cognito_mfa.W048",
        )


def _apis(package: str) -> list[tuple[str, Authentication]]:
    """Return the routes of ``package``'s views, and how each authenticates."""
    asked = ((one.route, authentication_of(one.view)) for one in views())
    return [(route, api) for route, api in asked if api is not None and api.package == package]


def _open_routes(found: list[tuple[str, Authentication]]) -> str:
    """Return which routes accept tokens without our guard, for a message; empty without any."""
    routes = list(
        dict.fromkeys(
            f"/{route} ({', '.join(api.tokens)})" for route, api in found if _lets_tokens_pass(api)
        )
    )
    more = f", and {len(routes) - MAX_ROUTES} more" if len(routes) > MAX_ROUTES else ""
    return f"{', '.join(routes[:MAX_ROUTES])}{more}"


def _lets_tokens_pass(api: Authentication) -> bool:
    if api.guarded or api.is_open or not api.tokens:
        return False
    if not api.is_certain and api.package == "ninja":  # its function may look at the session's user
        return False
    return api.tokens != BASIC or bool(backends_for_passwords())


def check_channels() -> Iterator[CheckMessage]:
    """W010: WebSockets, which no Django middleware sees."""
    if apps.is_installed("channels"):
        yield Caution(
            "Channels is installed: websockets pass no Django middleware, and so no gate.",
            hint="Put cognito_mfa.contrib.asgi.RequireMFA around your consumers (docs/enforcement.md), then silence this.",
            id="cognito_mfa.W010",
        )
