"""MFA preferences, reading them, and resets.

The facts are in "MFA preference" and "Resets by administrators" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local import newer
from tests.local.caller import PASSWORD, POOL_ID, Caller, access_token, members, refused
from tests.local.conftest import populated

ENABLE = {"Enabled": True, "PreferredMfa": False}
PREFER = {"Enabled": True, "PreferredMfa": True}
DISABLE = {"Enabled": False, "PreferredMfa": False}


def settings(boto: Any, username: str = "regular") -> tuple[list[str] | None, str | None]:
    """The list and the preferred one; None where the member is absent."""
    shown = members(boto.admin_get_user(UserPoolId=POOL_ID, Username=username))
    return shown.get("UserMFASettingList"), shown.get("PreferredMfaSetting")


def prefer(boto: Any, username: str = "regular", **blocks: Any) -> Any:
    return boto.admin_set_user_mfa_preference(UserPoolId=POOL_ID, Username=username, **blocks)


def test_the_measured_transitions(either_boto: Any, optional_pool: LocalPool) -> None:
    """Measured by the tests of amplify-swift."""
    totp = "SOFTWARE_TOKEN_MFA"
    for block, expected in [
        (DISABLE, (None, None)),
        (ENABLE, ([totp], None)),
        (PREFER, ([totp], totp)),
        (ENABLE, ([totp], None)),
        (PREFER, ([totp], totp)),
        (DISABLE, (None, None)),
    ]:
        assert members(prefer(either_boto, SoftwareTokenMfaSettings=block)) == {}
        assert settings(either_boto) == expected


def test_the_own_call_does_the_same(caller: Caller, optional_pool: LocalPool) -> None:
    token = signed_in(caller, optional_pool)
    answer = caller.boto.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings=DISABLE
    )
    assert members(answer) == {}
    shown = members(caller.boto.get_user(AccessToken=token))
    assert "UserMFASettingList" not in shown
    assert "PreferredMfaSetting" not in shown


class TestTwoFactors:
    """Measured by the tests of amplify-swift."""

    @pytest.fixture
    def both(self, cognito: LocalCognito) -> LocalPool:
        pool = populated(cognito, mfa="OPTIONAL", sms=True, email=True)
        pool.user("regular").attributes["phone_number"] = "+15555550839"
        return pool

    def test_preferring_one_takes_it_from_the_other(self, boto: Any, both: LocalPool) -> None:
        prefer(boto, SMSMfaSettings=PREFER)
        assert settings(boto) == (["SOFTWARE_TOKEN_MFA", "SMS_MFA"], "SMS_MFA")

    def test_disabling_the_preferred_one_drops_the_preference(
        self, boto: Any, both: LocalPool
    ) -> None:
        prefer(boto, SMSMfaSettings=ENABLE)
        prefer(boto, SoftwareTokenMfaSettings=DISABLE)
        assert settings(boto) == (["SMS_MFA"], None)

    def test_disabling_another_leaves_it(self, boto: Any, both: LocalPool) -> None:
        prefer(boto, SMSMfaSettings=ENABLE)
        prefer(boto, SMSMfaSettings=DISABLE)
        assert settings(boto) == (["SOFTWARE_TOKEN_MFA"], "SOFTWARE_TOKEN_MFA")

    def test_two_preferred_in_one_call_change_nothing(self, boto: Any, both: LocalPool) -> None:
        before = settings(boto)
        with refused("InvalidParameterException"):
            prefer(boto, SMSMfaSettings=PREFER, EmailMfaSettings=PREFER)
        assert settings(boto) == before

    def test_a_refused_block_changes_nothing(self, boto: Any, both: LocalPool) -> None:
        both.user("regular").attributes.pop("email")
        before = settings(boto)
        with refused("InvalidParameterException"):
            prefer(boto, SoftwareTokenMfaSettings=DISABLE, EmailMfaSettings=ENABLE)
        assert settings(boto) == before

    def test_email_can_be_enabled(self, boto: Any, both: LocalPool) -> None:
        prefer(boto, EmailMfaSettings=ENABLE)
        assert settings(boto)[0] == ["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]


@pytest.mark.parametrize("block", [ENABLE, DISABLE])
def test_an_sms_block_without_a_phone_is_refused_even_to_switch_off(
    caller: Caller, optional_pool: LocalPool, block: dict[str, bool]
) -> None:
    """This is why the app sends only the TOTP block."""
    text = "User does not have a phone_number set to turn on SMS MFA"
    token = signed_in(caller, optional_pool)
    with refused("InvalidParameterException", text):
        caller.boto.set_user_mfa_preference(
            AccessToken=token, SMSMfaSettings=block, SoftwareTokenMfaSettings=PREFER
        )


def test_a_factor_that_the_pool_does_not_offer_is_accepted_without_effect(
    caller: Caller, optional_pool: LocalPool
) -> None:
    """Reported in issue 11260 of aws-amplify/amplify-js."""
    optional_pool.user("newcomer").attributes["phone_number"] = "+15555550839"
    prefer(caller.boto, "newcomer", SMSMfaSettings=PREFER)
    assert "AuthenticationResult" in caller.password()


class TestTooEarly:
    """A preference for a token that is not verified."""

    def test_never_associated(self, caller: Caller, optional_pool: LocalPool) -> None:
        token = access_token(caller.password())
        with refused("InvalidParameterException", "User has not set up software token mfa"):
            caller.boto.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=ENABLE)

    def test_never_associated_says_the_admin_call(
        self, boto: Any, optional_pool: LocalPool
    ) -> None:
        text = "User does not have delivery config set to turn on SOFTWARE_TOKEN_MFA"
        with refused("InvalidParameterException", text):
            prefer(boto, "newcomer", SoftwareTokenMfaSettings=ENABLE)

    def test_associated_and_not_verified(self, caller: Caller, optional_pool: LocalPool) -> None:
        token = access_token(caller.password())
        caller.boto.associate_software_token(AccessToken=token)
        with refused("InvalidParameterException", "User has not verified software token mfa"):
            caller.boto.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=ENABLE)

    def test_switching_off_what_was_never_on_succeeds(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        """Measured by the tests of moto that also run against AWS."""
        token = access_token(caller.password())
        caller.boto.set_user_mfa_preference(AccessToken=token, SoftwareTokenMfaSettings=DISABLE)


class TestReset:
    """Each way to reset, in a pool that requires MFA and in one that does not."""

    def test_a_preference_off_in_an_optional_pool_lets_in_by_password(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        prefer(caller.boto, SoftwareTokenMfaSettings=DISABLE)
        assert "AuthenticationResult" in caller.password("regular")

    def test_the_secret_survives_a_preference(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        """Off and on again needs no new enrollment, so off is no remedy for a theft."""
        secret = optional_pool.user("regular").software_token
        prefer(caller.boto, SoftwareTokenMfaSettings=DISABLE)
        prefer(caller.boto, SoftwareTokenMfaSettings=PREFER)
        session = caller.password("regular")["Session"]
        code = optional_pool.code_for("regular")
        assert "AuthenticationResult" in caller.enter_code(session, code)
        assert optional_pool.user("regular").software_token is secret

    def test_a_preference_off_in_an_on_pool_answers_200_and_changes_no_sign_in(
        self, caller: Caller, pool: LocalPool
    ) -> None:
        """Measured: the list empties, the old secret is still asked for."""
        prefer(caller.boto, SoftwareTokenMfaSettings=DISABLE)
        assert settings(caller.boto) == (None, None)
        answer = caller.password("regular")
        assert answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        done = caller.enter_code(answer["Session"], pool.code_for("regular"))
        assert "AuthenticationResult" in done

    def test_or_is_refused_by_a_switch(self, cognito: LocalCognito) -> None:
        behavior = Behavior(required_mfa_refuses_preference_off=True)
        populated(cognito, mfa="ON", behavior=behavior)
        boto = cognito.client()
        with refused("InvalidParameterException"):
            prefer(boto, SoftwareTokenMfaSettings=DISABLE)
        assert settings(boto)[0] == ["SOFTWARE_TOKEN_MFA"]

    @newer.deletes_tokens
    def test_deleting_the_token_leads_to_setup_where_mfa_is_required(
        self, either: Caller, pool: LocalPool
    ) -> None:
        answer = either.boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="regular")
        assert members(answer) == {}
        assert settings(either.boto) == (None, None)
        assert either.password("regular")["ChallengeName"] == "MFA_SETUP"

    @newer.deletes_tokens
    def test_deleting_the_token_leads_to_tokens_where_mfa_is_optional(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        caller.boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="regular")
        assert "AuthenticationResult" in caller.password("regular")

    @newer.deletes_tokens
    def test_other_factors_stay(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="OPTIONAL", sms=True)
        pool.user("regular").attributes["phone_number"] = "+15555550839"
        boto = cognito.client()
        prefer(boto, SMSMfaSettings=ENABLE)
        boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="regular")
        assert settings(boto) == (["SMS_MFA"], None)

    @newer.deletes_tokens
    @pytest.mark.parametrize("fails", [False, True])
    def test_deleting_what_is_not_there(self, cognito: LocalCognito, fails: bool) -> None:
        populated(cognito, mfa="ON", behavior=Behavior(deleting_absent_token_fails=fails))
        boto = cognito.client()
        if fails:
            with refused("InvalidParameterException"):
                boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="newcomer")
            return
        boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="newcomer")

    @newer.deletes_tokens
    def test_deleting_may_end_open_sign_ins(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="ON", behavior=Behavior(deleting_token_ends_sessions=True))
        caller = Caller(cognito.client())
        session, code = caller.password("regular")["Session"], pool.code_for("regular")
        caller.boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="regular")
        with refused("NotAuthorizedException", "Invalid session for the user."):
            caller.enter_code(session, code)

    @newer.deletes_tokens
    def test_errors_of_deleting(self, boto: Any, pool: LocalPool) -> None:
        pool.create_user("early", password=PASSWORD, status="UNCONFIRMED")
        with refused("UserNotConfirmedException"):
            boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="early")
        with refused("UserNotFoundException", "User does not exist."):
            boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="nobody")

    def test_a_sign_out_resets_nothing(self, caller: Caller, pool: LocalPool) -> None:
        caller.boto.admin_user_global_sign_out(UserPoolId=POOL_ID, Username="regular")
        assert caller.password("regular")["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_a_new_password_resets_nothing(self, caller: Caller, pool: LocalPool) -> None:
        caller.boto.admin_set_user_password(
            UserPoolId=POOL_ID, Username="regular", Password=PASSWORD, Permanent=True
        )
        assert caller.password("regular")["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    @newer.deletes_tokens
    def test_open_tokens_survive_a_reset(self, caller: Caller, pool: LocalPool) -> None:
        """They need a sign-out of their own."""
        token = signed_in(caller, pool)
        caller.boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="regular")
        assert caller.boto.get_user(AccessToken=token)["Username"] == "regular"


class TestAuthFactors:
    """AdminGetUserAuthFactors and GetUserAuthFactors."""

    @newer.shows_factors
    def test_a_verified_token_shows_although_nothing_is_preferred(
        self, either_boto: Any, pool: LocalPool
    ) -> None:
        prefer(either_boto, SoftwareTokenMfaSettings=DISABLE)
        shown = members(
            either_boto.admin_get_user_auth_factors(UserPoolId=POOL_ID, Username="regular")
        )
        assert shown == {
            "Username": "regular",
            "ConfiguredUserAuthFactors": ["PASSWORD", "SOFTWARE_TOKEN"],
        }

    @newer.shows_factors
    def test_the_own_call_shows_the_same(self, caller: Caller, pool: LocalPool) -> None:
        own = caller.boto.get_user_auth_factors(AccessToken=signed_in(caller, pool))
        admins = caller.boto.admin_get_user_auth_factors(UserPoolId=POOL_ID, Username="regular")
        assert members(own) == members(admins)
        assert own["PreferredMfaSetting"] == "SOFTWARE_TOKEN_MFA"

    @newer.shows_factors
    def test_a_user_without_has_only_a_password(self, boto: Any, pool: LocalPool) -> None:
        shown = boto.admin_get_user_auth_factors(UserPoolId=POOL_ID, Username="newcomer")
        assert shown["ConfiguredUserAuthFactors"] == ["PASSWORD"]

    @newer.shows_factors
    def test_a_federated_user_has_none(self, boto: Any, pool: LocalPool) -> None:
        pool.create_user("Google_1", status="EXTERNAL_PROVIDER")
        shown = boto.admin_get_user_auth_factors(UserPoolId=POOL_ID, Username="Google_1")
        assert members(shown) == {"Username": "Google_1"}

    @newer.shows_factors
    def test_the_preference_may_be_needed_by_a_switch(self, cognito: LocalCognito) -> None:
        populated(cognito, mfa="ON", behavior=Behavior(auth_factors_need_preference=True))
        boto = cognito.client()
        prefer(boto, SoftwareTokenMfaSettings=DISABLE)
        shown = boto.admin_get_user_auth_factors(UserPoolId=POOL_ID, Username="regular")
        assert shown["ConfiguredUserAuthFactors"] == ["PASSWORD"]

    @newer.shows_factors
    def test_codes_by_text_and_mail_are_factors_once_enabled(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="OPTIONAL", sms=True, email=True)
        pool.user("newcomer").attributes["phone_number"] = "+15555550839"
        boto = cognito.client()
        prefer(boto, "newcomer", SMSMfaSettings=ENABLE, EmailMfaSettings=ENABLE)
        shown = boto.admin_get_user_auth_factors(UserPoolId=POOL_ID, Username="newcomer")
        assert shown["ConfiguredUserAuthFactors"] == ["PASSWORD", "SMS_OTP", "EMAIL_OTP"]


def signed_in(caller: Caller, pool: LocalPool) -> str:
    answer = caller.password("regular")
    if "AuthenticationResult" in answer:
        return access_token(answer)
    return access_token(caller.enter_code(answer["Session"], pool.code_for("regular")))
