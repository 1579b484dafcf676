"""The site with every kind of view, as the tests of the gate have it."""

from __future__ import annotations

from tests.enforcement.conftest import conf, site

__all__ = ["conf", "site"]
