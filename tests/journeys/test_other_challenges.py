"""Journey 9: other second factors are answered; what we do not know is told, and is no sign-in."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator import status
from cognito_mfa.enforcement import rollout
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.reports import overview
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH", "USER_SRP_AUTH")

CHALLENGE = "cognito_mfa:challenge"


@pytest.fixture
def many_ways(cognito: LocalCognito) -> LocalPool:
    """A pool that requires MFA and offers every factor."""
    pool = cognito.create_pool(POOL_ID, mfa="ON", sms=True, email=True)
    pool.create_client(CLIENT_ID)
    return pool


@pytest.mark.over_api
@pytest.mark.parametrize(
    ("attributes", "challenge", "told"),
    [
        ({"phone_number": "+15555550839"}, "SMS_MFA", "text message"),
        ({"email": "someone@example.com"}, "EMAIL_OTP", "email"),
    ],
)
def test_a_code_that_was_sent_is_asked_for_on_the_same_page(
    many_ways: LocalPool,
    visitor: Visitor,
    attributes: dict[str, str],
    challenge: str,
    told: str,
) -> None:
    many_ways.create_user("somebody", password=PASSWORD, attributes=attributes)
    assert visitor.sign_in("somebody", next_url="/private/").url == reverse(CHALLENGE)
    page = visitor.text(visitor.get(reverse(CHALLENGE)))
    message = visitor.cognito.outbox[-1]
    assert told in page
    assert message.destination not in page  # masked by Cognito

    wrong = "000000" if message.code != "000000" else "000001"
    response = visitor.enter_code(wrong)
    assert "latest code we sent" in visitor.text(response)
    assert visitor.enter_code(message.code).url == "/private/"

    assert visitor.is_in()
    assert visitor.client.session["_cognito_mfa_proof"]["method"] == challenge


@pytest.mark.parametrize(
    ("attributes", "told"),
    [
        ({"phone_number": "+15555550839"}, "sent to your phone"),
        ({"email": "someone@example.com"}, "sent to your email address"),
    ],
)
def test_people_who_get_their_codes_sent_are_not_called_unprotected(
    many_ways: LocalPool,
    visitor: Visitor,
    attributes: dict[str, str],
    told: str,
) -> None:
    """aws-amplify/amplify-ui#3767, aws-amplify/amplify-js#11260: "password alone" after a code by text message."""
    many_ways.create_user("somebody", password=PASSWORD, attributes=attributes)
    visitor.sign_in("somebody")
    visitor.enter_code(visitor.cognito.outbox[-1].code)
    page = visitor.text(visitor.get(reverse("cognito_mfa:device")))
    assert told in page
    assert "only by your password" not in page
    numbers = overview.measure()
    assert (numbers.all_users.enabled, numbers.all_users.missing) == (1, 0)
    assert list(rollout.preview()) == []

    # Cognito lists no factor of theirs, and asks for a code at each sign-in all the same.
    status.refresh_status(CognitoIdentity.objects.get())
    assert told in visitor.text(visitor.get(reverse("cognito_mfa:device")))


def test_a_sign_in_without_a_code_ends_what_was_known_of_sent_ones(
    many_ways: LocalPool, visitor: Visitor, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "REQUIRED": False}
    attributes = {"phone_number": "+15555550839"}
    many_ways.create_user("somebody", password=PASSWORD, attributes=attributes)
    visitor.sign_in("somebody")
    visitor.enter_code(visitor.cognito.outbox[-1].code)
    many_ways.state.mfa = "OPTIONAL"
    visitor.sign_out()
    visitor.sign_in("somebody")
    assert visitor.is_in()
    assert "only by your password" in visitor.text(visitor.get(reverse("cognito_mfa:device")))
    assert overview.measure().all_users.missing == 1


@pytest.mark.over_api
def test_the_person_chooses_between_factors(many_ways: LocalPool, visitor: Visitor) -> None:
    attributes = {"phone_number": "+15555550839", "email": "someone@example.com"}
    many_ways.create_user("somebody", password=PASSWORD, attributes=attributes)
    visitor.sign_in("somebody", next_url="/private/")
    page = visitor.text(visitor.get(reverse(CHALLENGE)))
    assert 'value="SMS_MFA"' in page
    assert 'value="EMAIL_OTP"' in page

    refused = visitor.post(reverse(CHALLENGE), {"factor": "SOFTWARE_TOKEN_MFA"})
    assert refused.status_code == 200
    empty = visitor.post(reverse(CHALLENGE), {})
    assert empty.status_code == 200
    assert visitor.cognito.operations() == ["InitiateAuth"]

    chosen = visitor.post(reverse(CHALLENGE), {"factor": "EMAIL_OTP"})
    assert chosen.url == reverse(CHALLENGE)
    assert visitor.enter_code(visitor.cognito.outbox[-1].code).url == "/private/"
    assert visitor.is_in()
    assert visitor.cognito.operations() == [
        "InitiateAuth",
        "RespondToAuthChallenge",
        "RespondToAuthChallenge",
    ]


UNKNOWN = [
    "CUSTOM_CHALLENGE",
    "DEVICE_SRP_AUTH",
    "DEVICE_PASSWORD_VERIFIER",
    "PASSWORD_VERIFIER",
    "ADMIN_NO_SRP_AUTH",
    "SMS_OTP",
    "PASSWORD",
    "PASSWORD_SRP",
    "WEB_AUTHN",
    "NEW_2027",
    "<script>alert(1)</script>",
]


@pytest.mark.over_api
@pytest.mark.parametrize("name", UNKNOWN)
def test_every_other_challenge_gets_a_clear_page_and_no_sign_in(
    pool: LocalPool, visitor: Visitor, name: str
) -> None:

    def ask_for_something_else(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "ChallengeName": name}

    visitor.cognito.faults.on("InitiateAuth", faults.Edit(ask_for_something_else))

    response = visitor.sign_in()

    assert response.answered == 403
    assert "doesn’t support" in visitor.text(response)
    assert "<script>alert" not in visitor.text(response)
    assert not visitor.is_in()
    assert not get_user_model().objects.exists()
    assert visitor.cognito.operations() == ["InitiateAuth"]


@pytest.mark.over_api
@pytest.mark.parametrize("factors", ['["EMAIL_OTP"]', '["SMS_MFA"]'])
def test_a_set_up_that_offers_no_authenticator_app_is_told(
    pool: LocalPool, visitor: Visitor, factors: str
) -> None:
    def offer_others(answer: dict[str, Any]) -> dict[str, Any]:
        parameters = {**answer["ChallengeParameters"], "MFAS_CAN_SETUP": factors}
        return {**answer, "ChallengeParameters": parameters}

    visitor.cognito.faults.on("InitiateAuth", faults.Edit(offer_others))

    assert visitor.sign_in().answered == 403
    assert visitor.cognito.operations() == ["InitiateAuth"]


@pytest.mark.parametrize("factors", [["SOFTWARE_TOKEN_MFA"], "not json", 7, None])
def test_odd_lists_of_what_can_be_set_up_are_no_obstacle(
    pool: LocalPool, visitor: Visitor, factors: object
) -> None:
    """Emulators send a list where Cognito sends JSON text."""

    def offer_oddly(answer: dict[str, Any]) -> dict[str, Any]:
        parameters = {**answer["ChallengeParameters"], "MFAS_CAN_SETUP": factors}
        return {**answer, "ChallengeParameters": parameters}

    visitor.cognito.faults.on("InitiateAuth", faults.Edit(offer_oddly))

    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup()
    assert visitor.is_in()


@pytest.mark.over_api
@pytest.mark.parametrize("way", ["code", "setup"])
def test_a_challenge_that_never_names_the_user(
    cognito: LocalCognito, visitor: Visitor, way: str
) -> None:
    """Several emulators do so: the tokens' own name is taken, after a sign-in with an alias."""
    pool = cognito.create_pool(POOL_ID, mfa="ON", alias_attributes=["email"])
    pool.create_client(CLIENT_ID)
    attributes = {"email": "ada@example.com", "email_verified": "true"}
    pool.create_user("ada", password=PASSWORD, attributes=attributes)
    if way == "code":
        visitor.secret = pool.register_software_token("ada")

    def nameless(reply: dict[str, Any]) -> dict[str, Any]:
        told = reply.get("ChallengeParameters", {})
        kept = {name: value for name, value in told.items() if name != "USER_ID_FOR_SRP"}
        return {**reply, "ChallengeParameters": kept} if told else reply

    cognito.faults.on("InitiateAuth", faults.Edit(nameless))
    visitor.sign_in("ada@example.com")
    if way == "code":
        visitor.enter_code()
    else:
        visitor.scan()
        visitor.confirm_setup()
    assert visitor.is_in()
    assert CognitoIdentity.objects.get().username == "ada"
