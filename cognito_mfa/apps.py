"""App configurations: ours, and the one that gates Django's admin."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class CognitoMFAConfig(AppConfig):
    """The app: it registers the system checks, and that a sign-in begins without proof."""

    name = "cognito_mfa"
    verbose_name = _("Cognito MFA")
    default_auto_field = "django.db.models.BigAutoField"
    default = True

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        from cognito_mfa import checks, proof

        checks.register()
        user_logged_in.connect(proof.forget, dispatch_uid="cognito_mfa.proof")


class MFAAdminConfig(admin_apps.AdminConfig):
    """Django's admin behind the gate: write it instead of ``"django.contrib.admin"``."""

    default = False
    default_site = "cognito_mfa.admin_site.MFAAdminSite"
