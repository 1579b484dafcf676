"""The public contract (frozen once released): names that other people's code and pages rely on."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command
from django.template.loader import get_template
from django.urls import reverse

from cognito_mfa import forms, signals
from cognito_mfa.conf import SETTINGS

URLS = ["sign_in", "sign_out", "new_password", "challenge", "setup", "setup_cancel", "setup_done"]


@pytest.mark.parametrize("name", URLS)
def test_urls(name: str) -> None:
    assert reverse(f"cognito_mfa:{name}")


def test_settings() -> None:
    assert {
        "USER_POOL_ID", "CLIENT_ID", "CLIENT_SECRET", "ISSUER", "REGION", "ENDPOINT_URL", "CLIENT_FACTORY",
        "AUTH_FLOW", "REQUIRED", "ENFORCEMENT", "PROOF_MAX_AGE", "CREATE_USERS", "USER_RESOLVER",
        "TRUSTED_BACKENDS", "SUPPORT_URL",
    } <= set(SETTINGS)  # fmt: skip


def test_form_fields() -> None:
    assert list(forms.SignInForm().fields) == ["username", "password"]
    assert list(forms.SetupForm().fields) == ["code", "friendly_name"]
    assert list(forms.CodeForm().fields) == ["code"]
    assert list(forms.NewPasswordForm().fields) == ["new_password1", "new_password2"]


def test_signals() -> None:
    for name in ("signed_in", "code_rejected", "software_token_verified"):
        assert hasattr(signals, name)


@pytest.mark.parametrize(
    "path",
    [
        "cognito_mfa.middleware.RequireMFAMiddleware",
        "cognito_mfa.decorators.mfa_exempt",
        "cognito_mfa.backends.CognitoBackend",
        "cognito_mfa.apps.MFAAdminConfig",
        "cognito_mfa.local.LocalCognito",
    ],
)
def test_dotted_paths(path: str) -> None:
    module, name = path.rsplit(".", 1)
    assert hasattr(import_module(module), name)


@pytest.mark.parametrize(
    "name", ["base", "sign_in", "new_password", "challenge", "setup", "setup_done"]
)
def test_templates(name: str) -> None:
    get_template(f"cognito_mfa/{name}.html")


def test_models() -> None:
    names = {model.__name__ for model in apps.get_app_config("cognito_mfa").get_models()}
    assert {"CognitoIdentity", "SoftwareToken", "MFAEvent"} <= names


@pytest.mark.django_db
def test_migrations_are_complete() -> None:
    call_command("makemigrations", "--check", "--dry-run")
