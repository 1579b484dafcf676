"""The proof by itself; what it opens and when it ends is in the journeys and the attacks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase

from cognito_mfa.enforcement import proof
from cognito_mfa.models import CognitoIdentity
from tests.visitor import POOL_ID


@pytest.mark.django_db
def test_it_is_of_the_same_user_when_the_key_came_as_text() -> None:
    """As where a resolver makes a user whose key is a claim: only the database makes a number of it."""
    user = User.objects.create_user("ada")
    identity = CognitoIdentity(user_id=str(user.pk), pool_id=POOL_ID, sub="a1", username="ada")
    session = SessionBase()
    proof.write(session, identity, method="SOFTWARE_TOKEN_MFA")
    identity.user_id = user.pk
    assert proof.holds(session[proof.KEY], identity)
