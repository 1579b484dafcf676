"""Checks of the project: sessions, marks on views, and templates."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string

from cognito_mfa.checks.imports import urlconf_problem
from cognito_mfa.enforcement import session_engines, url_map


def check_sessions() -> Iterator[CheckMessage]:
    """Check that sessions are on the server (E009) and that all processes share them (W005)."""
    if session_engines.keeps_sessions_as("signed_cookies"):
        yield Error(
            session_engines.NOT_IN_COOKIES,
            hint=session_engines.ON_THE_SERVER,
            id="cognito_mfa.E009",
        )
    if effect := _effect_of_cache():
        yield Caution(
            f"{settings.SESSION_ENGINE!r} stores sessions in the cache {settings.SESSION_CACHE_ALIAS!r}, {effect}.",
            hint="Use a cache shared by all processes in CACHES, or store sessions in the database.",
            id="cognito_mfa.W005",
        )


def _effect_of_cache() -> str:
    """Return what is wrong with the cache that stores sessions; empty if nothing is."""
    cache = _session_cache()
    is_own, is_empty = issubclass(cache, LocMemCache), issubclass(cache, DummyCache)
    # What the cache does not have is read from the database.
    if session_engines.keeps_sessions_as("cached_db"):
        return (
            "which processes do not share: a session that ended in one process continues in the others"
            if is_own
            else ""
        )
    if not session_engines.keeps_sessions_as("cache") or not (is_own or is_empty):
        return ""
    if is_empty:
        return "which stores nothing: users are signed out at the next request"
    return "which processes do not share: a sign-in that continues in another process starts over"


def _session_cache() -> type[BaseCache]:
    """Return the class of the cache for sessions, or the base class if it cannot be imported."""
    try:
        found = import_string(settings.CACHES[settings.SESSION_CACHE_ALIAS]["BACKEND"])
    except Exception:  # noqa: BLE001 - likewise
        return BaseCache
    return found if isinstance(found, type) and issubclass(found, BaseCache) else BaseCache


def check_marks() -> Iterator[CheckMessage]:
    """Check that no exempt mark is hidden by a function that wraps or copies its view (W024)."""
    if urlconf_problem():
        return
    for route in url_map.with_hidden_marks():
        yield Caution(
            f"The view at {route!r} requires MFA although it wraps or copies a view that is marked mfa_exempt, because "
            "the mark does not apply to the outer function.",
            hint="Put @mfa_exempt above all other decorators if the view is public, or remove the mark or functools.wraps.",
            id="cognito_mfa.W024",
        )


def check_templates() -> Iterator[CheckMessage]:
    """Check that our templates can be found (E018)."""
    try:
        get_template("cognito_mfa/sign_in.html")
    except TemplateDoesNotExist:
        yield Error(
            "The cognito_mfa templates cannot be found.",
            hint="Set 'APP_DIRS': True in TEMPLATES, or add the app_directories loader.",
            id="cognito_mfa.E018",
        )
