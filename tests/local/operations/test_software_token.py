"""AssociateSoftwareToken and VerifySoftwareToken.

The facts are in "Software token: associate and verify" of docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from tests.local.caller import (
    INVALID,
    Caller,
    access_token,
    members,
    refused,
)
from tests.local.conftest import populated

LOCKED = (
    "Too many invalid credentials attempts. User temporarily locked. "
    "Please try again after few seconds."
)
REUSED = "Your software token has already been used once."
NOT_OFFERED = "Software Token MFA has not been enabled by the userPool"


def test_secrets_have_52_characters_of_base32_and_are_never_the_same(
    either: Caller, pool: LocalPool
) -> None:
    """Upper case, no padding, one per association."""
    session = either.password()["Session"]
    secrets = [either.associate(session)["SecretCode"] for _ in range(3)]
    assert len(set(secrets)) == 3
    assert all(len(secret) == 52 and secret.isalnum() and secret.isupper() for secret in secrets)
    assert all(len(base64.b32decode(secret + "====")) == 32 for secret in secrets)


def test_a_wrong_setup_code_keeps_the_same_session(either: Caller, pool: LocalPool) -> None:
    """The error brings no new session, and this one stays valid."""
    second = either.associate(either.password()["Session"])
    for _ in range(6):
        with refused("EnableSoftwareTokenMFAException", "Code mismatch"):
            either.verify(second["Session"], wrong_setup_code(pool))
    assert either.verify(second["Session"], pool.pending_code_for("newcomer"))["Session"]


@pytest.mark.parametrize(
    "code", ["abcdef", "1234567", "\uff11\uff12\uff13\uff14\uff15\uff16", "12345 "]
)
def test_a_code_of_another_shape_keeps_the_same_session(
    either: Caller, pool: LocalPool, code: str
) -> None:
    """The model's limits refuse it, and the value is not shown."""
    second = either.associate(either.password()["Session"])
    with pytest.raises(either.boto.exceptions.InvalidParameterException) as caught:
        either.verify(second["Session"], code)
    assert "'userCode' failed to satisfy constraint" in str(caught.value)
    assert code not in str(caught.value)
    assert either.verify(second["Session"], pool.pending_code_for("newcomer"))["Session"]


@pytest.mark.parametrize(("offset", "accepted"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_setup_code_may_be_one_step_early_or_late(
    caller: Caller, pool: LocalPool, offset: int, accepted: bool
) -> None:
    second = caller.associate(caller.password()["Session"])
    code = pool.pending_code_for("newcomer", offset=offset)
    if accepted:
        assert caller.verify(second["Session"], code)["Status"] == "SUCCESS"
        return
    with refused("EnableSoftwareTokenMFAException", "Code mismatch"):
        caller.verify(second["Session"], code)


@pytest.mark.parametrize(("offset", "accepted"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_a_sign_in_code_may_be_one_step_early_or_late(
    caller: Caller, pool: LocalPool, offset: int, accepted: bool
) -> None:
    session = caller.password("regular")["Session"]
    code = pool.code_for("regular", offset=offset)
    if accepted:
        assert "AuthenticationResult" in caller.enter_code(session, code)
        return
    with refused("CodeMismatchException", "Invalid code received for user"):
        caller.enter_code(session, code)


def test_a_code_works_once_per_user_whatever_the_session(either: Caller, pool: LocalPool) -> None:
    sessions = [either.password("regular")["Session"] for _ in range(2)]
    code = pool.code_for("regular")
    either.enter_code(sessions[0], code)
    with refused("ExpiredCodeException", REUSED):
        either.enter_code(sessions[1], code)


def test_codes_of_steps_before_the_last_accepted_one_are_spent_too(
    caller: Caller, pool: LocalPool
) -> None:
    """Strict, as RFC 6238 wants it. This is assumed."""
    sessions = [caller.password("regular")["Session"] for _ in range(2)]
    caller.enter_code(sessions[0], pool.code_for("regular", offset=1))
    for offset in (-1, 0, 1):
        with refused("ExpiredCodeException", REUSED):
            caller.enter_code(sessions[1], pool.code_for("regular", offset=offset))


def test_an_older_unused_code_may_be_accepted_by_a_switch(cognito: LocalCognito) -> None:
    pool = populated(cognito, mfa="ON", behavior=Behavior(older_unused_codes_accepted=True))
    caller = Caller(cognito.client())
    sessions = [caller.password("regular")["Session"] for _ in range(2)]
    caller.enter_code(sessions[0], pool.code_for("regular", offset=1))
    with refused("ExpiredCodeException", REUSED):
        caller.enter_code(sessions[1], pool.code_for("regular", offset=1))
    assert "AuthenticationResult" in caller.enter_code(sessions[1], pool.code_for("regular"))


def test_one_users_code_is_not_anothers(caller: Caller, pool: LocalPool) -> None:
    pool.register_software_token("newcomer")
    session = caller.password("newcomer")["Session"]
    with refused("CodeMismatchException"):
        caller.enter_code(session, pool.code_for("regular"), "newcomer")


@pytest.mark.parametrize(
    "code", ["abcdef", "1234567", "\uff11\uff12\uff13\uff14\uff15\uff16", "-12345", "12 456"]
)
def test_a_code_of_another_shape_is_a_wrong_code_at_sign_in(
    caller: Caller, pool: LocalPool, code: str
) -> None:
    session = caller.password("regular")["Session"]
    with refused("CodeMismatchException", "Invalid code received for user"):
        caller.enter_code(session, code)


def test_a_code_must_be_there(caller: Caller, pool: LocalPool) -> None:
    session = caller.password("regular")["Session"]
    text = "Missing required parameter SOFTWARE_TOKEN_MFA_CODE"
    with refused("InvalidParameterException", text):
        caller.respond("SOFTWARE_TOKEN_MFA", session, "regular")


class TestFriendlyName:
    """It comes back with the next challenge, and nowhere else."""

    def test_it_comes_back_with_the_next_challenge(self, caller: Caller, pool: LocalPool) -> None:
        parameters = caller.password("regular")["ChallengeParameters"]
        assert parameters == {"FRIENDLY_DEVICE_NAME": "Old phone", "USER_ID_FOR_SRP": "regular"}

    def test_without_one_the_key_is_absent(self, caller: Caller, pool: LocalPool) -> None:
        second = caller.associate(caller.password()["Session"])
        caller.boto.verify_software_token(
            Session=second["Session"], UserCode=pool.pending_code_for("newcomer")
        )
        assert caller.password()["ChallengeParameters"] == {"USER_ID_FOR_SRP": "newcomer"}

    def test_it_is_any_text(self, either: Caller, pool: LocalPool) -> None:
        name = '<b>Ädas 📱</b> "\\' + "x" * 1000
        second = either.associate(either.password()["Session"])
        either.verify(second["Session"], pool.pending_code_for("newcomer"), name)
        assert either.password()["ChallengeParameters"]["FRIENDLY_DEVICE_NAME"] == name

    def test_it_has_a_limit(self, caller: Caller, pool: LocalPool) -> None:
        second = caller.associate(caller.password()["Session"])
        with refused("InvalidParameterException"):
            caller.verify(second["Session"], pool.pending_code_for("newcomer"), "x" * 131073)

    def test_no_reading_operation_shows_it(self, caller: Caller, pool: LocalPool) -> None:
        token = signed_in(caller, pool)
        for answer in (
            caller.boto.get_user(AccessToken=token),
            caller.boto.get_user_auth_factors(AccessToken=token),
            caller.boto.admin_get_user(UserPoolId=pool.id, Username="regular"),
            caller.boto.list_users(UserPoolId=pool.id),
        ):
            assert "Old phone" not in str(members(answer))


class TestAccessTokenMode:
    """A user who is signed in already."""

    def test_no_answer_has_a_session(
        self, cognito: LocalCognito, either: Caller, optional_pool: LocalPool
    ) -> None:
        token = access_token(either.password())
        associated = members(either.boto.associate_software_token(AccessToken=token))
        assert set(associated) == {"SecretCode"}
        verified = members(
            either.boto.verify_software_token(
                AccessToken=token, UserCode=optional_pool.pending_code_for("newcomer")
            )
        )
        assert verified == {"Status": "SUCCESS"}

    def test_verification_alone_does_not_ask_for_a_code(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        """The preference makes the difference in an OPTIONAL pool."""
        token = access_token(caller.password())
        enrol(caller, optional_pool, token)
        assert "AuthenticationResult" in caller.password()
        caller.boto.set_user_mfa_preference(
            AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )
        assert caller.password()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_a_wrong_code_is_a_mismatch_and_can_be_tried_again(
        self, caller: Caller, optional_pool: LocalPool
    ) -> None:
        token = access_token(caller.password())
        caller.boto.associate_software_token(AccessToken=token)
        with refused("EnableSoftwareTokenMFAException", "Code mismatch"):
            verify_with(caller, token, wrong_setup_code(optional_pool))
        code = optional_pool.pending_code_for("newcomer")
        assert verify_with(caller, token, code)["Status"] == "SUCCESS"

    def test_the_old_authenticator_works_until_the_new_one_is_verified(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        """As documented today."""
        token = signed_in(caller, pool)
        caller.boto.associate_software_token(AccessToken=token)
        cognito.clock.advance(30)
        old = pool.code_for("regular")
        assert "AuthenticationResult" in caller.enter_code(
            caller.password("regular")["Session"], old
        )
        with refused("EnableSoftwareTokenMFAException"):
            verify_with(caller, token, old)
        verify_with(caller, token, pool.pending_code_for("regular"))
        cognito.clock.advance(30)
        new = pool.code_for("regular")
        session = caller.password("regular")["Session"]
        assert "AuthenticationResult" in caller.enter_code(session, new)

    def test_association_may_kill_the_old_authenticator_by_a_switch(
        self, cognito: LocalCognito
    ) -> None:
        """As measured until 2021: users of an OPTIONAL pool came in by password alone
        although the list still said SOFTWARE_TOKEN_MFA, and the preference could not be set."""
        switch = Behavior(association_drops_active_token=True)
        pool = populated(cognito, mfa="OPTIONAL", behavior=switch)
        caller = Caller(cognito.client())
        token = signed_in(caller, pool)
        caller.boto.associate_software_token(AccessToken=token)
        assert "AuthenticationResult" in caller.password("regular")
        shown = caller.boto.get_user(AccessToken=token)
        assert shown["UserMFASettingList"] == ["SOFTWARE_TOKEN_MFA"]
        with refused("InvalidParameterException", "User has not verified software token mfa"):
            caller.boto.set_user_mfa_preference(
                AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True}
            )

    @pytest.mark.parametrize(
        ("switch", "code"),
        [
            (False, "EnableSoftwareTokenMFAException"),
            (True, "SoftwareTokenMFANotFoundException"),
        ],
    )
    def test_there_must_be_something_to_verify(
        self, cognito: LocalCognito, switch: bool, code: str
    ) -> None:
        """The error is assumed."""
        behavior = Behavior(verify_without_association_is_not_found=switch)
        populated(cognito, mfa="OPTIONAL", behavior=behavior)
        caller = Caller(cognito.client())
        with refused(code):
            verify_with(caller, access_token(caller.password()), "123456")

    def test_it_cannot_be_verified_twice(self, caller: Caller, optional_pool: LocalPool) -> None:
        token = access_token(caller.password())
        code = enrol(caller, optional_pool, token)
        with refused("EnableSoftwareTokenMFAException"):
            verify_with(caller, token, code)


class TestWhatIsAccepted:
    """Exactly one of AccessToken and Session."""

    def test_neither(self, boto: Any, pool: LocalPool) -> None:
        with refused("InvalidParameterException"):
            boto.associate_software_token()
        with refused("InvalidParameterException"):
            boto.verify_software_token(UserCode="123456")

    def test_both(self, caller: Caller, pool: LocalPool) -> None:
        token = signed_in(caller, pool)
        session = caller.password()["Session"]
        with refused("InvalidParameterException"):
            caller.boto.associate_software_token(AccessToken=token, Session=session)

    def test_a_session_of_another_challenge(self, caller: Caller, pool: LocalPool) -> None:
        """A user who has an authenticator app cannot set up another one with the password."""
        session = caller.password("regular")["Session"]
        with refused("NotAuthorizedException", INVALID):
            caller.associate(session)
        with refused("NotAuthorizedException", INVALID):
            caller.verify(session, "123456")


class TestPoolWithoutTotp:
    """New users cannot set up. Those who registered before go on."""

    def test_association_and_verification_say_so(self, cognito: LocalCognito) -> None:
        populated(cognito, mfa="ON", software_token=False, email=True)
        caller = Caller(cognito.client())
        text = NOT_OFFERED
        session = caller.password()["Session"]
        code = cognito.outbox[-1].code
        done = caller.respond("EMAIL_OTP", session, EMAIL_OTP_CODE=code)
        with refused("SoftwareTokenMFANotFoundException", text):
            caller.boto.associate_software_token(AccessToken=access_token(done))
        with refused("SoftwareTokenMFANotFoundException", text):
            verify_with(caller, access_token(done), "123456")

    def test_a_pool_with_mfa_off_offers_none(self, cognito: LocalCognito) -> None:
        populated(cognito, mfa="OFF")
        caller = Caller(cognito.client())
        with refused("SoftwareTokenMFANotFoundException", NOT_OFFERED):
            caller.boto.associate_software_token(AccessToken=access_token(caller.password()))

    def test_an_enrolled_user_stays_enrolled(self, caller: Caller, pool: LocalPool) -> None:
        pool.state.software_token = False
        session = caller.password("regular")["Session"]
        assert "AuthenticationResult" in caller.enter_code(session, pool.code_for("regular"))

    def test_a_setup_that_began_before_ends(self, caller: Caller, pool: LocalPool) -> None:
        session = caller.password()["Session"]
        pool.state.software_token = False
        with refused("SoftwareTokenMFANotFoundException", NOT_OFFERED):
            caller.associate(session)


class TestCodeLock:
    """See "Wrong codes" under "Lockout" in docs/cognito-behavior.md."""

    def fail(self, caller: Caller, pool: LocalPool, session: str, times: int) -> None:
        for _ in range(times):
            with refused("CodeMismatchException"):
                caller.enter_code(session, wrong_code(pool))

    def test_after_five_wrong_codes_even_the_right_one_is_refused_for_a_second(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        session = caller.password("regular")["Session"]
        self.fail(caller, pool, session, 5)
        with refused("NotAuthorizedException", LOCKED):
            caller.enter_code(session, pool.code_for("regular"))
        cognito.clock.advance(1)
        assert "AuthenticationResult" in caller.enter_code(session, pool.code_for("regular"))

    def test_the_count_goes_on_in_another_session(self, caller: Caller, pool: LocalPool) -> None:
        sessions = [caller.password("regular")["Session"] for _ in range(2)]
        self.fail(caller, pool, sessions[0], 3)
        self.fail(caller, pool, sessions[1], 2)
        with refused("NotAuthorizedException", LOCKED):
            caller.enter_code(sessions[0], pool.code_for("regular"))

    def test_the_password_still_opens_a_session(self, caller: Caller, pool: LocalPool) -> None:
        session = caller.password("regular")["Session"]
        self.fail(caller, pool, session, 5)
        assert caller.password("regular")["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_a_reused_code_is_no_failure(self, caller: Caller, pool: LocalPool) -> None:
        caller.enter_code(caller.password("regular")["Session"], pool.code_for("regular"))
        session = caller.password("regular")["Session"]
        for _ in range(10):
            with refused("ExpiredCodeException"):
                caller.enter_code(session, pool.code_for("regular"))

    def test_without_the_lock_tries_are_unlimited(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="ON", behavior=Behavior(code_failures_before_lock=None))
        caller = Caller(cognito.client())
        session = caller.password("regular")["Session"]
        self.fail(caller, pool, session, 12)
        assert "AuthenticationResult" in caller.enter_code(session, pool.code_for("regular"))

    def test_setup_codes_count_by_a_switch(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="ON", behavior=Behavior(setup_failures_lock=True))
        caller = Caller(cognito.client())
        second = caller.associate(caller.password()["Session"])
        for _ in range(5):
            with refused("EnableSoftwareTokenMFAException"):
                caller.verify(second["Session"], wrong_setup_code(pool))
        with refused("NotAuthorizedException", LOCKED):
            caller.verify(second["Session"], pool.pending_code_for("newcomer"))


class TestSwitches:
    """The other side of what is not known: "Where sources disagree" in docs/cognito-behavior.md."""

    def test_a_wrong_setup_code_may_be_a_status(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="ON", behavior=Behavior(wrong_setup_code_is_a_status=True))
        caller = Caller(cognito.client())
        second = caller.associate(caller.password()["Session"])
        answer = members(caller.verify(second["Session"], wrong_setup_code(pool)))
        assert answer == {"Status": "ERROR"}
        code = pool.pending_code_for("newcomer")
        assert caller.verify(second["Session"], code)["Status"] == "SUCCESS"

    def test_a_code_may_follow_a_setup(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="ON", behavior=Behavior(code_after_setup=True))
        caller = Caller(cognito.client())
        second = caller.associate(caller.password()["Session"])
        third = caller.verify(second["Session"], pool.pending_code_for("newcomer"))
        fourth = caller.respond("MFA_SETUP", third["Session"])
        assert fourth["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        cognito.clock.advance(30)
        done = caller.enter_code(fourth["Session"], pool.code_for("newcomer"), "newcomer")
        assert "AuthenticationResult" in done

    def test_a_session_may_associate_only_once(self, cognito: LocalCognito) -> None:
        populated(cognito, mfa="ON", behavior=Behavior(association_once_per_session=True))
        caller = Caller(cognito.client())
        session = caller.password()["Session"]
        caller.associate(session)
        with refused("NotAuthorizedException", INVALID):
            caller.associate(session)

    def test_a_new_sign_in_may_end_older_ones(self, cognito: LocalCognito) -> None:
        pool = populated(cognito, mfa="ON", behavior=Behavior(sign_in_ends_older_sessions=True))
        caller = Caller(cognito.client())
        older, newer = (caller.password("regular")["Session"] for _ in range(2))
        with refused("NotAuthorizedException", INVALID):
            caller.enter_code(older, pool.code_for("regular"))
        assert "AuthenticationResult" in caller.enter_code(newer, pool.code_for("regular"))

    def test_a_verified_token_may_be_asked_for_without_a_preference(
        self, cognito: LocalCognito
    ) -> None:
        behavior = Behavior(verified_token_asked_without_preference=True)
        pool = populated(cognito, mfa="OPTIONAL", behavior=behavior)
        caller = Caller(cognito.client())
        enrol(caller, pool, access_token(caller.password()))
        assert caller.password()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_secrets_may_have_another_length(self, cognito: LocalCognito) -> None:
        populated(cognito, mfa="ON", behavior=Behavior(secret_bytes=20))
        caller = Caller(cognito.client())
        assert len(caller.associate(caller.password()["Session"])["SecretCode"]) == 32

    @pytest.mark.parametrize("mixed", [False, True])
    def test_admin_and_public_calls_may_mix(self, cognito: LocalCognito, mixed: bool) -> None:
        pool = populated(cognito, mfa="ON", behavior=Behavior(admin_and_public_calls_mix=mixed))
        caller = Caller(cognito.client())
        code = pool.code_for("regular")
        session = caller.password("regular")["Session"]

        def answer() -> Any:
            return caller.admin_respond(
                "SOFTWARE_TOKEN_MFA", session, "regular", SOFTWARE_TOKEN_MFA_CODE=code
            )

        if mixed:
            assert "AuthenticationResult" in answer()
            return
        with refused("NotAuthorizedException", INVALID):
            answer()


def signed_in(caller: Caller, pool: LocalPool) -> str:
    session = caller.password("regular")["Session"]
    return access_token(caller.enter_code(session, pool.code_for("regular")))


def verify_with(caller: Caller, token: str, code: str) -> Any:
    return caller.boto.verify_software_token(AccessToken=token, UserCode=code)


def enrol(caller: Caller, pool: LocalPool, token: str, username: str = "newcomer") -> str:
    caller.boto.associate_software_token(AccessToken=token)
    code = pool.pending_code_for(username)
    verify_with(caller, token, code)
    return code


def wrong_code(pool: LocalPool, username: str = "regular") -> str:
    return _another({pool.code_for(username, offset=offset) for offset in range(-2, 3)})


def wrong_setup_code(pool: LocalPool, username: str = "newcomer") -> str:
    return _another({pool.pending_code_for(username, offset=offset) for offset in range(-2, 3)})


def _another(codes: set[str]) -> str:
    return next(code for code in (f"{digit}" * 6 for digit in range(10)) if code not in codes)
