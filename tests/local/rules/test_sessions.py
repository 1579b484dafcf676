"""Session strings are consumed by success, bound, and expire.

The facts are in "Sessions of a challenge" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local import newer
from tests.local.caller import (
    CLIENT_ID,
    EXPIRED,
    INVALID,
    PASSWORD,
    USED,
    Caller,
    access_token,
    refused,
)

OTHER_CLIENT = "anotherclient0000000000000"


def test_a_session_works_once(either: Caller, pool: LocalPool) -> None:
    """After a success its session "can only be used once"."""
    session = either.password("regular")["Session"]
    either.enter_code(session, pool.code_for("regular"))
    with refused("NotAuthorizedException", USED):
        either.enter_code(session, pool.code_for("regular", offset=1))


def test_every_step_of_a_setup_consumes_its_session(caller: Caller, pool: LocalPool) -> None:
    first = caller.password()
    second = caller.associate(first["Session"])
    code = pool.pending_code_for("newcomer")
    third = caller.verify(second["Session"], code)
    caller.respond("MFA_SETUP", third["Session"])
    with refused("NotAuthorizedException", USED):
        caller.associate(first["Session"])
    with refused("NotAuthorizedException", USED):
        caller.verify(second["Session"], code)
    with refused("NotAuthorizedException", USED):
        caller.respond("MFA_SETUP", third["Session"])


def test_a_wrong_code_keeps_the_same_session(either: Caller, pool: LocalPool) -> None:
    session = either.password("regular")["Session"]
    with refused("CodeMismatchException", "Invalid code received for user"):
        either.enter_code(session, wrong(pool))
    assert "AuthenticationResult" in either.enter_code(session, pool.code_for("regular"))


def test_a_reused_code_keeps_the_same_session(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    """The code of the next step works."""
    caller.enter_code(caller.password("regular")["Session"], pool.code_for("regular"))
    session = caller.password("regular")["Session"]
    with refused("ExpiredCodeException"):
        caller.enter_code(session, pool.code_for("regular"))
    cognito.clock.advance(30)
    assert "AuthenticationResult" in caller.enter_code(session, pool.code_for("regular"))


@pytest.mark.parametrize("minutes", [3, 15])
def test_a_session_expires_with_auth_session_validity(
    cognito: LocalCognito, pool: LocalPool, minutes: int
) -> None:
    """To the second, by Cognito's clock."""
    pool.create_client(OTHER_CLIENT, auth_session_validity=minutes)
    caller = Caller(cognito.client(), OTHER_CLIENT)
    session = caller.password("regular")["Session"]
    cognito.clock.advance(minutes * 60 - 1)
    with refused("CodeMismatchException"):
        caller.enter_code(session, wrong(pool))
    cognito.clock.advance(1)
    with refused("NotAuthorizedException", EXPIRED):
        caller.enter_code(session, pool.code_for("regular"))


def test_every_new_session_has_a_fresh_window(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    """The time to find a phone begins at AssociateSoftwareToken."""
    first = caller.password()
    cognito.clock.advance(170)
    second = caller.associate(first["Session"])
    cognito.clock.advance(170)
    third = caller.verify(second["Session"], pool.pending_code_for("newcomer"))
    cognito.clock.advance(170)
    assert "AuthenticationResult" in caller.respond("MFA_SETUP", third["Session"])


def test_an_expired_session_that_was_used_says_expired(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    session = caller.password("regular")["Session"]
    caller.enter_code(session, pool.code_for("regular"))
    cognito.clock.advance(180)
    with refused("NotAuthorizedException", EXPIRED):
        caller.enter_code(session, pool.code_for("regular"))


@pytest.mark.parametrize(
    "damage", ["unknown", "changed", "shortened", "not base64", "wordy", "short"]
)
def test_what_cognito_did_not_issue_is_invalid(
    caller: Caller, pool: LocalPool, damage: str
) -> None:
    session = caller.password("regular")["Session"]
    damaged = {
        "unknown": "AYABe" + "A" * 1539,
        "changed": session[:-1] + ("A" if session[-1] != "A" else "B"),
        "shortened": session[:-4],
        "not base64": "!" * 40,
        "wordy": session + "A",
        "short": session[:21],
    }[damage]
    with refused("NotAuthorizedException", INVALID):
        caller.enter_code(damaged, pool.code_for("regular"))


def test_a_session_is_bound_to_its_user(caller: Caller, pool: LocalPool) -> None:
    """The user is never taken from the request."""
    session = caller.password("regular")["Session"]
    with refused("NotAuthorizedException", INVALID):
        caller.enter_code(session, pool.code_for("regular"), "newcomer")
    with refused("NotAuthorizedException", INVALID):
        caller.enter_code(session, pool.code_for("regular"), "nobody")
    assert "AuthenticationResult" in caller.enter_code(session, pool.code_for("regular"))


def test_a_session_is_bound_to_its_client(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    pool.create_client(OTHER_CLIENT)
    session = caller.password("regular")["Session"]
    with refused("NotAuthorizedException", INVALID):
        Caller(caller.boto, OTHER_CLIENT).enter_code(session, pool.code_for("regular"))


def test_a_session_is_bound_to_its_pool(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    other = cognito.create_pool("us-east-1_Another00", mfa="ON")
    other.create_client(OTHER_CLIENT)
    other.create_user("regular", password=PASSWORD)
    session = caller.password("regular")["Session"]
    with refused("NotAuthorizedException", INVALID):
        Caller(caller.boto, OTHER_CLIENT).enter_code(session, pool.code_for("regular"))


def test_a_fresh_session_does_not_verify(caller: Caller, pool: LocalPool) -> None:
    """To run InitiateAuth again between Associate and Verify is the classic mistake."""
    caller.associate(caller.password()["Session"])
    fresh = caller.password()["Session"]
    with refused("NotAuthorizedException", INVALID):
        caller.verify(fresh, pool.pending_code_for("newcomer"))


def test_several_sign_ins_of_one_user_stand_side_by_side(caller: Caller, pool: LocalPool) -> None:
    """A new InitiateAuth does not invalidate older sessions."""
    older, newer = (caller.password("regular")["Session"] for _ in range(2))
    assert older != newer
    caller.enter_code(newer, pool.code_for("regular"))
    assert "AuthenticationResult" in caller.enter_code(older, pool.code_for("regular", offset=1))


def test_a_session_without_its_user_is_invalid(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    session = caller.password("regular")["Session"]
    caller.boto.admin_delete_user(UserPoolId=pool.id, Username="regular")
    with refused("NotAuthorizedException", INVALID):
        caller.enter_code(session, "123456")


@pytest.mark.parametrize("call", ["admin_delete_user", "admin_disable_user"])
def test_a_setup_without_its_user_is_invalid(caller: Caller, pool: LocalPool, call: str) -> None:
    second = caller.associate(caller.password()["Session"])
    code = pool.pending_code_for("newcomer")
    getattr(caller.boto, call)(UserPoolId=pool.id, Username="newcomer")
    with refused("NotAuthorizedException", INVALID):
        caller.verify(second["Session"], code)


def test_a_user_disabled_between_two_steps_stays_out(caller: Caller, pool: LocalPool) -> None:
    session = caller.password("regular")["Session"]
    caller.boto.admin_disable_user(UserPoolId=pool.id, Username="regular")
    with refused("NotAuthorizedException", "User is disabled."):
        caller.enter_code(session, pool.code_for("regular"))


def test_an_older_setup_session_cannot_replace_the_authenticator(
    caller: Caller, pool: LocalPool
) -> None:
    """Sessions of MFA_SETUP are useless once the user has a token. An attacker who knew the
    password yesterday must not enrol a phone of their own today."""
    thief = caller.associate(caller.password()["Session"])
    thiefs_code = pool.pending_code_for("newcomer")
    waiting = caller.password()["Session"]
    second = caller.associate(caller.password()["Session"])
    caller.verify(second["Session"], pool.pending_code_for("newcomer"))
    with refused("NotAuthorizedException", INVALID):
        caller.verify(thief["Session"], thiefs_code)
    with refused("NotAuthorizedException", INVALID):
        caller.associate(waiting)


def test_mfa_setup_needs_a_verified_token(caller: Caller, pool: LocalPool) -> None:
    """Section F: never finished by the first or the second session."""
    first = caller.password()
    with refused("NotAuthorizedException", INVALID):
        caller.respond("MFA_SETUP", first["Session"])
    second = caller.associate(first["Session"])
    with refused("NotAuthorizedException", INVALID):
        caller.respond("MFA_SETUP", second["Session"])


@newer.deletes_tokens
def test_a_reset_in_the_middle_ends_a_setup(caller: Caller, pool: LocalPool) -> None:
    second = caller.associate(caller.password()["Session"])
    third = caller.verify(second["Session"], pool.pending_code_for("newcomer"))
    caller.boto.admin_delete_software_token(UserPoolId=pool.id, Username="newcomer")
    with refused("NotAuthorizedException", INVALID):
        caller.respond("MFA_SETUP", third["Session"])


def test_a_second_association_kills_what_came_of_the_first(caller: Caller, pool: LocalPool) -> None:
    """The first session is accepted again, and the newest secret wins."""
    first = caller.password()["Session"]
    older = caller.associate(first)
    older_code = pool.pending_code_for("newcomer")
    newer = caller.associate(first)
    assert newer["SecretCode"] != older["SecretCode"]
    assert newer["Session"] != older["Session"]
    with refused("NotAuthorizedException", INVALID):
        caller.verify(older["Session"], older_code)
    assert caller.verify(newer["Session"], pool.pending_code_for("newcomer"))["Status"] == "SUCCESS"


def test_a_session_is_missing(caller: Caller, pool: LocalPool) -> None:
    with refused("InvalidParameterException", "Missing required parameter Session"):
        caller.boto.respond_to_auth_challenge(
            ClientId=CLIENT_ID,
            ChallengeName="SOFTWARE_TOKEN_MFA",
            ChallengeResponses={"USERNAME": "regular", "SOFTWARE_TOKEN_MFA_CODE": "123456"},
        )


def test_old_sessions_are_forgotten(cognito: LocalCognito, caller: Caller, pool: LocalPool) -> None:
    """So that a Cognito that runs for weeks does not grow: forgotten is simply invalid."""
    session = caller.password("regular")["Session"]
    cognito.clock.advance(180 + 901)
    caller.password("regular")
    assert len(cognito.account.sessions) == 1
    with refused("NotAuthorizedException", INVALID):
        caller.enter_code(session, pool.code_for("regular"))


def test_tokens_do_not_open_sessions(caller: Caller, pool: LocalPool) -> None:
    done = caller.enter_code(caller.password("regular")["Session"], pool.code_for("regular"))
    with refused("NotAuthorizedException", INVALID):
        caller.associate(access_token(done))


def wrong(pool: LocalPool) -> str:
    near = {pool.code_for("regular", offset=offset) for offset in range(-2, 3)}
    return next(
        code
        for code in ("000000", "111111", "222222", "333333", "444444", "555555")
        if code not in near
    )
