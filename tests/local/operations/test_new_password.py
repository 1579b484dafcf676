"""NEW_PASSWORD_REQUIRED, and what its answer may contain.

The facts are in "Refused input" and "Limits of input" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from tests.local.caller import CLIENT_ID, POOL_ID, Caller, refused

PATTERN = (
    "1 validation error detected: Value at 'password' failed to satisfy constraint: "
    r"Member must satisfy regular expression pattern: ^[\S]+.*[\S]+$"
)


def challenged(cognito: LocalCognito, caller: Caller, *required: str, **attributes: str) -> str:
    """Return the session of a user who must choose a password."""
    pool = cognito.create_pool(POOL_ID, mfa="OFF", required_attributes=list(required))
    pool.create_client(CLIENT_ID)
    invited = "FORCE_CHANGE_PASSWORD"
    pool.create_user("ada", password="Temporary-1", attributes=attributes, status=invited)
    session: str = caller.password("ada", "Temporary-1")["Session"]
    return session


def choose(caller: Caller, session: str, password: str = "My-own-Horse-8", **given: str) -> Any:
    values = {f"userAttributes.{name}": value for name, value in given.items()}
    return caller.respond("NEW_PASSWORD_REQUIRED", session, "ada", NEW_PASSWORD=password, **values)


@pytest.mark.parametrize("password", ["Correct horse battery 7!", "Tab\there-77"])
def test_passwords_may_have_spaces_inside(
    cognito: LocalCognito, caller: Caller, password: str
) -> None:
    session = challenged(cognito, caller)
    with refused("InvalidParameterException", PATTERN):
        choose(caller, session, f"{password} ")
    assert choose(caller, session, password)["AuthenticationResult"]
    assert caller.password("ada", password)["AuthenticationResult"]


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("phone_number", "0171 1234", "Invalid phone number format."),
        ("phone_number", "+49 171 1234", "Invalid phone number format."),
        ("email", "ada", "Invalid email address format."),
        ("birthdate", "1.1.1990", None),
        ("updated_at", "yesterday", None),
        ("given_name", "x" * 2049, None),
    ],
)
def test_a_value_must_have_the_format_of_its_attribute(
    cognito: LocalCognito, caller: Caller, name: str, value: str, text: str | None
) -> None:
    """The session stays good: the answer may be given again."""
    right = {
        "phone_number": "+491711234",
        "email": "a@b.c",
        "birthdate": "1990-01-01",
        "updated_at": "1",
    }
    session = challenged(cognito, caller, name)
    with refused("InvalidParameterException", text):
        choose(caller, session, **{name: value})
    assert choose(caller, session, **{name: right.get(name, "Ada")})["AuthenticationResult"]


def test_an_address_that_is_there_is_not_changed(cognito: LocalCognito, caller: Caller) -> None:
    session = challenged(cognito, caller, email="ada@example.com")
    with refused("NotAuthorizedException", "Cannot modify an already provided email"):
        choose(caller, session, email="ada@example.com")
    assert choose(caller, session)["AuthenticationResult"]
