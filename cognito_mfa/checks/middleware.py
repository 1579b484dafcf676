"""Checks of ``MIDDLEWARE``: whether the gate is there, asked, and not overtaken."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution

from cognito_mfa.enforcement import installed_middleware
from cognito_mfa.enforcement.installed_middleware import AUTHENTICATION, FALLBACKS, GATE, Gate

PAGE_CACHE = "django.middleware.cache.FetchFromCacheMiddleware"


def check_middleware() -> Iterator[CheckMessage]:
    """E006: no MFA middleware. E032: it is cut off. W043: it is unclear. E007, W044: it may know no user."""
    at = installed_middleware.gate_index()
    if at is None:
        yield from _without_gate()
        return
    yield from _gate_problems(settings.MIDDLEWARE[at])
    user_at = installed_middleware.index_of(AUTHENTICATION)
    if user_at is None:
        yield Caution(
            f"No entry of MIDDLEWARE is Django's AuthenticationMiddleware. {settings.MIDDLEWARE[at]!r} needs "
            "request.user.",
            hint=f"Add {AUTHENTICATION!r} before it, or silence this check if another entry sets request.user.",
            id="cognito_mfa.W044",
        )
    elif user_at > at:
        yield Error(
            f"{settings.MIDDLEWARE[at]!r} is before AuthenticationMiddleware, so it knows no user.",
            hint=f"Move it after {settings.MIDDLEWARE[user_at]!r} in MIDDLEWARE.",
            id="cognito_mfa.E007",
        )


def _without_gate() -> Iterator[CheckMessage]:
    unknown = installed_middleware.unreadable()
    if not unknown:
        yield Error(
            "RequireMFAMiddleware is not in MIDDLEWARE, so MFA is not enforced.",
            hint=f"Add {GATE!r} to MIDDLEWARE, after {AUTHENTICATION!r}.",
            id="cognito_mfa.E006",
        )
    for path, failure in unknown.items():
        yield Caution(
            f"{path!r} could not be asked whether it is RequireMFAMiddleware ({failure}), and no other entry of "
            "MIDDLEWARE is.",
            hint=f"Add {GATE!r} to MIDDLEWARE, or silence this check if that entry is a wrapper of it.",
            id="cognito_mfa.W043",
        )


def _gate_problems(path: str) -> Iterator[CheckMessage]:
    found = installed_middleware.installed_gate()
    if found is Gate.CUT_OFF:
        yield Error(
            f"{path!r} wraps RequireMFAMiddleware in an object without process_view, so views run before MFA is checked.",
            hint=f"Write {GATE!r}, or a subclass of it, in MIDDLEWARE instead.",
            id="cognito_mfa.E032",
        )
    elif found is Gate.UNCLEAR:
        yield Caution(
            f"{path!r} decides itself when RequireMFAMiddleware is asked. This check cannot tell whether MFA is enforced "
            "on every view.",
            hint="Call super().process_view() on every path, or silence this check if it is meant so.",
            id="cognito_mfa.W043",
        )


def check_fallbacks() -> Iterator[CheckMessage]:
    """E025: middleware before ours answers for addresses without a view, and so without MFA."""
    for entry in settings.MIDDLEWARE[: installed_middleware.gate_index() or 0]:
        if FALLBACKS & installed_middleware.ancestors(entry):
            yield Error(
                f"{entry!r} stands before the gate: the pages that it shows at addresses without a view are shown to "
                "users without a second factor.",
                hint=f"Move it after {GATE!r} in MIDDLEWARE.",
                id="cognito_mfa.E025",
            )


def check_page_cache() -> Iterator[CheckMessage]:
    """E016: cached pages are answered before the middleware decides, wherever it is in MIDDLEWARE.

    The cache answers while the request comes in; the middleware decides when the view is known.
    """
    if installed_middleware.index_of(PAGE_CACHE) is not None:
        yield Error(
            "The cache for the whole site answers before the gate: what it keeps of a proven session, it "
            "still shows when the proof is over.",
            hint=f"Remove {PAGE_CACHE!r}, or what derives from it, from MIDDLEWARE and write @cache_page on the views that may be "
            "cached; the gate stands in front of them.",
            id="cognito_mfa.E016",
        )
