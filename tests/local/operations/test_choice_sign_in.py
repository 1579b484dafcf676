"""USER_AUTH: SELECT_CHALLENGE, PASSWORD, PASSWORD_SRP and codes as a first factor.

The facts are in "Choice of the first factor" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, USED, Caller, refused
from tests.local.conftest import populated
from tests.local.srp_client import Person

WRONG = "Incorrect username or password."
FACTORS = ["PASSWORD", "EMAIL_OTP", "SMS_OTP"]
PASSWORDS = ["PASSWORD_SRP", "PASSWORD"]


def choosing(cognito: LocalCognito, **settings: Any) -> LocalPool:
    pool = populated(cognito, **{"first_factors": FACTORS, **settings})
    pool.state.clients[CLIENT_ID].explicit_auth_flows.append("ALLOW_USER_AUTH")
    return pool


@pytest.fixture
def open_pool(cognito: LocalCognito) -> LocalPool:
    return choosing(cognito, mfa="OPTIONAL")


class TestChoice:
    def test_the_choice_is_the_users(self, either: Caller, open_pool: LocalPool) -> None:
        """Measured."""
        answer = either.choose()
        assert answer["ChallengeName"] == "SELECT_CHALLENGE"
        assert answer["AvailableChallenges"] == [*PASSWORDS, "EMAIL_OTP"]

    @pytest.mark.parametrize(("mfa", "username"), [("ON", "newcomer"), ("OPTIONAL", "regular")])
    def test_with_a_second_factor_only_passwords_are_a_first(
        self, cognito: LocalCognito, caller: Caller, mfa: str, username: str
    ) -> None:
        choosing(cognito, mfa=mfa)
        assert caller.choose(username)["AvailableChallenges"] == PASSWORDS

    def test_a_pool_allows_what_it_says(self, cognito: LocalCognito, caller: Caller) -> None:
        pool = choosing(cognito, first_factors=["EMAIL_OTP", "SMS_OTP"])
        pool.user("newcomer").attributes["phone_number"] = "+15555550839"
        assert caller.choose()["AvailableChallenges"] == ["EMAIL_OTP", "SMS_OTP"]

    def test_a_preference_that_there_is_not_is_a_choice(
        self, caller: Caller, open_pool: LocalPool
    ) -> None:
        answer = caller.choose(PREFERRED_CHALLENGE="SMS_OTP")
        assert answer["ChallengeName"] == "SELECT_CHALLENGE"

    def test_the_client_must_allow_it(self, cognito: LocalCognito, caller: Caller) -> None:
        populated(cognito)
        with refused("InvalidParameterException", "USER_AUTH is not enabled for the client."):
            caller.choose()

    def test_what_is_not_on_offer_is_refused(self, caller: Caller, open_pool: LocalPool) -> None:
        session = caller.choose()["Session"]
        with refused("InvalidParameterException"):
            caller.respond("SELECT_CHALLENGE", session, ANSWER="SMS_OTP")

    def test_a_user_who_may_not_sign_in_is_told(self, caller: Caller, open_pool: LocalPool) -> None:
        open_pool.create_user("early", password=PASSWORD, status="UNCONFIRMED")
        with refused("UserNotConfirmedException"):
            caller.choose("early")

    def test_who_has_no_first_factor_cannot_sign_in(
        self, caller: Caller, open_pool: LocalPool
    ) -> None:
        """Such as a user with the status EXTERNAL_PROVIDER."""
        open_pool.create_user("Google_123", status="EXTERNAL_PROVIDER")
        with refused("NotAuthorizedException", WRONG):
            caller.choose("Google_123")


class TestPassword:
    @pytest.mark.parametrize("way", ["at once", "asked", "selected"])
    def test_three_ways(self, caller: Caller, open_pool: LocalPool, way: str) -> None:
        if way == "at once":
            answer = caller.choose(PREFERRED_CHALLENGE="PASSWORD", PASSWORD=PASSWORD)
        elif way == "asked":
            asked = caller.choose(PREFERRED_CHALLENGE="PASSWORD")
            assert asked["ChallengeName"] == "PASSWORD"
            answer = caller.respond("PASSWORD", asked["Session"], PASSWORD=PASSWORD)
        else:
            session = caller.choose()["Session"]
            answer = caller.respond(
                "SELECT_CHALLENGE", session, ANSWER="PASSWORD", PASSWORD=PASSWORD
            )
        assert "AuthenticationResult" in answer

    def test_the_second_factor_follows(self, caller: Caller, open_pool: LocalPool) -> None:
        answer = caller.choose("regular", PREFERRED_CHALLENGE="PASSWORD", PASSWORD=PASSWORD)
        assert answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        code = open_pool.code_for("regular")
        assert "AuthenticationResult" in caller.enter_code(answer["Session"], code)

    def test_a_wrong_one_ends_the_attempt(self, caller: Caller, open_pool: LocalPool) -> None:
        """Measured."""
        session = caller.choose(PREFERRED_CHALLENGE="PASSWORD")["Session"]
        with refused("NotAuthorizedException", WRONG):
            caller.respond("PASSWORD", session, PASSWORD="Wrong-Horse-7")
        with refused("NotAuthorizedException", USED):
            caller.respond("PASSWORD", session, PASSWORD=PASSWORD)

    def test_wrong_ones_lock(self, caller: Caller, open_pool: LocalPool) -> None:
        for _ in range(5):
            with refused("NotAuthorizedException", WRONG):
                caller.choose(PREFERRED_CHALLENGE="PASSWORD", PASSWORD="Wrong-Horse-7")
        with refused("NotAuthorizedException", "Password attempts exceeded"):
            caller.choose(PREFERRED_CHALLENGE="PASSWORD", PASSWORD=PASSWORD)

    @pytest.mark.parametrize("way", ["at once", "selected"])
    def test_it_need_not_travel(
        self, cognito: LocalCognito, caller: Caller, open_pool: LocalPool, way: str
    ) -> None:
        person = Person(cognito, "newcomer")
        srp_a = person.get_auth_params()["SRP_A"]
        if way == "at once":
            begun = caller.choose(PREFERRED_CHALLENGE="PASSWORD_SRP", SRP_A=srp_a)
        else:
            session = caller.choose()["Session"]
            begun = caller.respond("SELECT_CHALLENGE", session, ANSWER="PASSWORD_SRP", SRP_A=srp_a)
        assert begun["ChallengeName"] == "PASSWORD_VERIFIER"
        assert "AuthenticationResult" in person.answer(person.claim(begun))


class TestCode:
    def test_a_code_by_mail_is_a_whole_sign_in(
        self, cognito: LocalCognito, either: Caller, open_pool: LocalPool
    ) -> None:
        answer = either.choose(PREFERRED_CHALLENGE="EMAIL_OTP")
        assert answer["ChallengeName"] == "EMAIL_OTP"
        assert answer["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"] == "n***@e***"
        code = cognito.outbox[-1].code
        assert "AuthenticationResult" in either.respond(
            "EMAIL_OTP", answer["Session"], EMAIL_OTP_CODE=code
        )

    def test_or_by_text(self, cognito: LocalCognito, caller: Caller, open_pool: LocalPool) -> None:
        open_pool.user("newcomer").attributes["phone_number"] = "+15555550839"
        session = caller.choose()["Session"]
        asked = caller.respond("SELECT_CHALLENGE", session, ANSWER="SMS_OTP")
        assert asked["ChallengeName"] == "SMS_OTP"
        code = cognito.outbox[-1].code
        answer = caller.respond("SMS_OTP", asked["Session"], SMS_OTP_CODE=code)
        assert "AuthenticationResult" in answer

    def test_the_tokens_say_how(self, cognito: LocalCognito, caller: Caller) -> None:
        choosing(cognito, behavior=Behavior(acr_and_amr=True))
        session = caller.choose(PREFERRED_CHALLENGE="EMAIL_OTP")["Session"]
        code = cognito.outbox[-1].code
        result = caller.respond("EMAIL_OTP", session, EMAIL_OTP_CODE=code)["AuthenticationResult"]
        said = jwt.decode(result["AccessToken"], options={"verify_signature": False})
        assert said["amr"] == ["email_otp"]
        assert said["acr"] == "urn:cognito:loa:2"


class TestUnknownUser:
    """See "Unknown users" in docs/cognito-behavior.md."""

    def test_a_legacy_client_is_told(self, caller: Caller, open_pool: LocalPool) -> None:
        open_pool.state.clients[CLIENT_ID].prevent_user_existence_errors = "LEGACY"
        with refused("UserNotFoundException"):
            caller.choose("nobody")

    def test_others_get_a_code_that_was_never_sent(
        self, cognito: LocalCognito, caller: Caller, open_pool: LocalPool
    ) -> None:
        answer = caller.choose("nobody")
        assert answer["ChallengeName"] == "EMAIL_OTP"
        assert cognito.outbox == []
        for _ in range(2):
            with refused("CodeMismatchException", "Invalid code or auth state for the user."):
                caller.respond("EMAIL_OTP", answer["Session"], "nobody", EMAIL_OTP_CODE="000000")
        real = caller.choose(PREFERRED_CHALLENGE="EMAIL_OTP")
        assert len(real["Session"]) == len(answer["Session"])

    def test_or_a_choice_of_passwords_none_of_which_is_right(
        self, cognito: LocalCognito, caller: Caller
    ) -> None:
        choosing(cognito, mfa="ON")
        answer = caller.choose("nobody")
        assert answer["AvailableChallenges"] == PASSWORDS
        with refused("NotAuthorizedException", WRONG):
            caller.respond(
                "SELECT_CHALLENGE",
                answer["Session"],
                "nobody",
                ANSWER="PASSWORD",
                PASSWORD=PASSWORD,
            )

    def test_or_an_exchange_that_no_one_wins(
        self, cognito: LocalCognito, caller: Caller, open_pool: LocalPool
    ) -> None:
        person = Person(cognito, "nobody")
        srp_a = person.get_auth_params()["SRP_A"]
        begun = caller.choose("nobody", PREFERRED_CHALLENGE="PASSWORD_SRP", SRP_A=srp_a)
        with refused("NotAuthorizedException", WRONG):
            person.answer(person.claim(begun))
