"""The site whose users are refused where anything is missing: a page, and no one half made."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.visitor import PASSWORD, Visitor


@pytest.mark.parametrize(
    "attributes",
    [
        {"email": "ada@example.com", "email_verified": "false"},
        {"email": f"{'a' * 50}@example.com", "email_verified": "true"},
        {},
    ],
    ids=["not verified", "too long", "none"],
)
def test_whom_the_users_refuse_is_told_so(
    pool: LocalPool, visitor: Visitor, attributes: dict[str, str]
) -> None:
    """`makinacorpus/django_pyoidc#35`, `omab/django-social-auth#549`: a server error at each sign-in."""
    pool.create_user("ada", password=PASSWORD, attributes=attributes)
    visitor.secret = pool.register_software_token("ada")
    for _sign_in in range(2):
        visitor.sign_in("ada")
        assert visitor.enter_code().answered == 403
        visitor.cognito.clock.advance(30)
    assert visitor.get(reverse("cognito_mfa:sign_in")).status_code == 200
    assert not get_user_model()._default_manager.exists()
    assert not CognitoIdentity.objects.exists()
