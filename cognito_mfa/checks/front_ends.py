"""Checks of front ends at other origins, which depend on cookies, CSRF settings, and CORS headers."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.utils.http import is_same_domain

from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME

LOOPBACK = ("localhost", "127.0.0.1")
CORS_MIDDLEWARE = "corsheaders.middleware.CorsMiddleware"


def check_origins() -> Iterator[CheckMessage]:
    """Check that front ends can send posts (E040), with cookies (E041, W059), and read the answers (W058)."""
    conf = conf_or_none()
    if conf is None or not conf.API_ORIGINS:
        return
    for origin in sorted(conf.API_ORIGINS):
        yield from _check_origin(origin)
    if _is_cross_site() and not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        yield Error(
            "SESSION_COOKIE_SAMESITE is 'None', but the session cookie or the CSRF cookie is not secure, so browsers reject "
            "it.",
            hint="Set SESSION_COOKIE_SECURE and CSRF_COOKIE_SECURE to True.",
            id="cognito_mfa.E041",
        )
    if missing := _missing_cors(conf.API_ORIGINS):
        yield Caution(
            f"{NAME}['API_ORIGINS'] is set, but {missing}, so browsers do not let front ends read the API's answers.",
            hint="Configure django-cors-headers as docs/api.md describes, or silence this check if a proxy sends the "
            "headers.",
            id="cognito_mfa.W058",
        )


def _check_origin(origin: str) -> Iterator[CheckMessage]:
    if not _is_trusted(origin):
        yield Error(
            f"{NAME}['API_ORIGINS'] contains {origin!r}, but CSRF_TRUSTED_ORIGINS does not, so Django refuses its requests.",
            hint=f"Add {origin!r} to CSRF_TRUSTED_ORIGINS.",
            id="cognito_mfa.E040",
        )
    if not _gets_cookies(origin):
        yield Caution(
            f"{NAME}['API_ORIGINS'] contains {origin!r}, which is another site, so browsers send its requests without the "
            "session cookie or the CSRF cookie.",
            hint="Serve the front end from a subdomain of the site, or set SESSION_COOKIE_SAMESITE and "
            "CSRF_COOKIE_SAMESITE to 'None'.",
            id="cognito_mfa.W059",
        )


def need_cross_site_cookies() -> bool:
    """Return whether a front end is another site, so that browsers must send cookies from there (W059)."""
    conf = conf_or_none()
    return conf is not None and not all(map(_is_same_site, conf.API_ORIGINS))


def _is_trusted(origin: str) -> bool:
    """Return whether Django accepts posts from ``origin``, whose settings may have a wildcard."""
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    asked = urlsplit(origin)
    patterns = (urlsplit(one) for one in settings.CSRF_TRUSTED_ORIGINS if "*" in one)
    return any(
        asked.scheme == one.scheme and is_same_domain(asked.netloc, one.netloc.lstrip("*"))
        for one in patterns
    )


def _is_cross_site() -> bool:
    return _is_none(settings.SESSION_COOKIE_SAMESITE)


def _is_none(same_site: object) -> bool:
    return isinstance(same_site, str) and same_site.lower() == "none"


def _gets_cookies(origin: str) -> bool:
    """Return whether browsers send both cookies from ``origin``, as far as host names show what a site is."""
    sends_csrf = settings.CSRF_USE_SESSIONS or _is_none(settings.CSRF_COOKIE_SAMESITE)
    return (_is_cross_site() and sends_csrf) or _is_same_site(origin)


def _is_same_site(origin: str) -> bool:
    host = urlsplit(origin).hostname or ""
    if "*" in settings.ALLOWED_HOSTS:
        return True
    own = [one.lstrip(".") for one in settings.ALLOWED_HOSTS]
    if host in LOOPBACK or host in own:
        return True
    # The last two labels: too much is taken for the same site, such as two of co.uk, and nothing too little.
    return any(one.split(".")[-2:] == host.split(".")[-2:] for one in own)


def _missing_cors(origins: frozenset[str]) -> str:
    """Return why browsers do not get the CORS headers that they need; empty if they do."""
    if CORS_MIDDLEWARE not in settings.MIDDLEWARE:
        return f"{CORS_MIDDLEWARE} is not in MIDDLEWARE"
    if not getattr(settings, "CORS_ALLOW_CREDENTIALS", False):
        return "CORS_ALLOW_CREDENTIALS is not True"
    open_to = set(getattr(settings, "CORS_ALLOWED_ORIGINS", ()))
    wide = getattr(settings, "CORS_ALLOWED_ORIGIN_REGEXES", ()) or getattr(
        settings, "CORS_ALLOW_ALL_ORIGINS", False
    )
    missing = sorted(origins - open_to)
    return "" if wide or not missing else f"CORS_ALLOWED_ORIGINS lacks {missing[0]!r}"
