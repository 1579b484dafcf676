"""Journey 1: the pool requires MFA, and the person has none yet."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")


def test_a_new_person_scans_confirms_and_is_in(pool: LocalPool, visitor: Visitor) -> None:
    response = visitor.sign_in(next_url="/private/")
    assert response.url == reverse("cognito_mfa:setup")
    secret = visitor.scan()
    page = visitor.text(visitor.get(reverse("cognito_mfa:setup")))
    assert "<svg" in page
    assert f"<span>{secret[:4]}</span> <span>{secret[4:8]}</span>" in page

    wrong = visitor.confirm_setup(visitor.wrong_code(), friendly_name="Work phone")
    assert wrong.status_code == 200
    assert "didn’t work" in visitor.text(wrong)
    assert 'value="Work phone"' in visitor.text(wrong)
    assert visitor.scan() == secret

    right = visitor.confirm_setup(friendly_name="Work phone")
    assert right.url == reverse("cognito_mfa:setup_done") + "?next=%2Fprivate%2F"
    assert 'href="/private/"' in visitor.text(visitor.get(right.url))
    assert visitor.is_in()

    assert visitor.cognito.operations() == [
        "InitiateAuth",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "VerifySoftwareToken",
        "RespondToAuthChallenge",
        "SetUserMFAPreference",
    ]
    identity = CognitoIdentity.objects.get()
    assert identity.user == get_user_model().objects.get(username="newcomer")
    assert identity.status == CognitoIdentity.Status.ENABLED
    assert identity.software_token is not None
    assert identity.software_token.friendly_name == "Work phone"


@pytest.mark.over_api
def test_the_password_alone_opens_nothing(pool: LocalPool, visitor: Visitor) -> None:
    visitor.sign_in("newcomer", PASSWORD)
    assert visitor.get("/private/").status_code == 302
    assert not get_user_model().objects.exists()
