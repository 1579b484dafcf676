"""A site whose only backend is its own, made of ours: whatever the settings call it, people can sign in."""

from __future__ import annotations

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.models import User
from django.core import checks
from pytest_django import Settings

from cognito_mfa.enforcement import url_map
from cognito_mfa.models import CognitoIdentity
from tests.visitor import Visitor

NAMES = ["DerivedBackend", "WidenedBackend", "make_backend", "renamed"]


@pytest.fixture(params=NAMES)
def backend(request: pytest.FixtureRequest, settings: Settings) -> str:
    path: str = f"tests.backends.{request.param}"
    settings.AUTHENTICATION_BACKENDS = [path]
    return path


@pytest.mark.usefixtures("pool")
def test_a_first_and_a_later_sign_in(visitor: Visitor, backend: str) -> None:
    visitor.set_up()
    assert visitor.is_in()
    assert visitor.client.session[BACKEND_SESSION_KEY] == backend
    visitor.sign_out()
    assert not visitor.is_in()

    visitor.sign_in()
    assert not visitor.is_in()
    visitor.enter_code()
    assert visitor.is_in()


@pytest.mark.usefixtures("pool")
def test_who_is_shut_out_at_cognito_is_shut_out_here(visitor: Visitor, backend: str) -> None:
    visitor.set_up()
    CognitoIdentity.objects.update(status=CognitoIdentity.Status.GONE)
    assert not visitor.is_in()


@pytest.mark.usefixtures("pool")
def test_trust_lets_no_session_of_ours_pass(
    visitor: Visitor, backend: str, settings: Settings
) -> None:
    """A session that answered no code, as while a site observes: no word in the settings makes it proven."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "TRUSTED_BACKENDS": {backend: "elsewhere"}}
    user = User.objects.create_user("ada")
    visitor.client.force_login(user, backend=backend)
    assert not visitor.is_in()
    told = {message.id for message in checks.run_checks()}
    assert "cognito_mfa.E028" in told
    assert "cognito_mfa.E008" not in told


def test_the_site_is_right(backend: str) -> None:
    assert "cognito_mfa.E008" not in {message.id for message in checks.run_checks()}
    assert {entry.state for entry in url_map.entries()} == {"gated", "exempt"}
