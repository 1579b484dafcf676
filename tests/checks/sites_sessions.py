"""A session engine of the site's own, made of Django's for caches."""

from __future__ import annotations

from django.contrib.sessions.backends.cache import SessionStore as CacheStore


class SessionStore(CacheStore):
    """Keeps sessions in the cache."""
