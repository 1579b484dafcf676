"""App configurations: ours, and the one that puts Django's admin behind the middleware's rules."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.contrib.auth.signals import user_logged_in
from django.core.checks import CheckMessage, Tags, register
from django.core.signals import got_request_exception
from django.db.models.signals import pre_delete
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from cognito_mfa.conf import close_secrets, given_settings


class CognitoMFAConfig(AppConfig):
    """The app: it registers the system checks, and receives what Django says of sign-ins and failures."""

    name = "cognito_mfa"
    verbose_name = _("Cognito MFA")
    default_auto_field = "django.db.models.BigAutoField"
    default = True

    def ready(self) -> None:
        # Not at the top: all of them import models, which Django loads after this module.
        from cognito_mfa.authenticator import user_deletion
        from cognito_mfa.enforcement import impersonation
        from cognito_mfa.views import posted_secrets

        register(_check_site, Tags.security)
        register(_check_deployment, Tags.security, deploy=True)
        register(_check_database, Tags.database)
        user_logged_in.connect(_on_logged_in, dispatch_uid="cognito_mfa.enforcement.proof")
        got_request_exception.connect(
            posted_secrets.close_after_failure, dispatch_uid="cognito_mfa.views.posted_secrets"
        )
        pre_delete.connect(
            user_deletion.record_deletion,
            sender=self.get_model("CognitoIdentity"),
            dispatch_uid="cognito_mfa.authenticator.user_deletion",
        )
        _connect_provider()
        impersonation.connect()
        close_secrets()


# The checks are loaded when they are run: a server process runs none.
def _check_site(app_configs: Any, **given: Any) -> list[CheckMessage]:
    from cognito_mfa import checks

    return checks.check_site(app_configs, **given)


def _check_deployment(app_configs: Any, **given: Any) -> list[CheckMessage]:
    from cognito_mfa import checks

    return checks.check_deployment(app_configs, **given)


def _check_database(app_configs: Any, **given: Any) -> list[CheckMessage]:
    from cognito_mfa import checks

    return checks.check_database(app_configs, **given)


def _on_logged_in(**given: Any) -> None:
    """Start every sign-in without proof; then judge it, where it may have happened at Cognito."""
    from cognito_mfa.enforcement import proof
    from cognito_mfa.managed_login import judgment

    if not given_settings().get("TOKEN_PROVIDER"):
        proof.on_logged_in(**given)
        return
    # Before the proof is forgotten, and with it when the browser was sent to Cognito.
    judgment.carry_redirect(given.get("request"))
    proof.on_logged_in(**given)
    judgment.on_signed_in(**given)


def _connect_provider() -> None:
    """Import the provider: one of ours, or what is made of it, has to listen to its package's sign-ins."""
    path = given_settings().get("TOKEN_PROVIDER")
    if isinstance(path, str):
        with suppress(Exception):  # the system check says why it cannot be imported
            import_string(path)


class MFAAdminConfig(admin_apps.AdminConfig):
    """Django's admin with MFA: write it instead of ``"django.contrib.admin"``."""

    default = False
    default_site = "cognito_mfa.contrib.admin_site.MFAAdminSite"
