"""Authentication backends of sites in the tests."""

from __future__ import annotations

from django.contrib.auth.backends import BaseBackend


class Elsewhere(BaseBackend):
    """A sign-in that has a second factor of its own."""
