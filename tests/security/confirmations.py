"""Two accounts, and the page on which a person confirms that both are theirs."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import MFAEvent
from tests.visitor import PASSWORD, Visitor

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


LINK, SIGN_IN = "cognito_mfa:link", "cognito_mfa:sign_in"


def resolve_by(settings: Settings, resolver: Any) -> None:
    if isinstance(resolver, str):
        resolver = f"cognito_mfa.sign_in.linking.{resolver}"
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "USER_RESOLVER": resolver}


def refusals() -> list[str]:
    events = MFAEvent.objects.filter(kind="LINK_REFUSED").order_by("pk")
    return list(events.values_list("reason", flat=True))


@pytest.fixture
def anna(db: None) -> Any:
    return get_user_model().objects.create_user("anna", "anna@example.com", "Local-Horse-7")


@pytest.fixture
def browser(visitor: Visitor, settings: Settings, anna: Any) -> Visitor:
    """Anna's, who is signed in by a password of the site's own; another user comes to it."""
    resolve_by(settings, "by_signed_in_user")
    assert visitor.client.login(username="anna", password="Local-Horse-7")
    return visitor


def bob(pool: LocalPool) -> None:
    attributes = {"email": "bob@example.com", "email_verified": "true"}
    pool.create_user("bob", password=PASSWORD, attributes=attributes)
