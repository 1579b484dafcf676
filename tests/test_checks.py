"""System checks: each id with a setting that fails, and none on a good site."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from pytest_django import Settings

# Django's own check of a JSON field asks the database.
pytestmark = pytest.mark.django_db
GATE = "cognito_mfa.middleware.RequireMFAMiddleware"


def found() -> dict[str, checks.CheckMessage]:
    ours = (message for message in checks.run_checks() if "cognito_mfa" in str(message.id))
    return {str(message.id): message for message in ours if message.id != "cognito_mfa.E011"}


def conf(settings: Settings, **changes: Any) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, **changes}


def test_a_good_site_has_nothing_to_say() -> None:
    assert found() == {}


@pytest.fixture(params=range(16))
def broken(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Break one thing; gives the id that must be reported."""
    middleware = [entry for entry in settings.MIDDLEWARE if entry != GATE]
    ways: list[tuple[str, Any]] = [
        ("E001", lambda: settings.COGNITO_MFA.pop("CLIENT_ID")),
        ("E002", lambda: conf(settings, CLIENT="x")),
        ("E003", lambda: conf(settings, REQUIRED="evrybody")),
        ("E003", lambda: conf(settings, CREATE_USERS="no")),
        ("E004", lambda: setattr(settings, "COGNITO_MFA", ["x"])),
        ("E005", lambda: conf(settings, USER_RESOLVER="mysite.nowhere.resolver")),
        ("E005", lambda: conf(settings, REQUIRED="django.conf.settings")),
        ("E005", lambda: conf(settings, CLIENT_FACTORY="tests.nothing")),
        ("E006", lambda: setattr(settings, "MIDDLEWARE", middleware)),
        ("E007", lambda: setattr(settings, "MIDDLEWARE", [GATE, *middleware])),
        (
            "E008",
            lambda: setattr(
                settings, "AUTHENTICATION_BACKENDS", ["django.contrib.auth.backends.ModelBackend"]
            ),
        ),
        (
            "E009",
            lambda: setattr(
                settings, "SESSION_ENGINE", "django.contrib.sessions.backends.signed_cookies"
            ),
        ),
        ("E010", lambda: setattr(settings, "ROOT_URLCONF", "django.contrib.auth.urls")),
        ("E012", lambda: conf(settings, ENDPOINT_URL="http://cognito.example")),
        ("E001", lambda: delattr(settings, "COGNITO_MFA")),
        ("E003", lambda: conf(settings, USER_POOL_ID="pool")),
    ]
    settings.COGNITO_MFA = dict(settings.COGNITO_MFA)
    expected, break_it = ways[request.param]
    break_it()
    return f"cognito_mfa.{expected}"


def test_what_is_wrong_is_told_with_an_id_and_a_hint(broken: str) -> None:
    message = found()[broken]
    assert message.is_serious()
    assert message.hint
    assert str(message.msg)[0].isupper() or str(message.msg).startswith(("COGNITO_MFA", "'"))


def test_the_local_cognito_runs_no_site(settings: Settings) -> None:
    settings.SILENCED_SYSTEM_CHECKS = []
    assert "cognito_mfa.E011" in {message.id for message in checks.run_checks()}
    settings.DEBUG = True
    assert "cognito_mfa.E011" not in {message.id for message in checks.run_checks()}


def test_https_and_debug_are_fine_endpoints(settings: Settings) -> None:
    conf(settings, ENDPOINT_URL="https://vpce-1.cognito-idp.eu-west-1.vpce.amazonaws.com")
    assert found() == {}
    conf(settings, ENDPOINT_URL="http://127.0.0.1:9229")
    settings.DEBUG = True
    assert found() == {}


def test_the_checks_are_bound_to_manage_py_check(settings: Settings) -> None:
    conf(settings, CLIENT="x")
    with pytest.raises(SystemCheckError, match=r"cognito_mfa\.E002"):
        call_command("check")
