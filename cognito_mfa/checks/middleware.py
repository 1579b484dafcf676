"""Checks of ``MIDDLEWARE``: whether ``RequireMFAMiddleware`` is installed, runs, and is in order."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.utils.module_loading import import_string

from cognito_mfa.enforcement import installed_middleware
from cognito_mfa.enforcement.installed_middleware import AUTHENTICATION, FALLBACKS, GATE, Gate

REVISIONS = "reversion.middleware.RevisionMiddleware"
PAGE_CACHE = "django.middleware.cache.FetchFromCacheMiddleware"


def check_middleware() -> Iterator[CheckMessage]:
    """Check that our middleware is installed (E006), runs (E032, W043), and knows the user (E007, W044)."""
    at = installed_middleware.gate_index()
    if at is None:
        yield from _without_gate()
        return
    yield from _gate_problems(settings.MIDDLEWARE[at])
    user_at = installed_middleware.index_of(AUTHENTICATION)
    if user_at is None:
        yield Caution(
            f"AuthenticationMiddleware is not in MIDDLEWARE, so {settings.MIDDLEWARE[at]!r} may not know the user.",
            hint=f"Add {AUTHENTICATION!r} before it, or silence this check if other middleware sets request.user.",
            id="cognito_mfa.W044",
        )
    elif user_at > at:
        yield Error(
            f"{settings.MIDDLEWARE[at]!r} must come after AuthenticationMiddleware in MIDDLEWARE, because it needs "
            "request.user.",
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
            f"{path!r} cannot be inspected ({failure}), and no other entry of MIDDLEWARE is RequireMFAMiddleware, so MFA "
            "may not be enforced.",
            hint=f"Add {GATE!r} to MIDDLEWARE, or silence this check if that entry wraps it.",
            id="cognito_mfa.W043",
        )


def _gate_problems(path: str) -> Iterator[CheckMessage]:
    found = installed_middleware.installed_gate()
    if found is Gate.CUT_OFF:
        yield Error(
            f"{path!r} wraps RequireMFAMiddleware in an object without process_view, so views run before MFA is checked.",
            hint=f"Replace it with {GATE!r} or a subclass of it.",
            id="cognito_mfa.E032",
        )
    elif found is Gate.UNCLEAR:
        yield Caution(
            f"{path!r} decides when RequireMFAMiddleware runs, so MFA may not be enforced on every view.",
            hint="Call super().process_view() on every path, or silence this check if that is intended.",
            id="cognito_mfa.W043",
        )


def check_fallbacks() -> Iterator[CheckMessage]:
    """Check that middleware that serves pages without a view comes after ours (E025)."""
    for entry in settings.MIDDLEWARE[: installed_middleware.gate_index() or 0]:
        if FALLBACKS & installed_middleware.ancestors(entry):
            yield Error(
                f"{entry!r} comes before RequireMFAMiddleware in MIDDLEWARE, so the pages that it serves at URLs without a "
                "view do not require MFA.",
                hint=f"Move it after {GATE!r} in MIDDLEWARE.",
                id="cognito_mfa.E025",
            )


def check_page_cache() -> Iterator[CheckMessage]:
    """Check that the per-site cache is not used, which responds before our middleware decides (E016).

    The cache responds while the request is processed, wherever it is in MIDDLEWARE. Ours decides later, when the
    view is known.
    """
    if installed_middleware.index_of(PAGE_CACHE) is not None:
        yield Error(
            "The per-site cache responds before RequireMFAMiddleware, so it can serve pages from a verified session after "
            "the proof has expired.",
            hint=f"Remove {PAGE_CACHE!r} from MIDDLEWARE and use @cache_page on individual views, because "
            "RequireMFAMiddleware runs before them.",
            id="cognito_mfa.E016",
        )


def check_revisions() -> Iterator[CheckMessage]:
    """Check that django-reversion opens no transaction around each request (E026).

    A reset has to be committed before Cognito is asked, and a wrong code must stay counted when a request fails.
    """
    for entry in installed_middleware.paths():
        if REVISIONS not in installed_middleware.ancestors(entry) or not _is_atomic(entry):
            continue
        yield Error(
            f"{entry!r} opens a transaction around each request, so no authenticator app can be reset, and wrong codes are "
            "not counted if a request fails.",
            hint="Replace it with a subclass that sets atomic = False, or remove it and use create_revision() of "
            "django-reversion in your views.",
            id="cognito_mfa.E026",
        )


def _is_atomic(entry: str) -> bool:
    return bool(getattr(import_string(entry), "atomic", True))
