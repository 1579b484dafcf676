"""Checks of APIs and other callers that are authenticated after ``RequireMFAMiddleware``."""

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
    """Check that tokens do not bypass MFA in views of Django REST framework (W009)."""
    if not apps.is_installed("rest_framework") or urlconf_problem():
        return
    found = _apis("rest_framework")
    routes = _open_routes(found)
    if found and not routes:
        return
    where = f"at {routes}" if routes else "in views with the default permissions"
    if routes or not _default_asks():
        yield Caution(
            f"Django REST framework authenticates users after RequireMFAMiddleware, so tokens pass without MFA {where}.",
            hint=f"Add {PERMISSION!r} to permission_classes, which rejects all tokens but the user pool's own, or issue "
            "tokens only in a view that is marked mfa_required and silence this check.",
            id="cognito_mfa.W009",
        )


def _default_asks() -> bool:
    """Return whether the default permissions of Django REST framework enforce MFA."""
    from rest_framework.settings import api_settings

    from cognito_mfa.contrib.rest_framework import asks_for_factor

    return any(map(asks_for_factor, api_settings.DEFAULT_PERMISSION_CLASSES))


def check_ninja() -> Iterator[CheckMessage]:
    """Check that tokens do not bypass MFA in routes of django-ninja (W048)."""
    if urlconf_problem():
        return
    if routes := _open_routes(_apis("ninja")):
        yield Caution(
            f"django-ninja authenticates users after RequireMFAMiddleware, so tokens pass without MFA at {routes}.",
            hint="Use ninja.security.django_auth, which accepts no tokens, or cognito_mfa.contrib.ninja.CognitoAccessToken, or "
            "issue tokens only in a view that is marked mfa_required and silence this check.",
            id="cognito_mfa.W048",
        )


def _apis(package: str) -> list[tuple[str, Authentication]]:
    """Return the routes of ``package``'s views, and how each authenticates."""
    asked = ((one.route, authentication_of(one.view)) for one in views())
    return [(route, api) for route, api in asked if api is not None and api.package == package]


def _open_routes(found: list[tuple[str, Authentication]]) -> str:
    """Return the routes that accept tokens without our permission, as text; empty if there are none."""
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
    """Check that Channels is not installed, because WebSocket connections bypass middleware (W010)."""
    if apps.is_installed("channels"):
        yield Caution(
            "Channels is installed, but WebSocket connections bypass Django middleware, so MFA is not enforced for them.",
            hint="Wrap your consumers in cognito_mfa.contrib.asgi.RequireMFA (see docs/enforcement.md), then silence this "
            "check.",
            id="cognito_mfa.W010",
        )
