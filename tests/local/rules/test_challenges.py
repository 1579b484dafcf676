"""Which challenge follows a password, its parameters, and codes that are sent by email or SMS.

The facts are in "Which challenge comes next" and "Challenge parameters" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local import newer
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused

PHONE = {"phone_number": "+15555550839"}
MAIL = {"email": "jane@gmail.com"}
TOTP, SMS, EMAIL = "SOFTWARE_TOKEN_MFA", "SMS_MFA", "EMAIL_OTP"
EVERY_FACTOR = {"software_token": True, "sms": True, "email": True}
TOKENS = None


class Somebody:
    """One user in one pool, made for one row of the table."""

    def __init__(
        self,
        cognito: LocalCognito,
        mfa: str,
        *,
        offers: dict[str, Any] | None = None,
        attributes: dict[str, str] | None = None,
        registered: bool = False,
        enabled: tuple[str, ...] = (),
        preferred: str | None = None,
        behavior: Behavior | None = None,
    ) -> None:
        self.cognito = cognito
        self.pool = cognito.create_pool(POOL_ID, mfa=mfa, behavior=behavior, **(offers or {}))
        self.pool.create_client(CLIENT_ID)
        user = self.pool.create_user("jane", password=PASSWORD, attributes=attributes or {})
        if registered:
            self.pool.register_software_token("jane")
        user.enabled_factors = list(enabled)
        user.preferred_factor = preferred
        self.caller = Caller(cognito.client())

    def sign_in(self) -> Any:
        return self.caller.password("jane")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"mfa": "OFF", "registered": True, "enabled": (TOTP,)}, TOKENS),
        ({"mfa": "OPTIONAL"}, TOKENS),
        ({"mfa": "OPTIONAL", "offers": EVERY_FACTOR, "attributes": PHONE | MAIL}, TOKENS),
        ({"mfa": "OPTIONAL", "registered": True}, TOKENS),
        ({"mfa": "OPTIONAL", "registered": True, "enabled": (TOTP,)}, TOTP),
        (
            {"mfa": "OPTIONAL", "registered": True, "enabled": (TOTP,), "preferred": TOTP},
            TOTP,
        ),
        (
            {
                "mfa": "OPTIONAL",
                "offers": EVERY_FACTOR,
                "attributes": PHONE,
                "registered": True,
                "enabled": (SMS, TOTP),
            },
            "SELECT_MFA_TYPE",
        ),
        (
            {
                "mfa": "OPTIONAL",
                "offers": EVERY_FACTOR,
                "attributes": PHONE,
                "registered": True,
                "enabled": (SMS, TOTP),
                "preferred": SMS,
            },
            SMS,
        ),
        ({"mfa": "ON", "registered": True}, TOTP),
        ({"mfa": "ON", "registered": True, "enabled": (TOTP,), "preferred": TOTP}, TOTP),
        ({"mfa": "ON"}, "MFA_SETUP"),
        ({"mfa": "ON", "attributes": PHONE | MAIL}, "MFA_SETUP"),
        ({"mfa": "ON", "offers": {"sms": True}}, "MFA_SETUP"),
        ({"mfa": "ON", "offers": {"sms": True}, "attributes": PHONE}, SMS),
        ({"mfa": "ON", "offers": {"email": True}, "attributes": MAIL}, EMAIL),
        ({"mfa": "ON", "offers": EVERY_FACTOR}, "MFA_SETUP"),
        ({"mfa": "ON", "offers": {"software_token": False, "email": True}}, "MFA_SETUP"),
        ({"mfa": "ON", "offers": EVERY_FACTOR, "attributes": PHONE | MAIL}, "SELECT_MFA_TYPE"),
        (
            {"mfa": "ON", "offers": EVERY_FACTOR, "attributes": PHONE | MAIL, "registered": True},
            TOTP,
        ),
    ],
)
def test_the_next_challenge(cognito: LocalCognito, row: dict[str, Any], expected: str) -> None:
    """The list of "Which challenge comes next" in docs/cognito-behavior.md, line by line."""
    answer = Somebody(cognito, **row).sign_in()
    assert answer.get("ChallengeName") == expected
    assert ("AuthenticationResult" in answer) is (expected is TOKENS)


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        ({}, [TOTP]),
        ({"sms": True}, [TOTP]),
        (EVERY_FACTOR, [TOTP, EMAIL]),
        ({"software_token": False, "email": True}, [EMAIL]),
        ({"software_token": False, "sms": True}, [SMS]),
    ],
)
def test_what_can_be_set_up(
    cognito: LocalCognito, offers: dict[str, bool], expected: list[str]
) -> None:
    """SMS is not offered beside another factor."""
    parameters = Somebody(cognito, "ON", offers=offers).sign_in()["ChallengeParameters"]
    assert json.loads(parameters["MFAS_CAN_SETUP"]) == expected


def test_the_only_factor_must_not_be_the_only_recovery(cognito: LocalCognito) -> None:
    """The MFA guide of AWS says that such a user cannot sign in."""
    somebody = Somebody(cognito, "ON", offers={"email": True}, attributes=MAIL)
    somebody.pool.state.account_recovery = ["verified_email"]
    with refused("InvalidUserPoolConfigurationException"):
        somebody.sign_in()


class TestSentCodes:
    def test_an_sms_code(self, cognito: LocalCognito) -> None:
        somebody = Somebody(cognito, "ON", offers={"sms": True}, attributes=PHONE)
        answer = somebody.sign_in()
        assert answer["ChallengeParameters"] == {
            "CODE_DELIVERY_DELIVERY_MEDIUM": "SMS",
            "CODE_DELIVERY_DESTINATION": "+*******0839",
            "USER_ID_FOR_SRP": "jane",
        }
        (message,) = cognito.outbox
        assert (message.medium, message.destination) == ("SMS", "+15555550839")
        done = somebody.caller.respond(SMS, answer["Session"], "jane", SMS_MFA_CODE=message.code)
        assert "AuthenticationResult" in done

    def test_an_email_code(self, cognito: LocalCognito) -> None:
        somebody = Somebody(cognito, "ON", offers={"email": True}, attributes=MAIL)
        answer = somebody.sign_in()
        assert answer["ChallengeParameters"] == {
            "CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL",
            "CODE_DELIVERY_DESTINATION": "j***@g***",
            "USER_ID_FOR_SRP": "jane",
        }
        (message,) = cognito.outbox
        assert message.code in message.text
        done = somebody.caller.respond(
            EMAIL, answer["Session"], "jane", EMAIL_OTP_CODE=message.code
        )
        assert "AuthenticationResult" in done

    def test_six_wrong_email_codes_give_the_same_error_each_time(
        self, cognito: LocalCognito
    ) -> None:
        """Measured on a live pool in September 2026."""
        somebody = Somebody(cognito, "ON", offers={"email": True}, attributes=MAIL)
        session = somebody.sign_in()["Session"]
        for _ in range(6):
            self.wrong(somebody, session, EMAIL, "EMAIL_OTP_CODE")
        code = cognito.outbox[-1].code
        done = somebody.caller.respond(EMAIL, session, "jane", EMAIL_OTP_CODE=code)
        assert "AuthenticationResult" in done

    def test_email_codes_lock_by_a_switch(self, cognito: LocalCognito) -> None:
        somebody = Somebody(
            cognito,
            "ON",
            offers={"email": True},
            attributes=MAIL,
            behavior=Behavior(email_code_failures_lock=True),
        )
        session = somebody.sign_in()["Session"]
        for _ in range(5):
            self.wrong(somebody, session, EMAIL, "EMAIL_OTP_CODE")
        with refused("NotAuthorizedException"):
            somebody.caller.respond(EMAIL, session, "jane", EMAIL_OTP_CODE=cognito.outbox[-1].code)

    def test_five_wrong_sms_codes_lock(self, cognito: LocalCognito) -> None:
        somebody = Somebody(cognito, "ON", offers={"sms": True}, attributes=PHONE)
        session = somebody.sign_in()["Session"]
        for _ in range(5):
            self.wrong(somebody, session, SMS, "SMS_MFA_CODE")
        with refused("NotAuthorizedException"):
            somebody.caller.respond(SMS, session, "jane", SMS_MFA_CODE=cognito.outbox[-1].code)

    def test_a_code_belongs_to_its_session(self, cognito: LocalCognito) -> None:
        somebody = Somebody(cognito, "ON", offers={"email": True}, attributes=MAIL)
        older, newer = (somebody.sign_in()["Session"] for _ in range(2))
        first, second = (message.code for message in cognito.outbox)
        if first != second:
            with refused("CodeMismatchException"):
                somebody.caller.respond(EMAIL, newer, "jane", EMAIL_OTP_CODE=first)
        done = somebody.caller.respond(EMAIL, older, "jane", EMAIL_OTP_CODE=first)
        assert "AuthenticationResult" in done

    def test_a_pool_may_have_a_text_of_its_own(self, cognito: LocalCognito) -> None:
        somebody = Somebody(cognito, "ON", offers={"email": True}, attributes=MAIL)
        somebody.caller.boto.set_user_pool_mfa_config(
            UserPoolId=POOL_ID,
            MfaConfiguration="ON",
            EmailMfaConfiguration={"Message": "Dear Jane, {####} it is."},
        )
        somebody.sign_in()
        (message,) = cognito.outbox
        assert message.text == f"Dear Jane, {message.code} it is."

    def test_an_address_that_went_away_cannot_be_chosen(self, cognito: LocalCognito) -> None:
        somebody = Somebody(cognito, "ON", offers=EVERY_FACTOR, attributes=PHONE | MAIL)
        session = somebody.sign_in()["Session"]
        del somebody.pool.user("jane").attributes["phone_number"]
        with refused("MFAMethodNotFoundException"):
            somebody.caller.respond("SELECT_MFA_TYPE", session, "jane", ANSWER=SMS)

    def wrong(self, somebody: Somebody, session: str, challenge: str, key: str) -> None:
        sent = somebody.cognito.outbox[-1].code
        code = "000000" if sent != "000000" else "111111"
        with refused("CodeMismatchException", "Invalid code or auth state for the user."):
            somebody.caller.respond(challenge, session, "jane", **{key: code})


class TestChoice:
    """SELECT_MFA_TYPE."""

    def somebody(self, cognito: LocalCognito, behavior: Behavior | None = None) -> Somebody:
        return Somebody(
            cognito,
            "OPTIONAL",
            offers=EVERY_FACTOR,
            attributes=PHONE | MAIL,
            registered=True,
            enabled=(SMS, TOTP, EMAIL),
            behavior=behavior,
        )

    def test_the_choices_are_json_text(self, cognito: LocalCognito) -> None:
        parameters = self.somebody(cognito).sign_in()["ChallengeParameters"]
        assert json.loads(parameters["MFAS_CAN_CHOOSE"]) == [SMS, TOTP, EMAIL]

    @pytest.mark.parametrize("choice", [SMS, TOTP, EMAIL])
    def test_a_choice_leads_to_its_challenge(self, cognito: LocalCognito, choice: str) -> None:
        somebody = self.somebody(cognito)
        session = somebody.sign_in()["Session"]
        answer = somebody.caller.respond("SELECT_MFA_TYPE", session, "jane", ANSWER=choice)
        assert answer["ChallengeName"] == choice
        assert answer["Session"] != session
        code = somebody.pool.code_for("jane") if choice == TOTP else cognito.outbox[-1].code
        done = somebody.caller.respond(
            choice, answer["Session"], "jane", **{f"{choice}_CODE": code}
        )
        assert "AuthenticationResult" in done

    def test_nothing_is_sent_before_the_choice(self, cognito: LocalCognito) -> None:
        self.somebody(cognito).sign_in()
        assert cognito.outbox == []

    def test_another_choice_keeps_the_session(self, cognito: LocalCognito) -> None:
        somebody = self.somebody(cognito)
        session = somebody.sign_in()["Session"]
        with refused("InvalidParameterException"):
            somebody.caller.respond("SELECT_MFA_TYPE", session, "jane", ANSWER="PASSKEY")
        answer = somebody.caller.respond("SELECT_MFA_TYPE", session, "jane", ANSWER=TOTP)
        assert answer["ChallengeName"] == TOTP

    def test_the_documentations_spelling_is_a_switch(self, cognito: LocalCognito) -> None:
        somebody = self.somebody(cognito, Behavior(documented_spellings=True))
        answer = somebody.sign_in()
        assert "MFAS_CAN_SELECT" in answer["ChallengeParameters"]
        chosen = somebody.caller.respond(
            "SELECT_MFA_TYPE", answer["Session"], "jane", ANSWER="EMAIL_MFA"
        )
        assert chosen["ChallengeName"] == EMAIL


@pytest.mark.parametrize(("key", "documented"), [("EMAIL", False), ("email", True)])
def test_an_address_sets_up_email_mfa(cognito: LocalCognito, key: str, documented: bool) -> None:
    """Clients write EMAIL, the documentation's prose writes email."""
    behavior = Behavior(documented_spellings=documented)
    somebody = Somebody(cognito, "ON", offers=EVERY_FACTOR, behavior=behavior)
    session = somebody.sign_in()["Session"]
    answer = somebody.caller.respond("MFA_SETUP", session, "jane", **{key: "jane@gmail.com"})
    assert answer["ChallengeName"] == EMAIL
    done = somebody.caller.respond(
        EMAIL, answer["Session"], "jane", EMAIL_OTP_CODE=cognito.outbox[-1].code
    )
    assert "AuthenticationResult" in done
    assert somebody.sign_in()["ChallengeName"] == EMAIL


def test_a_first_sign_in_may_have_tokens_once(cognito: LocalCognito) -> None:
    """For a user who signed up, not for one who was invited."""
    behavior = Behavior(tokens_before_first_setup=True)
    somebody = Somebody(cognito, "ON", behavior=behavior)
    assert "AuthenticationResult" in somebody.sign_in()
    assert somebody.sign_in()["ChallengeName"] == "MFA_SETUP"
    somebody.caller.boto.admin_create_user(
        UserPoolId=POOL_ID, Username="invited", MessageAction="SUPPRESS"
    )
    somebody.caller.boto.admin_set_user_password(
        UserPoolId=POOL_ID, Username="invited", Password=PASSWORD, Permanent=True
    )
    assert somebody.caller.password("invited")["ChallengeName"] == "MFA_SETUP"


@newer.deletes_tokens
def test_a_token_that_is_gone_is_not_found(caller: Caller, pool: LocalPool) -> None:
    """The secret disappeared between the password and the code."""
    session = caller.password("regular")["Session"]
    code = pool.code_for("regular")
    caller.boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="regular")
    text = "Software Token MFA does not exist for the user."
    with refused("SoftwareTokenMFANotFoundException", text):
        caller.enter_code(session, code)


def test_tokens_come_with_empty_parameters(caller: Caller, optional_pool: LocalPool) -> None:
    """Present, not omitted."""
    answer = caller.password()
    assert answer["ChallengeParameters"] == {}
    assert access_token(answer)
    assert "ChallengeName" not in answer
    assert "Session" not in answer
