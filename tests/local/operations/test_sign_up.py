"""SignUp, ConfirmSignUp, ResendConfirmationCode and AdminConfirmSignUp.

The facts are in "Sign-up and forgotten passwords" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import DEFAULT_FLOWS, LocalPool
from tests.local.caller import (
    CLIENT_ID,
    INVALID,
    PASSWORD,
    POOL_ID,
    USED,
    Caller,
    members,
    refused,
    secret_hash,
)
from tests.local.conftest import populated

EMAIL = {"Name": "email", "Value": "starter@example.com"}
PHONE = {"Name": "phone_number", "Value": "+15555550839"}
NOT_FOUND = "Username/client id combination not found."
MISMATCH = "Invalid verification code provided, please try again."
EXPIRED = "Invalid code provided, please request a code again."
LIMIT = "Attempt limit exceeded, please try after some time."


def sign_up(boto: Any, username: str = "starter", **more: Any) -> Any:
    request = {
        "ClientId": CLIENT_ID,
        "Username": username,
        "Password": PASSWORD,
        "UserAttributes": [EMAIL],
        **more,
    }
    return boto.sign_up(**request)


def confirm(boto: Any, code: str, username: str = "starter", **more: Any) -> Any:
    return boto.confirm_sign_up(
        ClientId=CLIENT_ID, Username=username, ConfirmationCode=code, **more
    )


def resend(boto: Any, username: str = "starter") -> Any:
    return boto.resend_confirmation_code(ClientId=CLIENT_ID, Username=username)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


class TestSignUp:
    def test_a_user_signs_up_and_confirms(
        self, cognito: LocalCognito, either_boto: Any, pool: LocalPool
    ) -> None:
        """In an ON pool MFA_SETUP comes at the first sign-in."""
        answer = members(sign_up(either_boto))
        user = pool.user("starter")
        assert answer == {
            "UserConfirmed": False,
            "UserSub": user.sub,
            "CodeDeliveryDetails": {
                "Destination": "s***@e***",
                "DeliveryMedium": "EMAIL",
                "AttributeName": "email",
            },
        }
        with refused("UserNotConfirmedException"):
            Caller(either_boto).password("starter")
        assert members(confirm(either_boto, cognito.outbox[-1].code)) == {}
        assert user.status == "CONFIRMED"
        assert user.attributes["email_verified"] == "true"
        assert Caller(either_boto).password("starter")["ChallengeName"] == "MFA_SETUP"

    def test_a_phone_comes_before_an_address(self, cognito: LocalCognito, boto: Any) -> None:
        populated(cognito, auto_verified=["email", "phone_number"])
        details = sign_up(boto, UserAttributes=[EMAIL, PHONE])["CodeDeliveryDetails"]
        assert details["DeliveryMedium"] == "SMS"
        assert details["Destination"] == "+*******0839"
        assert cognito.outbox[-1].destination == PHONE["Value"]

    def test_nothing_is_sent_where_nothing_is_verified(
        self, cognito: LocalCognito, boto: Any
    ) -> None:
        populated(cognito, auto_verified=[])
        assert "CodeDeliveryDetails" not in sign_up(boto)
        assert cognito.outbox == []
        with refused("InvalidParameterException", "Auto verification not turned on."):
            resend(boto)

    def test_a_pool_sends_its_own_words(self, cognito: LocalCognito, boto: Any) -> None:
        pool = populated(cognito)
        pool.state.settings["EmailVerificationMessage"] = "Welcome: {####}"
        sign_up(boto)
        message = cognito.outbox[-1]
        assert message.text == f"Welcome: {message.code}"

    def test_a_name_is_taken_once(self, boto: Any, pool: LocalPool) -> None:
        """The text of SignUp differs from that of AdminCreateUser."""
        with refused("UsernameExistsException", "User already exists"):
            sign_up(boto, "Regular")

    def test_a_password_must_keep_the_policy(self, boto: Any, pool: LocalPool) -> None:
        text = "Password did not conform with policy: Password must have uppercase characters"
        with refused("InvalidPasswordException", text):
            sign_up(boto, Password="correct-horse-7")
        with pytest.raises(LookupError):
            pool.user("starter")

    def test_a_password_is_needed_where_it_is_the_factor(self, boto: Any, pool: LocalPool) -> None:
        request = {"ClientId": CLIENT_ID, "Username": "starter", "UserAttributes": [EMAIL]}
        with refused("InvalidParameterException", "User is required to have a password"):
            boto.sign_up(**request)

    def test_a_pool_may_let_people_in_without_one(self, cognito: LocalCognito, boto: Any) -> None:
        populated(cognito, first_factors=["PASSWORD", "EMAIL_OTP"])
        assert boto.sign_up(ClientId=CLIENT_ID, Username="starter", UserAttributes=[EMAIL])

    def test_a_pool_may_be_closed(self, cognito: LocalCognito, boto: Any, pool: LocalPool) -> None:
        pool.state.sign_up_closed = True
        with refused("NotAuthorizedException", "SignUp is not permitted for this user pool"):
            sign_up(boto)

    @pytest.mark.parametrize("name", ["email_verified", "phone_number_verified"])
    def test_no_one_verifies_themselves(self, boto: Any, pool: LocalPool, name: str) -> None:
        with refused("NotAuthorizedException"):
            sign_up(boto, UserAttributes=[EMAIL, {"Name": name, "Value": "true"}])

    def test_a_client_writes_what_it_may(self, boto: Any, pool: LocalPool) -> None:
        pool.state.clients[CLIENT_ID].settings["WriteAttributes"] = ["email"]
        with refused("NotAuthorizedException"):
            sign_up(boto, UserAttributes=[EMAIL, {"Name": "name", "Value": "Somebody"}])
        assert sign_up(boto)

    def test_what_the_pool_requires_must_be_there(self, cognito: LocalCognito, boto: Any) -> None:
        populated(cognito, required_attributes=["name"])
        text = "Attributes did not conform to the schema: name: The attribute is required\n"
        with refused("InvalidParameterException", text):
            sign_up(boto)

    def test_an_address_that_is_the_username_counts(self, cognito: LocalCognito, boto: Any) -> None:
        """The username is the sub then."""
        settings = {"username_attributes": ["email"], "required_attributes": ["email"]}
        pool = cognito.create_pool(POOL_ID, **settings)  # type: ignore[arg-type]
        pool.create_client(CLIENT_ID)
        answer = sign_up(boto, "starter@example.com", UserAttributes=[])
        assert pool.user("starter@example.com").username == answer["UserSub"]

    def test_a_confidential_client_signs_the_name(
        self, cognito: LocalCognito, boto: Any, pool: LocalPool
    ) -> None:
        secret = "exampleclientsecret00000000000000"
        pool.create_client("confidential", secret=secret)
        with refused("NotAuthorizedException"):
            sign_up(boto, ClientId="confidential")
        right = secret_hash(secret, "starter", "confidential")
        assert sign_up(boto, ClientId="confidential", SecretHash=right)


class TestConfirm:
    @pytest.fixture(autouse=True)
    def signed_up(self, boto: Any, pool: LocalPool) -> None:
        sign_up(boto)

    def test_a_wrong_code_is_a_mismatch(self, cognito: LocalCognito, boto: Any) -> None:
        """The right one still works."""
        code = cognito.outbox[-1].code
        with refused("CodeMismatchException", MISMATCH):
            confirm(boto, wrong(code))
        confirm(boto, code)

    def test_a_code_lives_for_a_day(self, cognito: LocalCognito, boto: Any) -> None:
        cognito.clock.advance(86399)
        with refused("CodeMismatchException"):
            confirm(boto, wrong(cognito.outbox[-1].code))
        cognito.clock.advance(1)
        with refused("ExpiredCodeException", EXPIRED):
            confirm(boto, cognito.outbox[-1].code)

    def test_the_newest_code_is_the_one(self, cognito: LocalCognito, boto: Any) -> None:
        first = cognito.outbox[-1].code
        resend(boto)
        second = cognito.outbox[-1].code
        if first != second:
            with refused("CodeMismatchException"):
                confirm(boto, first)
        confirm(boto, second)

    def test_once_is_enough(self, cognito: LocalCognito, boto: Any) -> None:
        code = cognito.outbox[-1].code
        confirm(boto, code)
        text = "User cannot be confirmed. Current status is CONFIRMED"
        with refused("NotAuthorizedException", text):
            confirm(boto, code)
        with refused("InvalidParameterException", "User is already confirmed."):
            resend(boto)

    def test_an_administrator_proves_no_address(self, boto: Any, pool: LocalPool) -> None:
        boto.admin_confirm_sign_up(UserPoolId=POOL_ID, Username="starter")
        user = pool.user("starter")
        assert user.status == "CONFIRMED"
        assert "email_verified" not in user.attributes
        with refused("NotAuthorizedException"):
            boto.admin_confirm_sign_up(UserPoolId=POOL_ID, Username="starter")

    def test_a_legacy_client_learns_who_is_not_there(self, boto: Any, pool: LocalPool) -> None:
        """PreventUserExistenceErrors is LEGACY."""
        pool.state.clients[CLIENT_ID].prevent_user_existence_errors = "LEGACY"
        with refused("UserNotFoundException", NOT_FOUND):
            confirm(boto, "000000", "nobody")
        with refused("UserNotFoundException", NOT_FOUND):
            resend(boto, "nobody")

    def test_others_learn_nothing(self, cognito: LocalCognito, boto: Any) -> None:
        """PreventUserExistenceErrors is ENABLED."""
        with refused("ExpiredCodeException", EXPIRED):
            confirm(boto, "000000", "nobody")
        sent = len(cognito.outbox)
        answers = [members(resend(boto, "nobody")) for _ in range(2)]
        assert answers[0] == answers[1]
        assert set(answers[0]["CodeDeliveryDetails"]) == {
            "Destination", "DeliveryMedium", "AttributeName",
        }  # fmt: skip
        assert len(cognito.outbox) == sent

    @pytest.mark.parametrize("username", ["starter", "nobody"])
    def test_fifteen_tries_an_hour(
        self, cognito: LocalCognito, boto: Any, pool: LocalPool, username: str
    ) -> None:
        """The limit does not disclose which users exist."""
        code = wrong(cognito.outbox[-1].code)
        for _ in range(15):
            with pytest.raises(boto.exceptions.ClientError) as caught:
                confirm(boto, code, username)
            assert caught.value.response["Error"]["Code"] != "LimitExceededException"
        with refused("LimitExceededException", LIMIT):
            confirm(boto, code, username)
        cognito.clock.advance(3600)
        with pytest.raises(boto.exceptions.ClientError) as caught:
            confirm(boto, code, username)
        assert caught.value.response["Error"]["Code"] != "LimitExceededException"

    def test_the_limits_can_be_switched_off(self, cognito: LocalCognito, boto: Any) -> None:
        cognito.account.pools.clear()
        populated(cognito, behavior=Behavior(hourly_limits=False))
        sign_up(boto)
        for _ in range(20):
            resend(boto)


def test_an_alias_shows_only_when_it_is_claimed(cognito: LocalCognito, boto: Any) -> None:
    """In a pool with aliases a taken address is no error of SignUp."""
    pool = populated(cognito, alias_attributes=["email"])
    owner = {"email": EMAIL["Value"], "email_verified": "true"}
    pool.create_user("owner", password=PASSWORD, attributes=owner)
    sign_up(boto)
    code = cognito.outbox[-1].code
    with refused("AliasExistsException"):
        confirm(boto, code)
    assert pool.user("starter").status == "UNCONFIRMED"
    confirm(boto, code, ForceAliasCreation=True)
    assert pool.user(EMAIL["Value"]).username == "starter"


class TestStraightOn:
    """The session, from SignUp through ConfirmSignUp to USER_AUTH."""

    @pytest.fixture
    def client_id(self, cognito: LocalCognito) -> str:
        pool = populated(cognito, mfa="OPTIONAL")
        flows = [*DEFAULT_FLOWS, "ALLOW_USER_AUTH"]
        return pool.create_client("choosing", explicit_auth_flows=flows).id

    def go_on(self, boto: Any, session: str, username: str = "starter") -> Any:
        return boto.initiate_auth(
            ClientId="choosing",
            AuthFlow="USER_AUTH",
            AuthParameters={"USERNAME": username},
            Session=session,
        )

    def confirmed(self, cognito: LocalCognito, boto: Any, client_id: str) -> str:
        first = sign_up(boto, ClientId=client_id)["Session"]
        answer = boto.confirm_sign_up(
            ClientId=client_id,
            Username="starter",
            ConfirmationCode=cognito.outbox[-1].code,
            Session=first,
        )
        session: str = answer["Session"]
        return session

    def test_the_code_was_a_factor(self, cognito: LocalCognito, boto: Any, client_id: str) -> None:
        session = self.confirmed(cognito, boto, client_id)
        assert "AuthenticationResult" in self.go_on(boto, session)
        with refused("NotAuthorizedException", USED):
            self.go_on(boto, session)

    def test_it_is_of_one_user(self, cognito: LocalCognito, boto: Any, client_id: str) -> None:
        session = self.confirmed(cognito, boto, client_id)
        with refused("NotAuthorizedException", INVALID):
            self.go_on(boto, session, "regular")

    def test_a_client_without_that_flow_gets_no_session(
        self, cognito: LocalCognito, boto: Any, client_id: str
    ) -> None:
        assert "Session" not in sign_up(boto)
        assert members(confirm(boto, cognito.outbox[-1].code)) == {}
