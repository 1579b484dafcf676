"""Checks of the project around the app: middleware, sessions, URLs, templates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.shortcuts import resolve_url
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.module_loading import import_string

from cognito_mfa.enforcement import url_map
from cognito_mfa.enforcement.view_marks import why_exempt

GATE = "cognito_mfa.middleware.RequireMFAMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
BACKEND = "cognito_mfa.backends.CognitoBackend"
PAGE_CACHE = "django.middleware.cache.FetchFromCacheMiddleware"
FALLBACKS = {
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "django.contrib.redirects.middleware.RedirectFallbackMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
}
SESSIONS = "django.contrib.sessions.backends."
SESSION_KINDS_IN_CACHE = (f"{SESSIONS}cache", f"{SESSIONS}cached_db")
CACHES_OF_ONE_PROCESS = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",
)
# Pages that must be reachable without a proof, or no user could ever make one.
WAYS_IN = ("sign_in", "sign_out", "new_password", "challenge", "link", "setup", "setup_cancel")


def check_middleware() -> Iterator[CheckMessage]:
    """E006: no MFA middleware. E007: it runs before authentication. E008: our backend is missing."""
    gate = _first_of_kind(settings.MIDDLEWARE, GATE)
    if gate is None:
        yield Error(
            "The gate is not installed: nobody is asked for a second factor on any page.",
            hint=f"Add {GATE!r} to MIDDLEWARE, after {AUTHENTICATION!r}.",
            id="cognito_mfa.E006",
        )
    elif _first_of_kind(settings.MIDDLEWARE[:gate], AUTHENTICATION) is None:
        yield Error(
            "The gate stands before authentication, so that it knows no user.",
            hint=f"Move {GATE!r} after {AUTHENTICATION!r} in MIDDLEWARE.",
            id="cognito_mfa.E007",
        )
    if _first_of_kind(settings.AUTHENTICATION_BACKENDS, BACKEND) is None:
        yield Error(
            f"{BACKEND!r} is not among AUTHENTICATION_BACKENDS: whoever signs in is signed out at once.",
            hint=f"Add {BACKEND!r} to AUTHENTICATION_BACKENDS.",
            id="cognito_mfa.E008",
        )


def _first_of_kind(paths: Sequence[str], wanted: str) -> int | None:
    """Return the index of the first class that is ``wanted`` or derives from it, or None."""
    for index, path in enumerate(paths):
        if path == wanted or _derives(path, wanted):
            return index
    return None


def _derives(path: str, wanted: str) -> bool:
    try:
        found = import_string(path)
    except ImportError:  # Django reports it itself
        return False
    return isinstance(found, type) and issubclass(found, import_string(wanted))


def check_fallbacks() -> Iterator[CheckMessage]:
    """E025: middleware before ours answers for addresses without a view, and so without MFA."""
    for entry in settings.MIDDLEWARE[: _first_of_kind(settings.MIDDLEWARE, GATE) or 0]:
        if FALLBACKS & _ancestors(entry):
            yield Error(
                f"{entry!r} stands before the gate: the pages that it shows at addresses without a view are shown to "
                "users without a second factor.",
                hint=f"Move it after {GATE!r} in MIDDLEWARE.",
                id="cognito_mfa.E025",
            )


def _ancestors(path: str) -> set[str]:
    """Return the dotted paths of a middleware and of its base classes."""
    try:
        middleware = import_string(path)
    except ImportError:  # Django reports it itself
        return {path}
    parents = getattr(middleware, "__mro__", (middleware,))
    return {path, *(f"{one.__module__}.{getattr(one, '__qualname__', '')}" for one in parents)}


def check_page_cache() -> Iterator[CheckMessage]:
    """E016: cached pages are answered before the middleware decides, wherever it is in MIDDLEWARE.

    The cache answers while the request comes in; the middleware decides when the view is known.
    """
    if _first_of_kind(settings.MIDDLEWARE, PAGE_CACHE) is not None:
        yield Error(
            "The cache for the whole site answers before the gate: what it keeps of a proven session, it "
            "still shows when the proof is over.",
            hint=f"Remove {PAGE_CACHE!r}, or what derives from it, from MIDDLEWARE and write @cache_page on the views that may be "
            "cached; the gate stands in front of them.",
            id="cognito_mfa.E016",
        )


def check_sessions() -> Iterator[CheckMessage]:
    """E009: sessions are kept in the browser. W005: sessions are known to one process only."""
    if _derives(
        f"{settings.SESSION_ENGINE}.SessionStore", f"{SESSIONS}signed_cookies.SessionStore"
    ):
        yield Error(
            "Sessions in signed cookies cannot be ended by the server, and Cognito's session strings do not fit.",
            hint="Set SESSION_ENGINE to a server-side engine, such as 'django.contrib.sessions.backends.db'.",
            id="cognito_mfa.E009",
        )
    backend = settings.CACHES.get(settings.SESSION_CACHE_ALIAS, {}).get("BACKEND")
    if settings.SESSION_ENGINE in SESSION_KINDS_IN_CACHE and backend in CACHES_OF_ONE_PROCESS:
        yield Caution(
            f"Sessions are kept in {backend!r}: a sign-in whose next step reaches another process starts over.",
            hint="Name a cache that all processes share in CACHES, or keep sessions in the database.",
            id="cognito_mfa.W005",
        )


def check_urls() -> Iterator[CheckMessage]:
    """E010: our pages are not in the URLconf. E017: users would be redirected in a circle."""
    try:
        reverse("cognito_mfa:setup")
    except NoReverseMatch:
        yield Error(
            "The pages of cognito_mfa are not in the URLconf.",
            hint="Add path('account/', include('cognito_mfa.urls')) to the site's urls.py.",
            id="cognito_mfa.E010",
        )
        return
    covered = [name for name in WAYS_IN if not _is_open(reverse(f"cognito_mfa:{name}"))]
    if covered:
        yield Error(
            f"Another view answers at the address of {', '.join(covered)}, and the gate is in front of it: "
            "people would be led in a circle.",
            hint="Put include('cognito_mfa.urls') before the pattern that matches first.",
            id="cognito_mfa.E017",
        )


def _is_open(path: str) -> bool:
    try:
        return bool(why_exempt(resolve(path).func))
    except Resolver404:
        return False


def check_marks() -> Iterator[CheckMessage]:
    """W024: an exempt mark without effect, because another function wraps or copies its view."""
    for entry in url_map.with_hidden_marks():
        yield Caution(
            f"The view at {entry.route!r} is gated, although it wraps a view that is marked mfa_exempt, or was given "
            "its attributes by functools.wraps: nobody can tell what the outer function shows.",
            hint="Write @mfa_exempt above all other decorators, if everybody may see the view. Otherwise remove "
            "the mark, or functools.wraps.",
            id="cognito_mfa.W024",
        )


def check_login_url() -> Iterator[CheckMessage]:
    """W006: users who must sign in are sent to a page that does not exist."""
    try:
        url = resolve_url(settings.LOGIN_URL)
        if url.startswith("/") and not url.startswith("//"):
            resolve(url.partition("?")[0])
    except (NoReverseMatch, Resolver404):
        yield Caution(
            f"LOGIN_URL is {settings.LOGIN_URL!r}, where this site has no page.",
            hint="Set LOGIN_URL = 'cognito_mfa:sign_in'.",
            id="cognito_mfa.W006",
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
