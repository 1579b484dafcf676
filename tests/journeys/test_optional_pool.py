"""Journey 3: the pool leaves MFA to the site, and the site's policy requires it."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.visitor import Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")

Status = CognitoIdentity.Status


@pytest.mark.over_api
def test_tokens_come_at_once_and_lead_into_the_set_up(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    response = visitor.sign_in(next_url="/private/")
    assert response.url == reverse("cognito_mfa:setup")
    assert not visitor.is_in()

    visitor.scan()
    visitor.confirm_setup(friendly_name="Phone")

    assert visitor.is_in()
    assert visitor.cognito.operations() == [
        "InitiateAuth",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "SetUserMFAPreference",
    ]
    assert all("Session" not in call.parameters for call in visitor.cognito.calls)
    identity = CognitoIdentity.objects.get()
    assert (identity.status, identity.preferred_factor) == (Status.ENABLED, "SOFTWARE_TOKEN_MFA")

    visitor.cognito.clock.advance(30)
    visitor.sign_out()
    assert visitor.sign_in().url == reverse("cognito_mfa:challenge")


@pytest.mark.over_api
def test_leaving_half_way_leaves_the_old_state_and_the_gate_holds(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.post(reverse("cognito_mfa:setup_cancel"))

    assert not visitor.is_in()
    assert CognitoIdentity.objects.get().status == Status.NOT_SET_UP
    assert optional_pool.user("newcomer").software_token is None

    assert visitor.sign_in().url == reverse("cognito_mfa:setup")


@pytest.mark.over_api
def test_people_outside_the_policy_are_in_with_the_password(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": {"groups": ["Editors"]}}

    visitor.sign_in(next_url="/private/")

    assert visitor.is_in()
    assert visitor.cognito.operations() == ["InitiateAuth"]

    user = get_user_model().objects.get()
    user.groups.add(Group.objects.create(name="Editors"))
    assert not visitor.is_in()


def test_observing_stops_no_one(
    optional_pool: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "ENFORCEMENT": "observe"}

    visitor.sign_in()

    assert visitor.is_in()


@pytest.mark.over_api
def test_a_lost_preference_is_made_good_at_the_next_sign_in(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    visitor.cognito.faults.on("SetUserMFAPreference", faults.Timeout(executed=False), times=3)
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup(friendly_name="Phone")
    assert visitor.is_in()
    assert CognitoIdentity.objects.get().status == Status.UNKNOWN

    visitor.sign_out()
    visitor.cognito.clock.advance(30)
    visitor.cognito.forget_calls()
    assert visitor.sign_in().url == reverse("cognito_mfa:challenge")
    visitor.enter_code()

    assert visitor.is_in()
    assert visitor.cognito.operations() == [
        "InitiateAuth",
        "SetUserMFAPreference",
        "InitiateAuth",
        "RespondToAuthChallenge",
    ]
    identity = CognitoIdentity.objects.get()
    assert identity.status == Status.ENABLED
    assert identity.software_tokens.count() == 1


@pytest.mark.over_api
@pytest.mark.parametrize("executed", [True, False])
def test_a_confirmation_whose_answer_was_lost_is_cleared_up_at_the_next_sign_in(
    optional_pool: LocalPool, visitor: Visitor, executed: bool
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.cognito.faults.on("VerifySoftwareToken", faults.Timeout(executed=executed), times=1)
    response = visitor.confirm_setup()
    assert response.answered == 503
    assert not visitor.is_in()
    assert CognitoIdentity.objects.get().status == Status.UNKNOWN
    assert visitor.cognito.operations().count("VerifySoftwareToken") == 1

    visitor.cognito.clock.advance(30)
    came_to = visitor.sign_in().url
    if executed:
        assert came_to == reverse("cognito_mfa:challenge")
        visitor.enter_code()
    else:
        assert came_to == reverse("cognito_mfa:setup")
        visitor.scan()
        visitor.confirm_setup()
    assert visitor.is_in()
