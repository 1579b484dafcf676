"""MFA_SETUP in session mode, in process and over HTTP.

The facts are in "Setup during sign-in" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import json

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import Caller, access_token, members, refused


def test_the_chain_of_sessions_ends_in_tokens(either: Caller, pool: LocalPool) -> None:
    """Each step has a session of its own, and the last answer gives tokens."""
    first = either.password()
    assert first["ChallengeName"] == "MFA_SETUP"
    second = either.associate(first["Session"])
    third = either.verify(second["Session"], pool.pending_code_for("newcomer"))
    assert third["Status"] == "SUCCESS"
    last = either.respond("MFA_SETUP", third["Session"])
    assert set(last["AuthenticationResult"]) == {
        "AccessToken",
        "ExpiresIn",
        "IdToken",
        "RefreshToken",
        "TokenType",
    }
    assert last["ChallengeParameters"] == {}
    sessions = {first["Session"], second["Session"], third["Session"]}
    assert len(sessions) == 3
    assert "Session" not in last


def test_sessions_look_like_cognitos(either: Caller, pool: LocalPool) -> None:
    """They are envelopes of the AWS Encryption SDK, of more than 1,500 characters."""
    session = either.password()["Session"]
    assert session.startswith("AYABe")
    assert 1500 <= len(session) <= 2048


def test_what_can_be_set_up_is_json_text(either: Caller, pool: LocalPool) -> None:
    parameters = either.password()["ChallengeParameters"]
    assert json.loads(parameters["MFAS_CAN_SETUP"]) == ["SOFTWARE_TOKEN_MFA"]
    assert parameters["USER_ID_FOR_SRP"] == "newcomer"


def test_the_next_sign_in_asks_for_a_code_although_nothing_was_preferred(
    cognito: LocalCognito, either: Caller, pool: LocalPool
) -> None:
    """The token is registered, while the list of preferences stays absent."""
    done = enrol(either, pool)
    shown = members(either.boto.get_user(AccessToken=access_token(done)))
    assert "UserMFASettingList" not in shown
    assert "PreferredMfaSetting" not in shown
    cognito.clock.advance(30)
    again = either.password()
    assert again["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert again["ChallengeParameters"]["FRIENDLY_DEVICE_NAME"] == "Phone"
    signed_in = either.enter_code(again["Session"], pool.code_for("newcomer"), "newcomer")
    assert signed_in["AuthenticationResult"]["TokenType"] == "Bearer"


def test_verification_registers_even_when_the_last_answer_is_never_sent(
    caller: Caller, pool: LocalPool
) -> None:
    """After SUCCESS the next sign-in is SOFTWARE_TOKEN_MFA."""
    second = caller.associate(caller.password()["Session"])
    caller.verify(second["Session"], pool.pending_code_for("newcomer"))
    assert caller.password()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_a_code_sent_along_with_mfa_setup_is_ignored(caller: Caller, pool: LocalPool) -> None:
    second = caller.associate(caller.password()["Session"])
    third = caller.verify(second["Session"], pool.pending_code_for("newcomer"))
    last = caller.respond("MFA_SETUP", third["Session"], SOFTWARE_TOKEN_MFA_CODE="000000")
    assert "AuthenticationResult" in last


def test_the_setup_code_cannot_sign_in_as_well(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    """It is used, for its step and for every step before."""
    enrol(caller, pool)
    session = caller.password()["Session"]
    with refused("ExpiredCodeException", "Your software token has already been used once."):
        caller.enter_code(session, pool.code_for("newcomer"), "newcomer")
    cognito.clock.advance(30)
    assert "AuthenticationResult" in caller.enter_code(
        session, pool.code_for("newcomer"), "newcomer"
    )


def test_exactly_these_operations_were_asked_for(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    enrol(caller, pool)
    assert cognito.operations() == [
        "InitiateAuth",
        "AssociateSoftwareToken",
        "VerifySoftwareToken",
        "RespondToAuthChallenge",
    ]


def test_the_admin_flow_runs_the_same_chain(caller: Caller, pool: LocalPool) -> None:
    """Associate and verify stay public; AdminRespondToAuthChallenge gives the answer."""
    first = caller.admin_password()
    second = caller.associate(first["Session"])
    third = caller.verify(second["Session"], pool.pending_code_for("newcomer"))
    last = caller.admin_respond("MFA_SETUP", third["Session"])
    assert "AuthenticationResult" in last


def enrol(caller: Caller, pool: LocalPool, username: str = "newcomer") -> dict[str, object]:
    second = caller.associate(caller.password(username)["Session"])
    third = caller.verify(second["Session"], pool.pending_code_for(username))
    done: dict[str, object] = caller.respond("MFA_SETUP", third["Session"], username)
    return done
