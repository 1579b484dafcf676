"""User migration: a function brings unknown users along, at a sign-in or for a forgotten password.

The facts are in "User migration" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused
from tests.local.conftest import populated
from tests.local.recorder import Recorder

SIGN_IN = "UserMigration_Authentication"
FORGOTTEN = "UserMigration_ForgotPassword"
WEAK = "old"
WRONG = "Incorrect username or password."
KNOWN: dict[str, Any] = {
    "userAttributes": {"email": "ada@example.com", "email_verified": "true"},
    "finalUserStatus": "CONFIRMED",
    "messageAction": "SUPPRESS",
}


@pytest.fixture
def importing(cognito: LocalCognito) -> LocalPool:
    return populated(cognito, mfa="OFF")


@pytest.fixture
def recorder(importing: LocalPool) -> Recorder:
    recorder = Recorder(importing, "UserMigration")
    recorder.responses = {SIGN_IN: KNOWN, FORGOTTEN: KNOWN}
    return recorder


def hide(pool: LocalPool, setting: str) -> None:
    pool.state.clients[CLIENT_ID].prevent_user_existence_errors = setting


class TestSignIn:
    def test_an_unknown_user_is_added_and_signed_in(
        self, caller: Caller, importing: LocalPool, recorder: Recorder
    ) -> None:
        """Not even the password's strength is looked at."""
        assert access_token(caller.password("ada", WEAK))
        user = importing.user("ada")
        assert (user.status, user.attributes["email"]) == ("CONFIRMED", "ada@example.com")
        assert access_token(caller.password("ada", WEAK))
        assert recorder.sources == [SIGN_IN]

    def test_what_the_function_is_told(self, boto: Any, recorder: Recorder) -> None:
        boto.initiate_auth(
            ClientId=CLIENT_ID,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "ada", "PASSWORD": WEAK},
            ClientMetadata={"shop": "7"},
        )
        event = recorder.only(SIGN_IN)
        assert event["userName"] == "ada"
        assert event["request"] == {"password": WEAK, "validationData": {"shop": "7"}}
        assert set(event["response"]) >= set(KNOWN)

    @pytest.mark.parametrize(("mfa", "expected"), [("ON", "MFA_SETUP"), ("OPTIONAL", None)])
    def test_the_sign_in_goes_on_with_mfa(
        self,
        caller: Caller,
        importing: LocalPool,
        recorder: Recorder,
        mfa: str,
        expected: str | None,
    ) -> None:
        importing.state.mfa = mfa
        assert caller.password("ada", WEAK).get("ChallengeName") == expected

    def test_the_setup_works_to_the_end(
        self, caller: Caller, importing: LocalPool, recorder: Recorder
    ) -> None:
        importing.state.mfa = "ON"
        session = caller.password("ada", WEAK)["Session"]
        session = caller.associate(session)["Session"]
        session = caller.verify(session, importing.pending_code_for("ada"))["Session"]
        assert access_token(caller.respond("MFA_SETUP", session, "ada"))

    @pytest.mark.parametrize("status", [None, "RESET_REQUIRED"])
    def test_a_user_who_is_not_confirmed_must_reset_the_password(
        self, caller: Caller, importing: LocalPool, recorder: Recorder, status: str | None
    ) -> None:
        recorder.responses[SIGN_IN] = {**KNOWN, "finalUserStatus": status}
        with refused("PasswordResetRequiredException", "Password reset required for the user"):
            caller.password("ada", WEAK)
        assert importing.user("ada").status == "RESET_REQUIRED"

    def test_its_error_is_cognitos_answer(
        self, caller: Caller, importing: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses[SIGN_IN] = ValueError("Bad password")
        text = "UserMigration failed with error Bad password."
        with refused("UserLambdaValidationException", text):
            caller.password("ada", WEAK)
        with pytest.raises(LookupError):
            importing.user("ada")

    @pytest.mark.parametrize(
        ("setting", "code", "text"),
        [
            ("ENABLED", "NotAuthorizedException", WRONG),
            (
                "LEGACY",
                "UserNotFoundException",
                f"Exception migrating user in app client {CLIENT_ID}",
            ),
        ],
    )
    def test_an_empty_answer_is_an_unknown_user(
        self,
        caller: Caller,
        importing: LocalPool,
        recorder: Recorder,
        setting: str,
        code: str,
        text: str,
    ) -> None:
        hide(importing, setting)
        recorder.responses[SIGN_IN] = {}
        with refused(code, text):
            caller.password("ada", WEAK)

    def test_a_known_user_never_reaches_it(self, caller: Caller, recorder: Recorder) -> None:
        with refused("NotAuthorizedException"):
            caller.password("newcomer", "Wrong-Horse-7")
        assert recorder.sources == []

    def test_the_function_may_have_added_the_user_itself(
        self, cognito: LocalCognito, importing: LocalPool, recorder: Recorder
    ) -> None:
        boto: Any = cognito.client()

        def add(event: Any) -> dict[str, Any]:
            boto.admin_create_user(
                UserPoolId=POOL_ID, Username="ada", MessageAction="SUPPRESS",
                TemporaryPassword=PASSWORD,
            )  # fmt: skip
            return KNOWN

        recorder.responses[SIGN_IN] = add
        asked = Caller(boto).password("ada", PASSWORD)
        assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"

    def test_others_are_called_after_it(
        self, caller: Caller, importing: LocalPool, recorder: Recorder
    ) -> None:
        importing.set_trigger("PreAuthentication", recorder)
        caller.password("ada", WEAK)
        assert recorder.sources == [SIGN_IN, "PreAuthentication_Authentication"]

    def test_administrators_sign_in_like_this_too(self, caller: Caller, recorder: Recorder) -> None:
        assert access_token(caller.admin_password("ada", WEAK))

    def test_an_attribute_that_the_pool_does_not_have_is_refused(
        self, caller: Caller, importing: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses[SIGN_IN] = {**KNOWN, "userAttributes": {"custom:none": "x"}}
        with refused("NotAuthorizedException", WRONG):
            caller.password("ada", WEAK)
        with pytest.raises(LookupError):
            importing.user("ada")

    def test_an_alias_of_another_user_is_taken_only_by_force(self, cognito: LocalCognito) -> None:
        pool = cognito.create_pool("us-east-1_Alias0000", alias_attributes=["email"])
        pool.create_client("alias")
        pool.create_user(
            "older",
            password=PASSWORD,
            attributes={"email": "ada@example.com", "email_verified": "true"},
        )
        recorder = Recorder(pool, "UserMigration")
        recorder.responses[SIGN_IN] = KNOWN
        caller = Caller(cognito.client(), "alias")
        with refused("NotAuthorizedException", WRONG):
            caller.password("ada", WEAK)
        recorder.responses[SIGN_IN] = {**KNOWN, "forceAliasCreation": True}
        assert access_token(caller.password("ada", WEAK))
        assert pool.user("ada@example.com").username == "ada"


class TestMessages:
    PHONE = {"phone_number": "+15555550839", "email": "ada@example.com"}

    @pytest.mark.parametrize(
        ("response", "media"),
        [
            ({}, ["SMS"]),
            ({"desiredDeliveryMediums": ["EMAIL"]}, ["EMAIL"]),
            ({"desiredDeliveryMediums": ["EMAIL", "SMS"]}, ["EMAIL", "SMS"]),
            ({"messageAction": "SUPPRESS"}, []),
        ],
    )
    def test_a_welcome_is_sent_as_the_function_wants(
        self,
        cognito: LocalCognito,
        caller: Caller,
        recorder: Recorder,
        response: dict[str, Any],
        media: list[str],
    ) -> None:
        recorder.responses[SIGN_IN] = {
            "userAttributes": self.PHONE,
            "finalUserStatus": "CONFIRMED",
            **response,
        }
        caller.password("ada", WEAK)
        assert [message.medium for message in cognito.outbox] == media
        assert not any(WEAK in message.text for message in cognito.outbox)

    def test_sms_as_a_second_factor(
        self, caller: Caller, importing: LocalPool, recorder: Recorder
    ) -> None:
        importing.state.mfa, importing.state.sms = "OPTIONAL", True
        recorder.responses[SIGN_IN] = {
            **KNOWN,
            "userAttributes": self.PHONE,
            "enableSMSMFA": True,
        }
        assert caller.password("ada", WEAK)["ChallengeName"] == "SMS_MFA"

    def test_sms_needs_a_phone(self, caller: Caller, recorder: Recorder) -> None:
        recorder.responses[SIGN_IN] = {**KNOWN, "enableSMSMFA": True}
        with refused("NotAuthorizedException"):
            caller.password("ada", WEAK)


class TestForgottenPassword:
    def test_the_user_is_added_and_gets_a_code(
        self, cognito: LocalCognito, importing: LocalPool, recorder: Recorder
    ) -> None:
        boto: Any = cognito.client()
        answer = boto.forgot_password(ClientId=CLIENT_ID, Username="ada")
        assert answer["CodeDeliveryDetails"]["Destination"] == "a***@e***"
        assert recorder.only(FORGOTTEN)["request"]["password"] is None
        boto.confirm_forgot_password(
            ClientId=CLIENT_ID, Username="ada", Password=PASSWORD,
            ConfirmationCode=cognito.outbox[-1].code,
        )  # fmt: skip
        assert access_token(Caller(boto).password("ada", PASSWORD))

    def test_a_stranger_looks_like_a_user(
        self, boto: Any, importing: LocalPool, recorder: Recorder
    ) -> None:
        hide(importing, "ENABLED")
        recorder.responses[FORGOTTEN] = {}
        answer = boto.forgot_password(ClientId=CLIENT_ID, Username="ada@example.com")
        assert answer["CodeDeliveryDetails"]["Destination"] == "a***@e***"
        with pytest.raises(LookupError):
            importing.user("ada@example.com")
