"""The admin sites that are in the URLconf, and whether a visitor meets a password form there."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

from cognito_mfa.enforcement.overrides import names_in
from cognito_mfa.enforcement.password_forms import layers, requires_sign_in
from cognito_mfa.enforcement.urlconf import is_reachable, views
from cognito_mfa.enforcement.view_marks import View

MODULE = "django.contrib.admin.sites"
# What a page for signing in uses that asks for a password itself, or has the page below it do so.
ASKS = {"LoginView", "AuthenticationForm", "authenticate", "login_form", "login"}


class MountedSite(NamedTuple):
    """An admin site that is in the URLconf.

    Attributes:
        site: the admin site.
        has_form: visitors who come to its page for signing in see a form for a password.
    """

    site: Any
    has_form: bool


def mounted() -> list[MountedSite]:
    """Return each admin site that is in the URLconf, once."""
    found: dict[int, MountedSite] = {}
    for one in views():
        site = _site_of(one.view)
        if site is None:
            continue
        is_login = one.name.rpartition(":")[2] == "login" and is_reachable(one)
        shows = is_login and _shows_form(one.view, site)
        known = found.get(id(site))
        found[id(site)] = MountedSite(site, shows or (known is not None and known.has_form))
    return list(found.values())


def is_password_form(view: View) -> bool:
    """Return whether ``view`` is the sign-in of an admin site, and asks a visitor for a password."""
    site = getattr(view, "__self__", None)
    if site is None:  # as in most places; a page of the admin is wrapped, its sign-in is a method
        site = _site_of(view) if getattr(view, "__name__", "") == "login" else None
    kind = getattr(sys.modules.get(MODULE), "AdminSite", ())
    return isinstance(site, kind) and _shows_form(view, site)


def _site_of(view: View) -> Any:
    """Return the admin site whose page ``view`` is; its wrapper names it, and a method is bound to it."""
    kind = getattr(sys.modules.get(MODULE), "AdminSite", ())
    for layer in layers(view):
        for site in (getattr(layer, "admin_site", None), getattr(layer, "__self__", None)):
            if isinstance(site, kind):
                return site
    return None


def _shows_form(view: View, site: Any) -> bool:
    """Return whether ``view``, the page for signing in, asks a visitor for a password."""
    for layer in layers(view):
        if requires_sign_in(layer):
            return False
        if getattr(layer, "__self__", None) is site:
            return bool(names_in(layer) & ASKS)
    return False
