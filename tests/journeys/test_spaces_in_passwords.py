"""Passwords go to Cognito as they were typed: spaces inside belong to them, spaces around them never do."""

from __future__ import annotations

import pytest
from django.urls import reverse

from cognito_mfa.local.pool import LocalPool
from tests.visitor import Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")

PHRASES = [
    "Correct horse battery 7!",
    "Tab\there-77",
    "No-break\u00a0space-7A",
    "Ünïcode Pässwörd 7!",
    "Emoji \U0001f434 horse 7A",
    "Aa1!" + " b" * 126,
]


@pytest.mark.over_api
@pytest.mark.parametrize("password", PHRASES, ids=ascii)
def test_a_password_with_spaces_signs_in(pool: LocalPool, visitor: Visitor, password: str) -> None:
    """aws-amplify/amplify-swift#3129: people use them, and Cognito accepts them."""
    pool.create_user("ada", password=password)

    assert visitor.sign_in("ada", password).url == reverse("cognito_mfa:setup")
    visitor.scan()
    visitor.confirm_setup()
    assert visitor.is_in()


@pytest.mark.over_api
@pytest.mark.parametrize("password", PHRASES, ids=ascii)
def test_one_with_spaces_can_be_chosen(pool: LocalPool, visitor: Visitor, password: str) -> None:
    """cds-snc/platform-forms-client#5635: the server's own pattern allows spaces inside."""
    pool.create_user("invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited", "Temporary-1")
    both = {"new_password1": password, "new_password2": password}
    response = visitor.post(reverse("cognito_mfa:new_password"), both)

    assert response.url == reverse("cognito_mfa:setup")
    visitor.sign_out()
    assert visitor.sign_in("invited", password).url == reverse("cognito_mfa:setup")


@pytest.mark.parametrize("pasted", ["Temp-Pass-77 ", " Temp-Pass-77", "\tTemp-Pass-77\r\n"])
def test_spaces_around_a_pasted_password_are_left_out(
    pool: LocalPool, visitor: Visitor, pasted: str
) -> None:
    """ustaxcourt/ef-cms#8698: a temporary password is copied with the space behind it."""
    pool.create_user("invited", password="Temp-Pass-77", status="FORCE_CHANGE_PASSWORD")

    assert visitor.sign_in("invited", pasted).url == reverse("cognito_mfa:new_password")


@pytest.mark.parametrize(
    "password", [" Correct-Horse-7", "Correct-Horse-7 ", "Correct-Horse-7\u200b"]
)
def test_a_new_password_with_an_outer_space_is_named(
    pool: LocalPool, visitor: Visitor, password: str
) -> None:
    """What sign-ins leave out would lock out the user who chose it."""
    pool.create_user("invited", password="Temporary-1", status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("invited", "Temporary-1")
    both = {"new_password1": password, "new_password2": password}
    response = visitor.post(reverse("cognito_mfa:new_password"), both)

    assert response.status_code == 200
    assert "begin or end with a space" in visitor.text(response)
    assert visitor.cognito.operations()[-1] in (
        "InitiateAuth",
        "AdminInitiateAuth",
        "RespondToAuthChallenge",
    )
    assert pool.user("invited").status == "FORCE_CHANGE_PASSWORD"


def test_no_password_field_cuts_a_paste(pool: LocalPool, visitor: Visitor) -> None:
    page = visitor.text(visitor.get(reverse("cognito_mfa:sign_in")))

    assert 'type="password"' in page
    assert "maxlength" not in page.split('name="password"')[1].split(">")[0]
    assert "at most 256" in visitor.text(visitor.sign_in("ada", "x" * 257))
