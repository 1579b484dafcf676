"""What a pool requires to know of invited people: the right field for each, and refusals where they belong."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest
from django.urls import reverse

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.errors import (
    AliasExistsException,
    CognitoError,
    InvalidParameterException,
    NotAuthorizedException,
)
from cognito_mfa.local.pool import LocalPool
from tests.visitor import CLIENT_ID, POOL_ID, Visitor

TEMPORARY, CHOSEN = "Temporary-1", "My-own-Horse-8"


def invite(
    cognito: LocalCognito, *names: str, pool: Mapping[str, Any] | None = None, **user: Any
) -> LocalPool:
    settings = {"mfa": "ON", "required_attributes": list(names), **(pool or {})}
    made = cognito.create_pool(POOL_ID, **settings)
    made.create_client(CLIENT_ID)
    made.create_user("ada", password=TEMPORARY, status="FORCE_CHANGE_PASSWORD", **user)
    return made


def choose(visitor: Visitor, **attributes: str) -> Any:
    data = {"new_password1": CHOSEN, "new_password2": CHOSEN, **attributes}
    return visitor.post(reverse("cognito_mfa:new_password"), data)


@pytest.mark.parametrize(
    ("name", "typed", "stored"),
    [
        ("phone_number", "+49 171 1234567", "+491711234567"),
        ("phone_number", "+1 (555) 555-0100", "+15555550100"),
        ("phone_number", "\u202a+1\u202f555\u2011555\u20110100\u202c", "+15555550100"),
        (
            "phone_number",
            "+491711234567".translate({0x2B: 0xFF0B, **{48 + n: 0x0660 + n for n in range(10)}}),
            "+491711234567",
        ),
        ("birthdate", "1990-12-31", "1990-12-31"),
        ("email", " ada@example.com ", "ada@example.com"),
        ("website", "example.com/ada", "https://example.com/ada"),
        ("locale", "pt-BR", "pt-BR"),
        ("zoneinfo", "Europe/Berlin", "Europe/Berlin"),
        ("gender", "non-binary", "non-binary"),
        ("address", "1 Main Street\r\nAnytown", "1 Main Street\r\nAnytown"),
        ("given_name", "A" * 2048, "A" * 2048),
    ],
)
def test_each_attribute_is_taken_as_people_write_it(
    cognito: LocalCognito, visitor: Visitor, name: str, typed: str, stored: str
) -> None:
    """amazon-archives/amazon-cognito-identity-js#316, qwigo/warrant#51."""
    pool = invite(cognito, name)
    visitor.sign_in("ada", TEMPORARY)

    assert choose(visitor, **{name: typed}).url == reverse("cognito_mfa:setup")
    assert pool.user("ada").attributes[name] == stored


@pytest.mark.parametrize(
    ("name", "typed", "told"),
    [
        ("phone_number", "0171 1234", "country code"),
        ("phone_number", "+49 171 CALL-ME", "country code"),
        ("phone_number", "+0171123456", "country code"),
        ("birthdate", "31.12.1990", "valid date"),
        ("birthdate", "2990-01-01", "in the future"),
        ("email", "ada at example.com", "name@example.com"),
        ("website", "not a website", "valid URL"),
        ("locale", "xx-XX", "valid choice"),
        ("zoneinfo", "Berlin", "valid choice"),
        ("given_name", "A" * 2049, "at most 2048"),
    ],
)
def test_what_cannot_be_one_is_said_at_the_field_before_anything_is_sent(
    cognito: LocalCognito, visitor: Visitor, name: str, typed: str, told: str
) -> None:
    """awslabs/aws-cognito-angular-quickstart#116 and #152."""
    invite(cognito, name)
    visitor.sign_in("ada", TEMPORARY)
    visitor.cognito.forget_calls()
    response = choose(visitor, **{name: typed})

    assert response.status_code == 200
    assert f'id="id_{name}_error"' in visitor.text(response)
    assert told in visitor.text(response)
    assert visitor.cognito.operations() == []


@pytest.mark.parametrize(
    ("name", "value", "error", "told"),
    [
        ("phone_number", "+15555550100", InvalidParameterException("Invalid phone number format."), "accepted"),
        ("email", "a@b", InvalidParameterException("Invalid email address format."), "accepted"),
        ("birthdate", "1990-12-31", InvalidParameterException(
            "Attributes did not conform to the schema: birthdate: too odd"), "accepted"),
        ("address", "1 Main Street", InvalidParameterException(
            "Attributes did not conform to the schema: addresses: The attribute addresses is required"), "accepted"),
        ("birthdate", "1990-12-31", InvalidParameterException(
            "Invalid user attributes: birthdate: Value must be a date\n"), "accepted"),
        ("email", "a@b.c", NotAuthorizedException("Cannot modify an already provided email"), "already has this"),
        ("email", "c@d.e", InvalidParameterException("Cannot modify an already provided email"), "already has this"),
        ("email", "a@b.c", AliasExistsException("An account with the given email already exists."), "can’t use this value"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_cognito_refuses_is_said_at_the_field_and_the_step_goes_on(
    cognito: LocalCognito,
    visitor: Visitor,
    caplog: pytest.LogCaptureFixture,
    name: str,
    value: str,
    error: CognitoError,
    told: str,
) -> None:
    """aws-samples/aws-saas-factory-bootcamp#67: Cognito calls it NotAuthorizedException."""
    pool = invite(cognito, name)
    visitor.sign_in("ada", TEMPORARY)
    refusal = faults.Error(error.code, str(error))
    cognito.faults.on("RespondToAuthChallenge", refusal, times=1)
    with caplog.at_level(logging.WARNING):
        response = choose(visitor, **{name: value})

    assert response.status_code == 200
    page = visitor.text(response)
    assert f'id="id_{name}_error"' in page
    assert told in page
    assert str(error) not in page
    assert "schema" in caplog.text
    assert "ExplicitAuthFlows" not in caplog.text

    assert choose(visitor, **{name: value}).url == reverse("cognito_mfa:setup")
    assert pool.user("ada").status == "CONFIRMED"


@pytest.mark.parametrize(
    ("declared", "value", "told", "right"),
    [
        ({"MinLength": "3"}, "Al", "at least 3 characters", "Ada"),
        ({"MaxLength": "5"}, "Augusta", "at most 5 characters", "Ada"),
        # Cognito counts four where Python counts two.
        ({"MaxLength": "3"}, "\U0001f600\U0001f600", "wasn’t accepted", "Ada"),
    ],
    ids=["short", "long", "counted otherwise"],
)
def test_a_value_outside_the_limits_of_the_pool_is_said_at_the_field(
    cognito: LocalCognito,
    visitor: Visitor,
    declared: dict[str, str],
    value: str,
    told: str,
    right: str,
) -> None:
    """The schema of a pool may be narrower than the standard; only Cognito knows it."""
    schema = [
        {
            "Name": "given_name",
            "AttributeDataType": "String",
            "Required": True,
            "StringAttributeConstraints": declared,
        }
    ]
    pool = invite(cognito, "birthdate", pool={"schema": schema})
    visitor.sign_in("ada", TEMPORARY)
    response = choose(visitor, given_name=value, birthdate="1990-12-31")

    assert response.status_code == 200
    page = visitor.text(response)
    assert told in page.split('id="id_given_name_error"')[1].split("</")[0]
    assert "id_birthdate_error" not in page
    assert pool.user("ada").attributes == {}
    done = choose(visitor, given_name=right, birthdate="1990-12-31")
    assert done.url == reverse("cognito_mfa:setup")
    assert pool.user("ada").attributes["given_name"] == right


def test_a_fixed_attribute_that_is_there_already_may_be_left_empty(
    cognito: LocalCognito, visitor: Visitor
) -> None:
    """Cognito calls an attribute that cannot be changed non-mutable."""
    fixed = {"Name": "nickname", "Required": True, "Mutable": False}
    pool = invite(cognito, "given_name", pool={"schema": [fixed]})
    visitor.sign_in("ada", TEMPORARY)
    pool.user("ada").attributes["nickname"] = "Countess"  # by an administrator, a moment ago
    refused = choose(visitor, nickname="Evil", given_name="Ada")
    assert "already has this" in visitor.text(refused)
    assert choose(visitor, given_name="Ada").url == reverse("cognito_mfa:setup")
    assert pool.user("ada").attributes["nickname"] == "Countess"


def test_a_pool_that_cannot_send_texts_is_no_fault_of_the_number(
    cognito: LocalCognito, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    """aws-amplify/amplify-js#166: Cognito says so of the next step, and names the phone number first."""
    invite(cognito, "phone_number")
    visitor.sign_in("ada", TEMPORARY)
    text = (
        "Invalid phone number provided/Unable to send the message. "
        "User pool does not have SMS configuration to send messages."
    )
    refusal = faults.Error("InvalidParameterException", text)
    cognito.faults.on("RespondToAuthChallenge", refusal, times=1)
    response = choose(visitor, phone_number="+15555550100")

    assert response.answered == 503
    assert "id_phone_number_error" not in visitor.text(response)
    assert "attributes_rejected" not in caplog.text


def test_an_attribute_that_is_there_already_may_be_left_empty(
    cognito: LocalCognito, visitor: Visitor
) -> None:
    """The answer could never be right: Cognito refuses every value, the old one too."""
    pool = invite(cognito, "email", "given_name")
    visitor.sign_in("ada", TEMPORARY)
    pool.user("ada").attributes["email"] = "ada@example.com"  # by an administrator, a moment ago
    refused = choose(visitor, email="ada@example.com", given_name="Ada")
    assert "already has this" in visitor.text(refused)

    page = visitor.text(visitor.get(reverse("cognito_mfa:new_password")))
    assert " required" not in page.split('name="email"')[1].split(">")[0]
    assert " required" in page.split('name="given_name"')[1].split(">")[0]
    assert choose(visitor, given_name="Ada").url == reverse("cognito_mfa:setup")


def test_the_time_of_the_last_change_is_nothing_to_ask_people_for(
    cognito: LocalCognito, visitor: Visitor
) -> None:
    pool = invite(cognito, "updated_at")
    visitor.sign_in("ada", TEMPORARY)

    assert "updated_at" not in visitor.text(visitor.get(reverse("cognito_mfa:new_password")))
    assert choose(visitor).url == reverse("cognito_mfa:setup")
    assert pool.user("ada").attributes["updated_at"].isdecimal()


def test_a_client_that_may_not_write_them_is_the_operators_affair(
    cognito: LocalCognito, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    pool = cognito.create_pool(POOL_ID, mfa="ON", required_attributes=["given_name"])
    pool.create_client(CLIENT_ID, settings={"WriteAttributes": ["email"]})
    pool.create_user("ada", password=TEMPORARY, status="FORCE_CHANGE_PASSWORD")
    visitor.sign_in("ada", TEMPORARY)
    response = choose(visitor, given_name="Ada")

    assert response.answered == 503
    assert "WriteAttributes" in caplog.text


def test_browsers_know_what_to_fill_in(cognito: LocalCognito, visitor: Visitor) -> None:
    invite(cognito, "phone_number", "birthdate", "email", "given_name", "website", "zoneinfo")
    visitor.sign_in("ada", TEMPORARY)
    page = visitor.text(visitor.get(reverse("cognito_mfa:new_password")))

    for attribute in (
        'type="tel"', 'autocomplete="tel"', 'type="date"', 'autocomplete="bday"', 'type="email"',
        'autocomplete="email"', 'autocomplete="given-name"', 'type="url"', "<select",
        'autocomplete="new-password"',
    ):  # fmt: skip
        assert attribute in page
