"""Every view of the site, and what the gate does in front of it.

From the URLconf alone: nothing is called, and no request is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from cognito_mfa.enforcement.view_marks import (
    View,
    guards_itself,
    looks_exempt,
    unwrap_all_known,
    view_class_of,
    why_exempt,
)

GATE = "cognito_mfa.middleware.RequireMFAMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"

GATED, EXEMPT, PUBLIC = "gated", "exempt", "public"


class Entry(NamedTuple):
    """One pattern of the URLconf.

    Attributes:
        state: ``gated``: who is signed in needs the second factor that the policy asks for. ``exempt``:
            they do not. ``public``: nobody is asked for anything, not even to sign in.
        route: as the URLconf writes it, from the root.
        name: with its namespaces; empty without one.
        view: its dotted path.
        why: for people; frozen for exempt views, since files keep it.
    """

    state: str
    route: str
    name: str
    view: str
    why: str

    @property
    def key(self) -> str:
        """What tells this view from others in a list of exempt ones."""
        return f"{self.route} {self.view}"


def entries() -> Iterator[Entry]:
    """Yield every pattern of the site's URLconf, in its order."""
    for entry, _ in _walk(get_resolver().url_patterns, "", ()):
        yield entry


def with_hidden_marks() -> Iterator[Entry]:
    """Yield gated patterns whose view has a mark under, or copied to, a function that nobody knows."""
    for entry, view in _walk(get_resolver().url_patterns, "", ()):
        if looks_exempt(view):
            yield entry


def _walk(
    patterns: Iterable[Any], route: str, namespaces: tuple[str, ...]
) -> Iterator[tuple[Entry, View]]:
    for entry in patterns:
        here = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inside = (*namespaces, entry.namespace) if entry.namespace else namespaces
            yield from _walk(entry.url_patterns, here, inside)
        elif isinstance(entry, URLPattern):
            state, why = _state_of(entry.callback)
            name = ":".join((*namespaces, entry.name)) if entry.name else ""
            yield Entry(state, here, name, _dotted(entry.callback), why), entry.callback


def _state_of(view: View) -> tuple[str, str]:
    exempt = why_exempt(view)
    if guards_itself(view):  # by itself: a mark around it, or no middleware at all, changes nothing
        return GATED, "asks for itself"
    if exempt:
        return EXEMPT, exempt
    if GATE not in settings.MIDDLEWARE:
        return PUBLIC, "the gate is not in MIDDLEWARE"
    if LOGIN_REQUIRED in settings.MIDDLEWARE and not getattr(view, "login_required", True):
        return PUBLIC, "login_not_required; gated for who is signed in"
    return GATED, ""


def _dotted(view: View) -> str:
    target: Any = unwrap_all_known(view)
    target = view_class_of(target) or getattr(target, "view_class", getattr(target, "cls", target))
    named = target if hasattr(target, "__qualname__") else type(target)
    return f"{named.__module__}.{named.__qualname__}"
