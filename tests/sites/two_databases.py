"""A site with everything about people in a database of its own, on PostgreSQL."""

from __future__ import annotations

from tests.databases.settings import *  # noqa: F403
from tests.sites.plain import COGNITO_MFA, ROOT_URLCONF

__all__ = ["COGNITO_MFA", "ROOT_URLCONF"]
