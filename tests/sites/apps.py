"""Django's admin with another site, and without an import of it: Django loads models after apps."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class UnfoldConfig(AdminConfig):
    """Write it instead of ``"django.contrib.admin"``."""

    default = False
    default_site = "tests.sites.unfold_site.Site"
