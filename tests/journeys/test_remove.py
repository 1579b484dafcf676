"""Turning the second factor off: where settings, policy and pool allow it, and Cognito confirms it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, SoftwareToken
from tests.visitor import PASSWORD, Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")

REMOVE, DEVICE = "cognito_mfa:device_remove", "cognito_mfa:device"


@pytest.fixture
def free(settings: Settings) -> None:
    """A site that leaves the second factor to its people."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False, "ALLOW_REMOVE": True}


@pytest.fixture
def person(optional_pool: LocalPool, visitor: Visitor, settings: Settings) -> Visitor:
    before = settings.COGNITO_MFA
    settings.COGNITO_MFA = {**before, "REQUIRED": "everyone"}
    visitor.set_up(friendly_name="Phone")
    settings.COGNITO_MFA = before
    return visitor


def remove(visitor: Visitor) -> Any:
    visitor.post(reverse(REMOVE), {"password": PASSWORD})
    return visitor.enter_code()


def test_password_and_code_turn_it_off(free: None, person: Visitor) -> None:
    assert reverse(REMOVE) in person.text(person.get(reverse(DEVICE)))
    page = person.text(person.get(reverse(REMOVE)))
    assert "anyone who knows your password" in page
    assert "Step 1 of 2" in page
    assert "Cancel" in page

    assert remove(person).url == reverse(DEVICE)

    assert person.cognito.operations() == [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "GetUserPoolMfaConfig",
        "SetUserMFAPreference",
        "GetUser",
    ]
    identity = CognitoIdentity.objects.get()
    assert identity.status == "NOT_SET_UP"
    assert identity.software_tokens.get().retired_because == "REMOVED"
    page = person.text(person.get(reverse(DEVICE)))
    assert "Two-step verification is off. You can delete the entry from your app." in page
    assert "only by your password" in page
    person.sign_out()
    person.sign_in()
    assert person.is_in()


def test_the_page_of_the_code_says_what_it_turns_off(free: None, person: Visitor) -> None:
    """The step that turns it off must not look like any other request for a code."""
    page = person.text(person.post(reverse(REMOVE), {"password": PASSWORD}, follow=True))
    assert "<h1>Turn off two-step verification</h1>" in page
    assert 'class="cognito-mfa-danger">Turn off two-step verification</button>' in page
    replaced = reverse("cognito_mfa:device_replace")
    page = person.text(person.post(replaced, {"password": PASSWORD}, follow=True))
    assert "<h1>Switch to a new phone</h1>" in page
    assert 'class="cognito-mfa-primary">Continue</button>' in page  # the QR code comes next


@pytest.mark.over_api
def test_the_person_is_written_to(
    free: None, person: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        remove(person)
    assert "turned off" in mail.outbox[-1].subject


def test_the_policy_forbids_it_and_the_page_says_so(person: Visitor) -> None:
    page = person.text(person.get(reverse(REMOVE)))
    assert "requires two-step verification for your account" in page
    assert 'name="password"' not in page
    assert "Step 1" not in page  # there is no way to go
    assert "Back to two-step verification" in page
    assert reverse(REMOVE) not in person.text(person.get(reverse(DEVICE)))
    person.cognito.forget_calls()
    assert person.post(reverse(REMOVE), {"password": PASSWORD}).url == reverse(REMOVE)
    assert person.cognito.operations() == []


def test_a_site_that_does_not_allow_it_says_so(person: Visitor, settings: Settings) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    assert "can’t turn off two-step verification yourself" in person.text(
        person.get(reverse(REMOVE))
    )


def test_a_pool_that_requires_mfa_forbids_it_before_anything_is_called(
    free: None, optional_pool: LocalPool, person: Visitor
) -> None:
    """Where MFA is required the call would answer 200 and change nothing."""
    optional_pool.state.mfa = "ON"
    response = remove(person)
    assert "requires two-step verification for all" in person.text(person.get(response.url))
    assert "SetUserMFAPreference" not in person.cognito.operations()
    assert SoftwareToken.objects.get().retired_at is None
    assert person.is_in()
