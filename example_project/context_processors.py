"""What every page of the example knows."""

from __future__ import annotations

from django.http import HttpRequest

from example_project import settings


def demo(request: HttpRequest) -> dict[str, bool]:
    """Return whether there are demo users: not in a pool of your own."""
    return {"has_demo_users": not settings.HAS_OWN_POOL}
