"""App configurations: ours, and the one that gates Django's admin."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.contrib.auth.signals import user_logged_in
from django.core.checks import CheckMessage, Tags, register
from django.core.signals import got_request_exception
from django.db.models.signals import pre_delete
from django.utils.translation import gettext_lazy as _


class CognitoMFAConfig(AppConfig):
    """The app: it registers the system checks, and that a sign-in begins without proof."""

    name = "cognito_mfa"
    verbose_name = _("Cognito MFA")
    default_auto_field = "django.db.models.BigAutoField"
    default = True

    def ready(self) -> None:
        register(_check, Tags.security)
        register(_check_deployment, Tags.security, deploy=True)
        register(_check_database, Tags.database)
        user_logged_in.connect(_on_signed_in, dispatch_uid="cognito_mfa.enforcement.proof")
        got_request_exception.connect(_on_failure, dispatch_uid="cognito_mfa.views.posted_secrets")
        pre_delete.connect(
            _on_deletion,
            sender=self.get_model("CognitoIdentity"),
            dispatch_uid="cognito_mfa.authenticator.user_deletion",
        )
        _connect_provider()
        _connect_impersonation()


def _check(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """Run the system checks; imported then, since a process that serves pages runs none."""
    from cognito_mfa import checks

    return checks.run(checks.ALWAYS)


def _check_deployment(app_configs: Any, **_kwargs: Any) -> list[CheckMessage]:
    """Run those of ``check --deploy``."""
    from cognito_mfa import checks

    return checks.run(checks.DEPLOYED)


def _check_database(
    app_configs: Any, databases: Collection[str] | None = None, **_kwargs: Any
) -> list[CheckMessage]:
    """Run those that read the database: at ``migrate``, and at ``check --database``."""
    from cognito_mfa import checks

    return checks.run(checks.OF_DATABASE) if databases else []


def _on_signed_in(**given: Any) -> None:
    """Let a sign-in begin without proof; then judge it, where it may have happened at Cognito."""
    from cognito_mfa.conf import given_settings
    from cognito_mfa.enforcement import proof

    if not given_settings().get("TOKEN_PROVIDER"):
        proof.on_logged_in(**given)
        return
    from cognito_mfa.managed_login import login

    login.carry_redirect(given.get("request"))
    proof.on_logged_in(**given)
    login.on_signed_in(**given)


def _on_failure(**given: Any) -> None:
    """Close what was typed into a form of ours before Django reports the failure."""
    from cognito_mfa.views import posted_secrets

    posted_secrets.close_after_failure(**given)


def _on_deletion(**given: Any) -> None:
    from cognito_mfa.authenticator import user_deletion

    user_deletion.note(**given)


def _connect_provider() -> None:
    """Import a provider of ours at once: it may have to listen to its package's sign-ins."""
    from cognito_mfa.conf import given_settings

    path = given_settings().get("TOKEN_PROVIDER")
    if isinstance(path, str) and path.startswith("cognito_mfa.contrib."):
        with suppress(ImportError):  # the system check says what is missing
            import_module(path.rpartition(".")[0])


def _connect_impersonation() -> None:
    from cognito_mfa.enforcement import impersonation

    impersonation.connect()


class MFAAdminConfig(admin_apps.AdminConfig):
    """Django's admin behind the gate: write it instead of ``"django.contrib.admin"``."""

    default = False
    default_site = "cognito_mfa.contrib.admin_site.MFAAdminSite"
