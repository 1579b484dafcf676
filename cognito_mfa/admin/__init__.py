"""Our pages in Django's admin, one module per model, and the mixin for a site's own ``UserAdmin``.

``authenticator_actions``, ``confirmation`` and ``changelists`` hold what several of them share.
"""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Model

from cognito_mfa.admin.changelists import FastListMixin
from cognito_mfa.admin.code_failures import CodeFailuresAdmin
from cognito_mfa.admin.events import MFAEventAdmin
from cognito_mfa.admin.exemptions import MFAExemptionAdmin
from cognito_mfa.admin.identities import CognitoIdentityAdmin
from cognito_mfa.admin.overview import OverviewAdmin
from cognito_mfa.admin.resets import MFAResetAdmin
from cognito_mfa.admin.users import MFAUserAdminMixin
from cognito_mfa.models import (
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
    OverviewSnapshot,
)

__all__ = ["PAGES", "FastListMixin", "MFAUserAdminMixin", "register"]

PAGES: dict[type[Model], type[ModelAdmin]] = {
    CodeFailures: CodeFailuresAdmin,
    CognitoIdentity: CognitoIdentityAdmin,
    MFAEvent: MFAEventAdmin,
    MFAExemption: MFAExemptionAdmin,
    MFAReset: MFAResetAdmin,
    OverviewSnapshot: OverviewAdmin,
}


def register(site: AdminSite, *, base: type[ModelAdmin] = ModelAdmin) -> None:
    """Register our pages with an admin site of your own; those of ``admin.site`` are registered already.

    Models that the site has registered before are left as they are.

    Args:
        site: where the pages will be.
        base: the ``ModelAdmin`` of an admin theme, from which the pages of that theme derive.
    """
    for model, page in PAGES.items():
        if not site.is_registered(model):
            site.register(
                model, page if issubclass(page, base) else type(page.__name__, (page, base), {})
            )


register(admin.site)
