"""URLs that a visitor or other code chose and our pages show: the way back, and the link to help.

SECURITY: Django's own check is made for ``Location`` headers, which Django percent-encodes. Browsers parse URLs in
attributes and scripts by another grammar (WHATWG), where a line end disappears, and a backslash is a slash.
A way back from this module means the same in both. It is a path or a URL of this host, and contains only
unreserved characters.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.utils.encoding import escape_uri_path, iri_to_uri
from django.utils.http import escape_leading_slashes, url_has_allowed_host_and_scheme

from cognito_mfa.conf import get_conf

# Control characters, invisible ones, halves of surrogate pairs, and white space of every kind.
NO_ADDRESS_NEEDS = frozenset({"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"})
# One slash, and nothing after it that a browser would take for the second one of a host.
PATH = re.compile(r"/(?![/\\]).*")
WHOLE = re.compile(r"(?P<scheme>https?)://(?P<host>[^/\\?#@]+)(?P<rest>(?:[/?#].*)?)")
MAX_LENGTH = 4096  # characters of a way back, which waits in the session for the end of a sign-in
# What a link to help may be: a page, a letter or a call. Nothing that a browser would execute.
HELP = re.compile(r"https?://[^/\\?#@]+(?:[/?#].*)?|mailto:.+|tel:.+", re.IGNORECASE)


def safe_url(request: HttpRequest, url: str | None) -> str:
    """Return ``url``, percent-encoded, if it leads to this site; otherwise an empty string.

    Args:
        request: whose host and scheme are this site's.
        url: from anyone.
    """
    if not url or len(url) > MAX_LENGTH or _is_odd(url):
        return ""
    https, host = request.is_secure(), request.get_host()
    if not url_has_allowed_host_and_scheme(url, allowed_hosts={host}, require_https=https):
        return ""
    return _encoded(url) if PATH.fullmatch(url) or _is_ours(url, host, https=https) else ""


def local_path(request: HttpRequest, url: str | None) -> str:
    """Return a safe ``url`` without scheme and host; an empty string if it is not safe.

    Args:
        request: whose host and scheme are this site's.
        url: from anyone.
    """
    safe = safe_url(request, url)
    whole = WHOLE.fullmatch(safe)
    return safe_url(request, whole["rest"]) if whole else safe


def own_path(request: HttpRequest) -> str:
    """Return the path of ``request``, for a redirect.

    SECURITY: behind a pattern that is not anchored, a path may begin with two slashes, and would name a host.
    """
    return escape_leading_slashes(escape_uri_path(request.path))


def destination(request: HttpRequest, url: str | None) -> str:
    """Return where a user goes after the sign-in: ``url`` if it is safe, or ``LOGIN_REDIRECT_URL``.

    Args:
        request: whose host and scheme are this site's.
        url: from anyone.
    """
    return safe_url(request, url) or home_url()


def home_url() -> str:
    """Return the URL after a sign-in without ``next``, to which our pages also link."""
    return _encoded(resolve_url(settings.LOGIN_REDIRECT_URL))


def site_context(request: HttpRequest) -> dict[str, Any]:
    """Return the context that all our pages share.

    Whose site it is and the way there, who is signed in, and where help is.
    """
    user: Any = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    return {
        "site": get_conf().ISSUER or request.get_host(),
        "home_url": home_url(),
        "signed_in": signed_in,
        "signed_in_as": user.get_username() if signed_in else "",
        "support_url": support_url(),
        "lost_device_help": str(get_conf().LOST_DEVICE_HELP or ""),
    }


def support_url(*, in_mail: bool = False) -> str:
    """Return the site's link to help, or an empty string if none may be shown.

    Args:
        in_mail: where no page lends a path its host.
    """
    url = get_conf().SUPPORT_URL or ""
    return url if leads_to_help(url) and not (in_mail and PATH.fullmatch(url)) else ""


def leads_to_help(url: str) -> bool:
    """Return whether ``url`` is an address that may stand in a page: a path, or one of ``HELP``."""
    return not _is_odd(url) and bool(PATH.fullmatch(url) or HELP.fullmatch(url))


def _is_ours(url: str, host: str, *, https: bool) -> bool:
    """Return whether ``url`` is a whole address of this host, and no worse than how we were asked."""
    whole = WHOLE.fullmatch(url)
    if whole is None or whole["host"] != host:
        return False
    return whole["scheme"] == "https" or not https


def _is_odd(url: str) -> bool:
    """Return whether ``url`` has characters that browsers drop, turn or hide, or that end a line."""
    return any(c == "\\" or unicodedata.category(c) in NO_ADDRESS_NEEDS for c in url)


def _encoded(url: str) -> str:
    # Django leaves the apostrophe, which ends a string in a script.
    return iri_to_uri(url).replace("'", "%27")
