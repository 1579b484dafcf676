"""Disabled in the pool: a session that another package's sign-in at Cognito opened ends as ours do."""

from __future__ import annotations

import pytest
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator import status
from cognito_mfa.models import CognitoIdentity
from tests.other_sign_ins.person import Person
from tests.visitor import POOL_ID

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("enforcement", ["enforce", "off"])
def test_a_session_of_managed_login_ends(
    enforcement: str, person: Person, mozilla: Settings
) -> None:
    """Turns red without ``is_cognitos`` in ``gate._end_reason_without_user``."""
    mozilla.COGNITO_MFA = {**mozilla.COGNITO_MFA, "REQUIRED": False, "ENFORCEMENT": enforcement}
    person.arrive()
    assert person.is_in()
    person.cognito.client().admin_disable_user(UserPoolId=POOL_ID, Username="newcomer")
    status.refresh_status(CognitoIdentity.objects.get())

    answer = person.get("/private/", follow=True)

    assert answer.redirect_chain[0][0].startswith(reverse("cognito_mfa:sign_in"))
    assert "was disabled" in person.text(answer)
    assert "_auth_user_id" not in person.client.session
