"""ForgotPassword, ConfirmForgotPassword, AdminResetUserPassword and ChangePassword.

The facts are in "Sign-up and forgotten passwords" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito, PasswordPolicy
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, members, refused
from tests.local.conftest import populated

NEW_PASSWORD = "Another-Horse-8"
WRONG = "Incorrect username or password."
NOT_FOUND = "Username/client id combination not found."
EXPIRED = "Invalid code provided, please request a code again."
NO_CHANNEL = (
    "Cannot reset password for the user as there is no registered/verified email or phone_number"
)
WRONG_STATE = "User password cannot be reset in the current state."
VERIFIED = {"email": "owner@example.com", "email_verified": "true"}
PHONE = {"phone_number": "+15555550839", "phone_number_verified": "true"}


@pytest.fixture
def plain(cognito: LocalCognito) -> LocalPool:
    pool = populated(cognito, mfa="OFF")
    pool.create_user("owner", password=PASSWORD, attributes=VERIFIED)
    return pool


def forgot(boto: Any, username: str = "owner") -> Any:
    return boto.forgot_password(ClientId=CLIENT_ID, Username=username)


def confirm(boto: Any, code: str, username: str = "owner", password: str = NEW_PASSWORD) -> Any:
    return boto.confirm_forgot_password(
        ClientId=CLIENT_ID, Username=username, ConfirmationCode=code, Password=password
    )


def other(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


class TestForgotPassword:
    def test_a_code_sets_another_password(
        self, cognito: LocalCognito, either_boto: Any, plain: LocalPool
    ) -> None:
        assert members(forgot(either_boto)) == {
            "CodeDeliveryDetails": {
                "Destination": "o***@e***",
                "DeliveryMedium": "EMAIL",
                "AttributeName": "email",
            }
        }
        assert members(confirm(either_boto, cognito.outbox[-1].code)) == {}
        caller = Caller(either_boto)
        assert caller.password("owner", NEW_PASSWORD)
        with refused("NotAuthorizedException", WRONG):
            caller.password("owner", PASSWORD)

    def test_it_gets_no_one_past_the_second_factor(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        pool.user("regular").attributes |= VERIFIED
        forgot(caller.boto, "regular")
        confirm(caller.boto, cognito.outbox[-1].code, "regular")
        answer = caller.password("regular", NEW_PASSWORD)
        assert answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_a_wrong_code_is_a_mismatch(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        """The code stays valid after a wrong one."""
        forgot(boto)
        code = cognito.outbox[-1].code
        text = "Invalid verification code provided, please try again."
        with refused("CodeMismatchException", text):
            confirm(boto, other(code))
        confirm(boto, code)

    def test_a_code_works_once_and_for_an_hour(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        forgot(boto)
        cognito.clock.advance(3600)
        with refused("ExpiredCodeException", EXPIRED):
            confirm(boto, cognito.outbox[-1].code)
        forgot(boto)
        confirm(boto, cognito.outbox[-1].code)
        with refused("ExpiredCodeException", EXPIRED):
            confirm(boto, cognito.outbox[-1].code)

    def test_the_policy_is_kept_and_the_code_too(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        forgot(boto)
        with refused("InvalidPasswordException"):
            confirm(boto, cognito.outbox[-1].code, password="short")
        confirm(boto, cognito.outbox[-1].code)

    def test_it_ends_a_lock_and_a_required_reset(
        self, cognito: LocalCognito, caller: Caller, plain: LocalPool
    ) -> None:
        plain.user("owner").status = "RESET_REQUIRED"
        for _ in range(6):
            with refused("NotAuthorizedException"):
                caller.password("owner", "Wrong-Horse-7")
        forgot(caller.boto)
        confirm(caller.boto, cognito.outbox[-1].code)
        assert "AuthenticationResult" in caller.password("owner", NEW_PASSWORD)

    @pytest.mark.parametrize(
        ("status", "code", "text"),
        [
            ("FORCE_CHANGE_PASSWORD", "NotAuthorizedException", WRONG_STATE),
            ("EXTERNAL_PROVIDER", "NotAuthorizedException", WRONG_STATE),
            ("UNCONFIRMED", "InvalidParameterException", NO_CHANNEL),
        ],
    )
    def test_some_states_have_no_password_to_forget(
        self, boto: Any, plain: LocalPool, status: str, code: str, text: str
    ) -> None:
        plain.create_user("other", password=PASSWORD, attributes=VERIFIED, status=status)
        with refused(code, text):
            forgot(boto, "other")

    def test_a_disabled_user_is_told(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool
    ) -> None:
        forgot(boto)
        plain.user("owner").enabled = False
        with refused("NotAuthorizedException", "User is disabled."):
            forgot(boto)
        with refused("NotAuthorizedException", "User is disabled."):
            confirm(boto, cognito.outbox[-1].code)

    def test_an_unverified_address_is_none(self, boto: Any, plain: LocalPool) -> None:
        with refused("InvalidParameterException", NO_CHANNEL):
            forgot(boto, "regular")

    def test_an_administrator_may_be_the_only_way(self, boto: Any, plain: LocalPool) -> None:
        plain.state.account_recovery = ["admin_only"]
        with refused("NotAuthorizedException", "Contact administrator to reset password."):
            forgot(boto)

    @pytest.mark.parametrize(
        ("recovery", "medium"),
        [([], "SMS"), (["verified_email", "verified_phone_number"], "EMAIL")],
    )
    def test_the_pool_says_which_address_comes_first(
        self, boto: Any, plain: LocalPool, recovery: list[str], medium: str
    ) -> None:
        plain.state.account_recovery = recovery
        plain.create_user("both", password=PASSWORD, attributes={**VERIFIED, **PHONE})
        assert forgot(boto, "both")["CodeDeliveryDetails"]["DeliveryMedium"] == medium

    @pytest.mark.parametrize(("factor", "medium"), [("SMS_MFA", "EMAIL"), ("EMAIL_OTP", "SMS")])
    def test_never_the_address_of_the_preferred_factor(
        self, boto: Any, plain: LocalPool, factor: str, medium: str
    ) -> None:
        user = plain.create_user("both", password=PASSWORD, attributes={**VERIFIED, **PHONE})
        user.preferred_factor = factor
        assert forgot(boto, "both")["CodeDeliveryDetails"]["DeliveryMedium"] == medium

    def test_with_totp_the_mail_stays_a_way(self, boto: Any, plain: LocalPool) -> None:
        """A code by email and a code of an app are two channels."""
        plain.register_software_token("owner")
        assert forgot(boto)["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"

    def test_a_legacy_client_learns_who_is_not_there(self, boto: Any, plain: LocalPool) -> None:
        """PreventUserExistenceErrors is LEGACY."""
        plain.state.clients[CLIENT_ID].prevent_user_existence_errors = "LEGACY"
        with refused("UserNotFoundException", NOT_FOUND):
            forgot(boto, "nobody")
        with refused("UserNotFoundException", NOT_FOUND):
            confirm(boto, "000000", "nobody")

    def test_others_learn_nothing(self, cognito: LocalCognito, boto: Any, plain: LocalPool) -> None:
        """PreventUserExistenceErrors is ENABLED."""
        first, second = (members(forgot(boto, "no@example.com")) for _ in range(2))
        assert first == second
        assert set(first["CodeDeliveryDetails"]) == set(forgot(boto)["CodeDeliveryDetails"])
        assert [message.destination for message in cognito.outbox] == [VERIFIED["email"]]
        with refused("ExpiredCodeException", EXPIRED):
            confirm(boto, "000000", "no@example.com")

    def test_an_unconfirmed_user_cannot_confirm_this(self, boto: Any, plain: LocalPool) -> None:
        plain.create_user("early", password=PASSWORD, status="UNCONFIRMED")
        with refused("UserNotConfirmedException"):
            confirm(boto, "000000", "early")

    @pytest.mark.parametrize("username", ["owner", "nobody"])
    def test_five_times_an_hour(
        self, cognito: LocalCognito, boto: Any, plain: LocalPool, username: str
    ) -> None:
        """The documentation says 5 to 20; this is the low end."""
        for _ in range(5):
            forgot(boto, username)
        text = "Attempt limit exceeded, please try after some time."
        with refused("LimitExceededException", text):
            forgot(boto, username)
        cognito.clock.advance(3600)
        assert forgot(boto, username)


class TestAdminReset:
    def test_the_password_works_no_more(
        self, cognito: LocalCognito, caller: Caller, plain: LocalPool
    ) -> None:
        boto = caller.boto
        answer = boto.admin_reset_user_password(UserPoolId=POOL_ID, Username="owner")
        assert members(answer) == {}
        with refused("PasswordResetRequiredException"):
            caller.password("owner")
        confirm(boto, cognito.outbox[-1].code)
        assert "AuthenticationResult" in caller.password("owner", NEW_PASSWORD)

    def test_it_leaves_the_factor_alone(
        self, cognito: LocalCognito, boto: Any, pool: LocalPool
    ) -> None:
        pool.user("regular").attributes |= VERIFIED
        before = pool.code_for("regular")
        boto.admin_reset_user_password(UserPoolId=POOL_ID, Username="regular")
        assert pool.code_for("regular") == before
        assert pool.user("regular").preferred_factor == "SOFTWARE_TOKEN_MFA"

    def test_a_code_must_have_a_way(self, boto: Any, plain: LocalPool) -> None:
        with refused("InvalidParameterException", NO_CHANNEL):
            boto.admin_reset_user_password(UserPoolId=POOL_ID, Username="regular")
        assert plain.user("regular").status == "CONFIRMED"


class TestChangePassword:
    def change(self, boto: Any, token: str, previous: str, proposed: str = NEW_PASSWORD) -> Any:
        return boto.change_password(
            AccessToken=token, PreviousPassword=previous, ProposedPassword=proposed
        )

    @pytest.fixture
    def token(self, caller: Caller, plain: LocalPool) -> str:
        return access_token(caller.password("owner"))

    def test_the_old_one_opens_the_way(self, caller: Caller, token: str) -> None:
        assert members(self.change(caller.boto, token, PASSWORD)) == {}
        assert caller.password("owner", NEW_PASSWORD)

    def test_a_wrong_one_counts(self, cognito: LocalCognito, caller: Caller, token: str) -> None:
        """Else a token would be a way to guess."""
        for _ in range(5):
            with refused("NotAuthorizedException", WRONG):
                self.change(caller.boto, token, "Wrong-Horse-7")
        with refused("LimitExceededException"):
            self.change(caller.boto, token, PASSWORD)
        cognito.clock.advance(1)
        self.change(caller.boto, token, PASSWORD)

    def test_the_new_one_keeps_the_policy(self, boto: Any, token: str) -> None:
        with refused("InvalidPasswordException"):
            self.change(boto, token, PASSWORD, "nodigits-Here")

    def test_the_old_one_must_be_there(self, boto: Any, token: str) -> None:
        with refused("InvalidParameterException", "Missing required parameter PreviousPassword"):
            boto.change_password(AccessToken=token, ProposedPassword=NEW_PASSWORD)

    def test_who_has_none_needs_none(self, cognito: LocalCognito, boto: Any) -> None:
        pool = populated(cognito)
        pool.create_user("without", attributes=VERIFIED)
        tokens = pool.issue_tokens("without", CLIENT_ID, scopes=["aws.cognito.signin.user.admin"])
        boto.change_password(AccessToken=tokens["AccessToken"], ProposedPassword=NEW_PASSWORD)
        assert Caller(boto).password("without", NEW_PASSWORD)


class TestHistory:
    """PasswordHistoryPolicyViolationException, where the policy remembers."""

    @pytest.fixture
    def remembering(self, cognito: LocalCognito) -> LocalPool:
        pool = populated(cognito, policy=PasswordPolicy(history=2))
        pool.create_user("owner", password=PASSWORD, attributes=VERIFIED)
        return pool

    def set(self, boto: Any, password: str) -> None:
        boto.admin_set_user_password(
            UserPoolId=POOL_ID, Username="owner", Password=password, Permanent=True
        )

    def test_the_last_ones_may_not_come_again(self, boto: Any, remembering: LocalPool) -> None:
        self.set(boto, NEW_PASSWORD)
        for password in (PASSWORD, NEW_PASSWORD):
            with refused("PasswordHistoryPolicyViolationException"):
                self.set(boto, password)
        self.set(boto, "Third-Horse-9")
        self.set(boto, PASSWORD)

    def test_without_one_they_may(self, boto: Any, plain: LocalPool) -> None:
        self.set(boto, PASSWORD)
