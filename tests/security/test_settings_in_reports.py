"""Django's error reports contain every setting, and hide a value only where its name has a word such as SECRET or KEY."""

from __future__ import annotations

from contextlib import suppress
from types import MappingProxyType
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.test import RequestFactory
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from cognito_mfa.conf import SECRETS, SETTINGS, get_conf
from cognito_mfa.values.secret_text import SecretText

CANARY = "redis://:canarypassword@redis:6379/0"


def read(name: str) -> object:
    with suppress(ValueError):
        return SETTINGS[name].read(CANARY)
    return None


def report_of_a_failure() -> str:
    """Return what an administrator gets by email, as text and as HTML."""
    reporter = ExceptionReporter(RequestFactory().get("/"), RuntimeError, RuntimeError(), None)
    return f"{reporter.get_traceback_text()}{reporter.get_traceback_html()}"


def test_each_setting_that_is_read_as_a_secret_is_one_that_is_closed() -> None:
    """``conf.SECRETS``"""
    assert {name for name in SETTINGS if isinstance(read(name), SecretText)} == set(SECRETS)


@pytest.mark.parametrize("kind", [dict, MappingProxyType], ids=["dict", "read-only"])
@pytest.mark.parametrize("name", SECRETS)
def test_a_site_that_has_started_shows_none(name: str, kind: Any, settings: Settings) -> None:
    """``close_secrets`` in ``apps.CognitoMFAConfig.ready``"""
    settings.COGNITO_MFA = kind({**settings.COGNITO_MFA, name: CANARY})
    apps.get_app_config("cognito_mfa").ready()
    found = report_of_a_failure()
    assert "us-east-1_Example00" in found  # the setting is in it
    assert "canarypassword" not in found
    secret: Any = getattr(get_conf(), name)
    assert secret.reveal() == CANARY


def test_a_value_that_no_reader_takes_is_not_shown_either(settings: Settings) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "REDIS_URL": CANARY.replace("redis://", "amqp://"),
        "CLIENT_SECRET": b"canarypassword",
    }
    with pytest.raises(ImproperlyConfigured):
        get_conf()
    apps.get_app_config("cognito_mfa").ready()
    assert "canarypassword" not in report_of_a_failure()


def test_a_site_without_a_secret_keeps_its_own_dictionary(settings: Settings) -> None:
    given = settings.COGNITO_MFA
    apps.get_app_config("cognito_mfa").ready()
    assert settings.COGNITO_MFA is given
