"""An admin site with MFA that looks like django-unfold, as docs/admin-sites.md writes it."""

from __future__ import annotations

from unfold.sites import UnfoldAdminSite

from cognito_mfa.contrib.admin_site import MFAAdminSite


class Site(MFAAdminSite, UnfoldAdminSite):
    """Unfold's looks, and no one is let in without MFA."""
