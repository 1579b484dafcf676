"""The app of the site's own models."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "tests.sites.shop"
    label = "shop"
    default_auto_field = "django.db.models.BigAutoField"
