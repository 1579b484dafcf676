"""Checks of the project around the app: sessions, marks on views, templates."""

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
from cognito_mfa.enforcement import url_map

SESSIONS = "django.contrib.sessions.backends."


def check_sessions() -> Iterator[CheckMessage]:
    """E009: sessions are kept in the browser. W005: sessions are in a cache that each process has for itself."""
    if _keeps_sessions_as("signed_cookies"):
        yield Error(
            "Sessions in signed cookies cannot be ended by the server, and Cognito's session strings do not fit.",
            hint="Set SESSION_ENGINE to a server-side engine, such as 'django.contrib.sessions.backends.db'.",
            id="cognito_mfa.E009",
        )
    if effect := _effect_of_cache():
        yield Caution(
            f"{settings.SESSION_ENGINE!r} keeps sessions in the cache {settings.SESSION_CACHE_ALIAS!r}, {effect}.",
            hint="Name a cache in CACHES that all processes share, or keep sessions in the database.",
            id="cognito_mfa.W005",
        )


def _effect_of_cache() -> str:
    """Return what is wrong with the cache that sessions are kept in; empty if nothing is."""
    cache = _session_cache()
    is_own, is_empty = issubclass(cache, LocMemCache), issubclass(cache, DummyCache)
    if _keeps_sessions_as("cached_db"):  # what the cache does not have is read from the database
        return (
            "which each process has for itself: a session that ended or lost its proof in one process goes on in the others"
            if is_own
            else ""
        )
    if not _keeps_sessions_as("cache") or not (is_own or is_empty):
        return ""
    if is_empty:
        return "which keeps nothing: no sign-in outlasts the request"
    return "which each process has for itself: a sign-in whose next step reaches another process starts over"


def _keeps_sessions_as(engine: str) -> bool:
    """Return whether the site's session engine is, or derives from, Django's ``engine``."""
    try:
        store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    except Exception:  # noqa: BLE001 - a site's module may fail in any way
        return False
    kind = import_string(f"{SESSIONS}{engine}.SessionStore")
    return isinstance(store, type) and issubclass(store, kind)


def _session_cache() -> type[BaseCache]:
    """Return the class of the cache for sessions; the base class where it cannot be had."""
    try:
        found = import_string(settings.CACHES[settings.SESSION_CACHE_ALIAS]["BACKEND"])
    except Exception:  # noqa: BLE001 - likewise
        return BaseCache
    return found if isinstance(found, type) and issubclass(found, BaseCache) else BaseCache


def check_marks() -> Iterator[CheckMessage]:
    """W024: an exempt mark without effect, because another function wraps or copies its view."""
    if urlconf_problem():
        return
    for route in url_map.with_hidden_marks():
        yield Caution(
            f"The view at {route!r} is gated, although it wraps a view that is marked mfa_exempt, or was given "
            "its attributes by functools.wraps: nobody can tell what the outer function shows.",
            hint="Write @mfa_exempt above all other decorators, if everybody may see the view. Otherwise remove "
            "the mark, or functools.wraps.",
            id="cognito_mfa.W024",
        )


def check_templates() -> Iterator[CheckMessage]:
    """E018: our templates are not found."""
    try:
        get_template("cognito_mfa/sign_in.html")
    except TemplateDoesNotExist:
        yield Error(
            "The templates of cognito_mfa are not found.",
            hint="Set 'APP_DIRS': True in TEMPLATES, or add the app_directories loader.",
            id="cognito_mfa.E018",
        )
