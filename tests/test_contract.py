"""The public contract (frozen once released): names that other people's code and pages rely on."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.core.management import call_command, load_command_class
from django.template.loader import get_template
from django.urls import reverse

from cognito_mfa import forms, signals
from cognito_mfa.api import problems
from cognito_mfa.api import urls as api_urls
from cognito_mfa.conf import SETTINGS
from cognito_mfa.models import MFAEvent
from cognito_mfa.reports import event_log

URLS = [
    "index",
    "sign_in",
    "sign_out",
    "new_password",
    "password_reset",
    "password_reset_confirm",
    "password_change",
    "password_change_confirm",
    "challenge",
    "recover",
    "sign_out_elsewhere",
    "recovery_codes",
    "recovery_codes_text",
    "recovery_codes_saved",
    "link",
    "setup",
    "setup_cancel",
    "setup_done",
]


@pytest.mark.parametrize("name", URLS)
def test_urls(name: str) -> None:
    assert reverse(f"cognito_mfa:{name}")


API = {
    "openapi": "openapi.json",
    "session": "session/",
    "sign_in": "sign-in/",
    "challenge": "challenge/",
    "recover": "recover/",
    "new_password": "new-password/",
    "link": "link/",
    "setup": "setup/",
    "setup_start": "setup/start/",
    "cancel": "cancel/",
    "sign_out": "sign-out/",
    "forgot_password": "forgot-password/",
    "reset_password": "reset-password/",
    "device": "device/",
    "device_replace": "device/replace/",
    "device_remove": "device/remove/",
    "change_password": "change-password/",
    "sign_out_elsewhere": "sign-out-elsewhere/",
    "recovery_codes": "recovery-codes/",
    "recovery_codes_saved": "recovery-codes/saved/",
    "activity": "activity/",
}


def test_addresses_of_the_api() -> None:
    assert {one.name: str(one.pattern) for one in api_urls.urlpatterns} == API


def test_codes_of_the_api() -> None:
    assert problems.codes() == {
        "account_disabled", "account_gone", "account_unchecked", "account_unlinked", "attributes_rejected", "bad_code",
        "bad_credentials", "body_too_large", "challenge_not_supported", "code_entry_locked", "csrf_failed", "impersonating",
        "in_progress", "invalid", "link_refused", "malformed_body", "method_not_allowed", "mfa_required", "mfa_too_old",
        "not_found", "not_set_up", "origin_not_allowed", "password_rejected", "password_reset_required", "refused",
        "removal_not_allowed", "session_idle", "sign_in_again", "sign_in_elsewhere", "sign_in_required", "signed_out",
        "slow_down", "start_again", "try_later", "unsupported_media_type", "wrong_step",
    }  # fmt: skip


def test_settings() -> None:
    assert {
        "USER_POOL_ID", "CLIENT_ID", "CLIENT_SECRET", "ISSUER", "REGION", "ENDPOINT_URL", "CLIENT_FACTORY",
        "AUTH_FLOW", "REQUIRED", "ENFORCEMENT", "REQUIRED_FROM", "GRACE_PERIOD", "PROOF_MAX_AGE", "CREATE_USERS",
        "USER_RESOLVER", "TRUSTED_BACKENDS", "TOKEN_PROVIDER", "FEDERATED", "SUPPORT_URL", "LOST_DEVICE_HELP",
        "TRUST_POOL_EMAIL", "API_ORIGINS", "CELERY", "REDIS_URL", "RECOVERY_CODES", "PASSWORD_PAGES", "PASSWORD_RULES",
        "TRIGGER_MESSAGES", "CLIENT_ADDRESS", "CLIENT_METADATA", "CLIENT_ENCODED_DATA", "CIRCUIT_BREAKER",
    } <= set(SETTINGS)  # fmt: skip


def test_form_fields() -> None:
    assert list(forms.SignInForm().fields) == ["username", "password"]
    assert list(forms.SetupForm().fields) == ["code", "friendly_name"]
    assert list(forms.CodeForm().fields) == ["code"]
    new = ["new_password1", "new_password2"]
    assert list(forms.NewPasswordForm().fields) == new
    assert list(forms.PasswordResetForm().fields) == ["username"]
    assert list(forms.PasswordResetConfirmForm().fields) == ["code", *new]
    assert list(forms.PasswordChangeForm().fields) == ["old_password", *new]


def test_signals() -> None:
    for name in (
        "signed_in", "code_rejected", "software_token_verified", "software_token_replaced",
        "software_token_removed", "mfa_reset", "exemption_granted", "exemption_revoked",
        "recovery_codes_created", "signed_out_elsewhere", "password_changed",
    ):  # fmt: skip
        assert hasattr(signals, name)


@pytest.mark.parametrize(
    "path",
    [
        "cognito_mfa.middleware.RequireMFAMiddleware",
        "cognito_mfa.decorators.mfa_exempt",
        "cognito_mfa.decorators.mfa_required",
        "cognito_mfa.decorators.mfa_recent",
        "cognito_mfa.mixins.MFAExemptMixin",
        "cognito_mfa.mixins.MFARequiredMixin",
        "cognito_mfa.mixins.MFARecentMixin",
        "cognito_mfa.contrib.rest_framework.IsMFAVerified",
        "cognito_mfa.contrib.admin_site.MFAAdminSite",
        "cognito_mfa.enforcement.gate.is_proven",
        "cognito_mfa.enforcement.gate.ais_proven",
        "cognito_mfa.backends.CognitoBackend",
        "cognito_mfa.apps.MFAAdminConfig",
        "cognito_mfa.admin.FastListMixin",
        "cognito_mfa.contrib.asgi.RequireMFA",
        "cognito_mfa.health.check",
        "cognito_mfa.health.health_view",
        "cognito_mfa.admin.MFAUserAdminMixin",
        "cognito_mfa.local.LocalCognito",
        "cognito_mfa.cognito.make_client",
        "cognito_mfa.managed_login.ProvidedTokens",
        "cognito_mfa.managed_login.load",
        "cognito_mfa.managed_login.store",
    ],
)
def test_dotted_paths(path: str) -> None:
    module, name = path.rsplit(".", 1)
    assert hasattr(import_module(module), name)


@pytest.mark.parametrize(
    "name",
    [
        "base", "password_reset", "password_reset_confirm", "password_change", "password_change_confirm", "link", "sign_in", "sign_in_elsewhere", "new_password", "challenge", "setup", "setup_done", "setup_start",
        "setup_impossible", "wait", "recover", "recovery_codes", "sign_out_elsewhere",
    ],
)  # fmt: skip
def test_templates(name: str) -> None:
    get_template(f"cognito_mfa/{name}.html")


def test_models() -> None:
    names = {model.__name__ for model in apps.get_app_config("cognito_mfa").get_models()}
    assert {"CognitoIdentity", "SoftwareToken", "MFAEvent", "MFAExemption", "MFAReset"} <= names


@pytest.mark.django_db
def test_permissions() -> None:
    codes = Permission.objects.filter(content_type__app_label="cognito_mfa").values_list(
        "codename", flat=True
    )
    assert {
        "view_cognitoidentity", "view_mfaevent", "view_mfareset", "view_mfaexemption", "view_codefailures",
        "refresh_status", "reset_mfa", "clear_failures", "grant_exemption", "export_events", "view_overview",
        "link_user",
    } <= set(codes)  # fmt: skip


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("report", ["--format", "--last", "--fail-under", "--dry-run", "--preview", "--at"]),
        ("reset", ["--reason", "--by", "--unfinished", "--dry-run"]),
        ("exempt", ["--until", "--revoke", "--list", "--reason", "--by", "--dry-run"]),
        ("purge", ["--older-than", "--dry-run"]),
        ("restored", ["--dry-run"]),
        (
            "link",
            [
                "--username",
                "--email",
                "--sub",
                "--csv",
                "--unlink",
                "--move",
                "--atomic",
                "--reason",
                "--by",
                "--no-email",
                "--dry-run",
            ],
        ),
    ],
)
def test_commands(command: str, options: list[str]) -> None:
    name = f"cognito_mfa_{command}"
    parser = load_command_class("cognito_mfa", name).create_parser("manage.py", name)
    assert set(options) <= set(parser._option_string_actions)


def test_urls_of_the_admin() -> None:
    for name in (
        "overviewsnapshot_changelist",
        "overviewsnapshot_count",
        "mfaevent_export",
        "cognitoidentity_link",
    ):
        assert reverse(f"admin:cognito_mfa_{name}")
    for model, action in (
        ("cognitoidentity", "reset_mfa"),
        ("cognitoidentity", "clear_failures"),
        ("cognitoidentity", "unlink"),
        ("codefailures", "clear_failures"),
        ("mfaexemption", "revoke"),
    ):
        assert reverse(f"admin:cognito_mfa_{model}_confirm", args=[1, action])


def test_kinds_of_events_and_columns_of_exports() -> None:
    """Scripts read them out of exports."""
    assert {
        "SIGNED_IN", "CODE_REJECTED", "CODE_ENTRY_LOCKED", "SOFTWARE_TOKEN_VERIFIED", "SOFTWARE_TOKEN_REPLACED",
        "SOFTWARE_TOKEN_REMOVED", "RENAMED", "PASSWORD_RESET", "PASSWORD_CHANGED", "STATUS_CHANGED", "RESET_REQUESTED", "MFA_RESET",
        "EXEMPTION_GRANTED", "EXEMPTION_REVOKED", "FAILURES_CLEARED", "EVENTS_EXPORTED", "EVENTS_PURGED",
        "LINKED", "LINK_REFUSED", "SIGN_IN_REFUSED", "RIGHTS_CHANGED", "LINK_MOVED", "UNLINKED", "RECOVERY_CODES_CREATED", "RECOVERY_CODE_USED",
        "RECOVERY_CODE_RETURNED", "SIGNED_OUT_ELSEWHERE",
    } <= set(MFAEvent.Kind.values)  # fmt: skip
    assert event_log.COLUMNS == ("id", "at", "username", "kind", "detail", "reason", "actor")


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", "--check", "--dry-run")


def test_the_template_tag_and_the_command_of_the_gate() -> None:
    from django.core.management import get_commands
    from django.template import engines

    engines["django"].from_string("{% load cognito_mfa %}{% mfa_banner %}")
    assert get_commands()["cognito_mfa_urls"] == "cognito_mfa"


def test_what_scripts_are_told() -> None:
    from cognito_mfa.enforcement import responses

    demands = (
        responses.MFA_REQUIRED,
        responses.MFA_REQUIRED_BY_VIEW,
        responses.MFA_TOO_OLD,
        responses.SIGN_IN_REQUIRED,
    )
    codes = [demand.code for demand in demands]
    assert codes == ["mfa_required", "mfa_required", "mfa_too_old", "sign_in_required"]
