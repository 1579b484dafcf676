"""Every view of the site's URLconf, and where it is. Nothing is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from cognito_mfa.enforcement.view_marks import View


class Found(NamedTuple):
    """A view of the URLconf, where it is.

    Attributes:
        route: as the URLconf writes it, from the root.
        name: with its namespaces; empty without one.
        view: as the URLconf has it.
    """

    route: str
    name: str
    view: View


def views() -> Iterator[Found]:
    """Yield every view of the site's URLconf, in its order; a view may be there more than once."""
    yield from _walk(get_resolver().url_patterns, "", ())


def is_reachable(found: Found) -> bool:
    """Return whether ``found`` answers at its own address, as far as that can be told.

    No earlier view covers it then.
    """
    if any(char in found.route for char in "<(["):
        return True
    path = found.route.replace("^", "").replace("\\Z", "").replace("$", "")
    try:
        return resolve(f"/{path}").func == found.view
    except Resolver404:
        return True


def _walk(patterns: Iterable[Any], route: str, namespaces: tuple[str, ...]) -> Iterator[Found]:
    for entry in patterns:
        here = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inside = (*namespaces, entry.namespace) if entry.namespace else namespaces
            yield from _walk(entry.url_patterns, here, inside)
        elif isinstance(entry, URLPattern):
            name = ":".join((*namespaces, entry.name)) if entry.name else ""
            yield Found(here, name, entry.callback)
