"""The site whole: its own pages, the admin and ours, with every address there is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Any
from uuid import UUID

from django.conf.urls.i18n import i18n_patterns
from django.contrib.auth.views import LogoutView
from django.urls import (
    URLPattern,
    URLResolver,
    include,
    path,
    re_path,
)
from django.views.i18n import JavaScriptCatalog

from tests.enforcement import site as views
from tests.enforcement.site import secret

EXAMPLES = {
    "int": "7",
    "str": "letter",
    "slug": "a-letter",
    "uuid": str(UUID(int=7)),
    "path": "a/b/exempt/function",
}


def _many() -> Iterator[Any]:
    """Yield patterns with every converter under every prefix, over every kind of gated view."""
    kinds = list(views.GATED.values())
    prefixes = ("many", "exempt", "account/sign-in", "static", "a/b/c")
    for number, (converter, prefix) in enumerate(2 * [*product(EXAMPLES, prefixes)]):
        view = kinds[number % len(kinds)]
        yield path(f"{prefix}/{number}/<{converter}:x{number}>/", view)


class WholeSite:
    """Every view of the test project, Django's own that are open, and fifty more."""

    urlpatterns = [
        *_many(),
        path("i18n/", include("django.conf.urls.i18n")),
        path("jsi18n/", JavaScriptCatalog.as_view()),
        path("leave/", LogoutView.as_view()),
        *i18n_patterns(path("letters/<int:x>/", secret)),
        re_path(r"^old/(?P<year>[0-9]{4})/$", secret),
        *views.urlpatterns,
    ]


@cache
def addresses() -> dict[str, str]:
    """Return an address for each route of the whole site."""
    return dict(_walk(WholeSite.urlpatterns, "", ""))


def _walk(patterns: Any, route: str, address: str) -> Iterator[tuple[str, str]]:
    for entry in patterns:
        text = str(entry.pattern)
        here, there = route + text, address + _filled(text)
        if isinstance(entry, URLResolver):
            yield from _walk(entry.url_patterns, here, there)
        elif isinstance(entry, URLPattern):
            yield here, there


def _filled(route: str) -> str:
    """Return ``route`` with an example for each converter, or for each group of an expression."""
    route = route.replace("(?P<year>[0-9]{4})", "2026").replace("(?P<tail>.*)", "exempt/function/")
    route = re.sub(r"\(\?P<url>[^/]*\)\$?", "no/such/page/", route)
    route = re.sub(r"<(\w+):\w+>", lambda found: EXAMPLES.get(found[1], "7"), route)
    route = re.sub(r"<\w+>", "letter", route)
    return route.replace("^", "").replace("$", "").replace(r"\Z", "")
