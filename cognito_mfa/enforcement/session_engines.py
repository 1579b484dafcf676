"""Which of Django's session engines a site uses, also under another name."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

DJANGOS = "django.contrib.sessions.backends."
NOT_IN_COOKIES = "Cookie-based sessions are not supported: the server cannot end them, and Cognito's session strings do not fit in a cookie."
ON_THE_SERVER = (
    "Set SESSION_ENGINE to a server-side backend, such as 'django.contrib.sessions.backends.db'."
)


def keeps_sessions_as(engine: str) -> bool:
    """Return whether the site's session engine is Django's ``engine`` or a subclass of it."""
    try:
        store = import_string(f"{settings.SESSION_ENGINE}.SessionStore")
    except Exception:  # noqa: BLE001 - a site's module may fail in any way
        return False
    kind = import_string(f"{DJANGOS}{engine}.SessionStore")
    return isinstance(store, type) and issubclass(store, kind)


def refuse_cookies() -> None:
    """Refuse to serve a site whose sessions are in cookies.

    SECURITY: servers such as gunicorn run no system checks, and a copy of such a cookie stays valid after a sign-out.

    Raises:
        ImproperlyConfigured: sessions are in cookies.
    """
    if keeps_sessions_as("signed_cookies"):
        raise ImproperlyConfigured(f"{NOT_IN_COOKIES} {ON_THE_SERVER}")
