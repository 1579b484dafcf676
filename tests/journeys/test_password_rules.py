"""What a new password needs is said before it is typed, on every page where one is chosen."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import LocalCognito, PasswordPolicy, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import PoolPolicy
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

STRICT = PasswordPolicy(minimum_length=14, require_symbols=False, history=5)


@pytest.fixture
def strict(cognito: LocalCognito) -> LocalPool:
    pool = cognito.create_pool(POOL_ID, mfa="ON", policy=STRICT)
    pool.create_client(CLIENT_ID)
    verified = {"email": "newcomer@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=verified)
    pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    return pool


def pages(visitor: Visitor) -> list[str]:
    """Return the three pages on which a password is chosen."""
    visitor.come_with_app()
    change = visitor.text(visitor.get(reverse("cognito_mfa:password_change")))
    visitor.sign_out()
    visitor.post(reverse("cognito_mfa:password_reset"), {"username": "newcomer"})
    reset = visitor.text(visitor.get(reverse("cognito_mfa:password_reset_confirm")))
    visitor.sign_in("invited")
    return [change, reset, visitor.text(visitor.get(reverse("cognito_mfa:new_password")))]


def test_the_rules_are_read_from_the_pool_and_shown(strict: LocalPool, visitor: Visitor) -> None:
    call_command("cognito_mfa_sync", verbosity=0)
    for page in pages(visitor):
        assert "At least 14 characters" in page
        assert "An uppercase letter" in page
        assert "A symbol" not in page
        assert "you’ve used before" in page
    operations = set(visitor.cognito.operations())
    assert "DescribeUserPool" not in operations


def test_a_setting_goes_before(strict: LocalPool, visitor: Visitor, settings: Settings) -> None:
    call_command("cognito_mfa_sync", verbosity=0)
    rules = {"length": 20, "symbol": True}
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PASSWORD_RULES": rules}
    for page in pages(visitor):
        assert "At least 20 characters" in page
        assert "A symbol, such as" in page
        assert "An uppercase" not in page


def test_where_nothing_is_known_nothing_is_claimed(strict: LocalPool, visitor: Visitor) -> None:
    refusal = faults.Error("AccessDeniedException")
    visitor.cognito.faults.on("DescribeUserPool", refusal)
    call_command("cognito_mfa_sync", verbosity=2)
    for page in pages(visitor):
        assert "At least" not in page
        assert "Use a long password" in page


def test_rules_of_another_pool_or_version_are_none(strict: LocalPool, visitor: Visitor) -> None:
    PoolPolicy.objects.create(pool_id="us-east-1_Other0000", password_rules={"length": 30})
    PoolPolicy.objects.create(pool_id=POOL_ID, password_rules={"odd": 30})
    assert all("At least" not in page for page in pages(visitor))


def test_a_check_says_where_both_differ(strict: LocalPool, db: None, settings: Settings) -> None:
    def found() -> list[Any]:
        messages = checks.run_checks(databases=["default"], include_deployment_checks=True)
        return [message for message in messages if message.id == "cognito_mfa.W038"]

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PASSWORD_RULES": {"length": 8}}
    assert found() == []
    call_command("cognito_mfa_sync", verbosity=0)
    [message] = found()
    assert "'length': 14" in message.hint
    same = PoolPolicy.objects.get().password_rules
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "PASSWORD_RULES": same}
    assert found() == []


def test_a_site_whose_people_sign_in_elsewhere_has_no_pages(
    strict: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
    assert visitor.get(reverse("cognito_mfa:password_reset")).status_code == 404
    assert "Forgot" not in visitor.text(visitor.get(reverse("cognito_mfa:sign_in")))


def test_a_password_that_is_too_short_is_told_the_length(
    strict: LocalPool, visitor: Visitor
) -> None:
    data = {"new_password1": "Sh0rt", "new_password2": "Sh0rt"}
    visitor.sign_in("invited")
    page = visitor.text(visitor.post(reverse("cognito_mfa:new_password"), data))
    assert "Your password is too short." in page
    assert "characters" not in page
    call_command("cognito_mfa_sync", verbosity=0)
    page = visitor.text(visitor.post(reverse("cognito_mfa:new_password"), data))
    assert "Your password is too short. Use at least 14 characters." in page
