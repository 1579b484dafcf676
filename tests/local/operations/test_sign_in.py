"""InitiateAuth: who gets past the password, and who does not.

The facts are in "Signing in" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import attribute_schema
from tests.local import newer
from tests.local.caller import (
    CLIENT_ID,
    PASSWORD,
    POOL_ID,
    Caller,
    members,
    refused,
    secret_hash,
)
from tests.local.conftest import populated

WRONG = "Incorrect username or password."
LOCKED = "Password attempts exceeded"
CLIENT_SECRET = "exampleclientsecret00000000000000"
CONFIDENTIAL = "confidential00000000000000"


def test_a_wrong_password_is_refused(either: Caller, pool: LocalPool) -> None:
    with refused("NotAuthorizedException", WRONG):
        either.password("regular", "Wrong-Horse-7")


@pytest.mark.parametrize("password", [PASSWORD, "Wrong-Horse-7"])
def test_a_disabled_user_is_told_before_the_password_is_looked_at(
    caller: Caller, pool: LocalPool, password: str
) -> None:
    pool.create_user("gone", password=PASSWORD, enabled=False)
    with refused("NotAuthorizedException", "User is disabled."):
        caller.password("gone", password)


@pytest.mark.parametrize("password", [PASSWORD, "Wrong-Horse-7"])
def test_an_unconfirmed_user_is_told_before_the_password_is_looked_at(
    caller: Caller, pool: LocalPool, password: str
) -> None:
    """This discloses that the user exists."""
    pool.create_user("early", password=PASSWORD, status="UNCONFIRMED")
    with refused("UserNotConfirmedException", "User is not confirmed."):
        caller.password("early", password)


def test_a_required_reset_shows_only_to_the_right_password(caller: Caller, pool: LocalPool) -> None:
    pool.create_user("stale", password=PASSWORD, status="RESET_REQUIRED")
    with refused("NotAuthorizedException", WRONG):
        caller.password("stale", "Wrong-Horse-7")
    with refused("PasswordResetRequiredException", "Password reset required for the user"):
        caller.password("stale")


def test_a_federated_user_cannot_sign_in_here(caller: Caller, pool: LocalPool) -> None:
    """InitiateAuth is impossible for EXTERNAL_PROVIDER."""
    pool.create_user("Google_123", status="EXTERNAL_PROVIDER")
    with refused("NotAuthorizedException", WRONG):
        caller.password("Google_123")


def test_a_temporary_password_expires(
    cognito: LocalCognito, caller: Caller, pool: LocalPool
) -> None:
    """After seven days by default."""
    pool.create_user("invited", password=PASSWORD, status="FORCE_CHANGE_PASSWORD")
    cognito.clock.advance(7 * 86400 - 1)
    assert caller.password("invited")["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    cognito.clock.advance(1)
    text = "Temporary password has expired and must be reset by an administrator."
    with refused("NotAuthorizedException", text):
        caller.password("invited")


def test_an_unknown_user_looks_like_a_wrong_password(either: Caller, pool: LocalPool) -> None:
    """PreventUserExistenceErrors is ENABLED."""
    with refused("NotAuthorizedException", WRONG):
        either.password("nobody")


def test_a_legacy_client_tells_that_a_user_is_unknown(
    cognito: LocalCognito, pool: LocalPool
) -> None:
    """LEGACY is what clients that were made over the API have by default."""
    pool.create_client("legacy", prevent_user_existence_errors="LEGACY")
    with refused("UserNotFoundException", "User does not exist."):
        Caller(cognito.client(), "legacy").password("nobody")


@pytest.mark.parametrize(
    ("covered", "code"), [(False, "UserNotFoundException"), (True, "NotAuthorizedException")]
)
def test_the_admin_flow_may_tell_that_a_user_is_unknown(
    cognito: LocalCognito, covered: bool, code: str
) -> None:
    """Whether the setting covers this flow is a switch, since AWS's pages disagree."""
    populated(cognito, behavior=Behavior(existence_errors_cover_admin_sign_in=covered))
    with refused(code):
        Caller(cognito.client()).admin_password("nobody")


class TestPasswordLock:
    """See "Wrong passwords" under "Lockout" in docs/cognito-behavior.md."""

    def fail(self, caller: Caller, times: int) -> None:
        for _ in range(times):
            with refused("NotAuthorizedException", WRONG):
                caller.password("regular", "Wrong-Horse-7")

    def test_four_failures_do_not_lock(self, caller: Caller, pool: LocalPool) -> None:
        self.fail(caller, 4)
        assert "Session" in caller.password("regular")

    def test_after_five_even_the_right_password_is_refused_for_a_second(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        self.fail(caller, 5)
        with refused("NotAuthorizedException", LOCKED):
            caller.password("regular")
        cognito.clock.advance(1)
        assert "Session" in caller.password("regular")

    def test_the_lock_doubles_with_every_failure_up_to_fifteen_minutes(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        self.fail(caller, 4)
        for seconds in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900):
            self.fail(caller, 1)
            cognito.clock.advance(seconds - 0.5)
            with refused("NotAuthorizedException", LOCKED):
                caller.password("regular")
            cognito.clock.advance(0.5)

    def test_attempts_during_a_lock_do_not_lengthen_it(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        self.fail(caller, 5)
        cognito.clock.advance(1)
        self.fail(caller, 1)
        for _ in range(20):
            with refused("NotAuthorizedException", LOCKED):
                caller.password("regular", "Wrong-Horse-7")
        cognito.clock.advance(2)
        assert "Session" in caller.password("regular")

    def test_a_success_clears_the_counter(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        self.fail(caller, 5)
        cognito.clock.advance(1)
        caller.password("regular")
        self.fail(caller, 4)
        assert "Session" in caller.password("regular")

    def test_a_quarter_of_an_hour_clears_the_counter(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        self.fail(caller, 4)
        cognito.clock.advance(900)
        self.fail(caller, 4)
        assert "Session" in caller.password("regular")

    def test_the_lock_is_of_one_user(self, caller: Caller, pool: LocalPool) -> None:
        self.fail(caller, 5)
        assert "Session" in caller.password("newcomer")

    def test_the_lock_can_be_switched_off(self, cognito: LocalCognito) -> None:
        populated(cognito, mfa="ON", behavior=Behavior(password_failures_before_lock=None))
        caller = Caller(cognito.client())
        self.fail(caller, 20)
        assert "Session" in caller.password("regular")


@pytest.mark.parametrize("missing", ["USERNAME", "PASSWORD"])
def test_parameters_that_are_missing_are_named(boto: Any, pool: LocalPool, missing: str) -> None:
    parameters = {"USERNAME": "regular", "PASSWORD": PASSWORD}
    del parameters[missing]
    with refused("InvalidParameterException", f"Missing required parameter {missing}"):
        boto.initiate_auth(
            ClientId=CLIENT_ID, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters
        )


def test_an_unknown_client_is_not_found(boto: Any, pool: LocalPool) -> None:
    with refused("ResourceNotFoundException", "User pool client nobody does not exist."):
        Caller(boto, "nobody").password()


def test_a_client_of_another_pool_is_not_found(
    cognito: LocalCognito, boto: Any, pool: LocalPool
) -> None:
    cognito.create_pool("us-east-1_Another00")
    with refused("ResourceNotFoundException"):
        boto.admin_initiate_auth(
            UserPoolId="us-east-1_Another00",
            ClientId=CLIENT_ID,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "regular", "PASSWORD": PASSWORD},
        )


@pytest.mark.parametrize(
    ("flow", "text"),
    [
        ("USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH flow not enabled for this client"),
        ("USER_SRP_AUTH", "USER_SRP_AUTH is not enabled for the client."),
        ("REFRESH_TOKEN_AUTH", "Auth flow not enabled for this client"),
        ("CUSTOM_AUTH", "CUSTOM_AUTH is not enabled for the client."),
        ("USER_AUTH", "USER_AUTH is not enabled for the client."),
    ],
)
def test_a_flow_must_be_enabled(boto: Any, pool: LocalPool, flow: str, text: str) -> None:
    pool.create_client("none", explicit_auth_flows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"])
    parameters = {"USERNAME": "regular", "PASSWORD": PASSWORD, "REFRESH_TOKEN": "some.token"}
    with refused("InvalidParameterException", text):
        boto.initiate_auth(ClientId="none", AuthFlow=flow, AuthParameters=parameters)


def test_the_admin_flow_must_be_enabled(boto: Any, pool: LocalPool) -> None:
    pool.create_client("none", explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH"])
    with refused("InvalidParameterException", "Auth flow not enabled for this client"):
        Caller(boto, "none").admin_password("regular")


def test_legacy_flow_names_still_count(boto: Any, pool: LocalPool) -> None:
    """ADMIN_NO_SRP_AUTH is the older name of flag and flow."""
    pool.create_client("older", explicit_auth_flows=["ADMIN_NO_SRP_AUTH"])
    answer = boto.admin_initiate_auth(
        UserPoolId=POOL_ID,
        ClientId="older",
        AuthFlow="ADMIN_NO_SRP_AUTH",
        AuthParameters={"USERNAME": "regular", "PASSWORD": PASSWORD},
    )
    assert answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_public_and_admin_operations_have_their_own_flows(boto: Any, pool: LocalPool) -> None:
    parameters = {"USERNAME": "regular", "PASSWORD": PASSWORD}
    with refused("InvalidParameterException", "Initiate Auth method not supported."):
        boto.initiate_auth(
            ClientId=CLIENT_ID, AuthFlow="ADMIN_USER_PASSWORD_AUTH", AuthParameters=parameters
        )
    with refused("InvalidParameterException", "Initiate Auth method not supported."):
        boto.admin_initiate_auth(
            UserPoolId=POOL_ID,
            ClientId=CLIENT_ID,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters=parameters,
        )


class TestSecretHash:
    """See "Secret hash" in docs/cognito-behavior.md."""

    @pytest.fixture
    def confidential(self, cognito: LocalCognito, pool: LocalPool) -> Caller:
        pool.create_client(CONFIDENTIAL, secret=CLIENT_SECRET)
        return Caller(cognito.client(), CONFIDENTIAL)

    def hash(self, username: str) -> str:
        return secret_hash(CLIENT_SECRET, username, CONFIDENTIAL)

    def test_it_is_over_what_is_sent(self, confidential: Caller, pool: LocalPool) -> None:
        answer = confidential.password("regular", SECRET_HASH=self.hash("regular"))
        done = confidential.respond(
            "SOFTWARE_TOKEN_MFA",
            answer["Session"],
            "regular",
            SOFTWARE_TOKEN_MFA_CODE=pool.code_for("regular"),
            SECRET_HASH=self.hash("regular"),
        )
        assert "AuthenticationResult" in done

    def test_it_must_be_there(self, confidential: Caller) -> None:
        text = f"Client {CONFIDENTIAL} is configured with secret but SECRET_HASH was not received"
        with refused("NotAuthorizedException", text):
            confidential.password("regular")

    def test_it_must_be_right(self, confidential: Caller) -> None:
        text = f"SecretHash does not match for the client: {CONFIDENTIAL}"
        with refused("NotAuthorizedException", text):
            confidential.password("regular", SECRET_HASH=self.hash("somebody"))

    def test_it_must_be_right_in_every_step(self, confidential: Caller, pool: LocalPool) -> None:
        session = confidential.password("regular", SECRET_HASH=self.hash("regular"))["Session"]
        with refused("NotAuthorizedException"):
            confidential.enter_code(session, pool.code_for("regular"))

    def test_an_unknown_user_does_not_pass_without_it(self, confidential: Caller) -> None:
        with refused("NotAuthorizedException", WRONG):
            confidential.password("nobody", SECRET_HASH=self.hash("nobody"))

    def test_an_alias_is_hashed_as_typed(self, cognito: LocalCognito) -> None:
        """Measured: the email in a pool whose people sign in with it."""
        pool = cognito.create_pool(POOL_ID, username_attributes=["email"])
        pool.create_client(CONFIDENTIAL, secret=CLIENT_SECRET)
        pool.create_user("ada@example.com", password=PASSWORD)
        caller = Caller(cognito.client(), CONFIDENTIAL)
        hashed = self.hash("ada@example.com")
        done = caller.password("ada@example.com", SECRET_HASH=hashed)
        refresh_token = done["AuthenticationResult"]["RefreshToken"]
        with refused("NotAuthorizedException"):
            caller.refresh(refresh_token, SECRET_HASH=hashed)
        sub = self.hash(pool.user("ada@example.com").sub)
        assert "AuthenticationResult" in caller.refresh(refresh_token, SECRET_HASH=sub)

    def test_a_client_without_a_secret_must_send_none(
        self, caller: Caller, pool: LocalPool
    ) -> None:
        """Measured: it is another error than that of a wrong one."""
        text = f"App client {CLIENT_ID} is not configured for secret but secret hash was received"
        with refused("InvalidParameterException", text):
            caller.password("regular", SECRET_HASH="whatever")


class TestNames:
    """Usernames, aliases, case."""

    def test_usernames_are_not_case_sensitive(self, caller: Caller, pool: LocalPool) -> None:
        answer = caller.password("ReguLAR")
        assert answer["ChallengeParameters"]["USER_ID_FOR_SRP"] == "regular"
        assert "AuthenticationResult" in caller.enter_code(
            answer["Session"], pool.code_for("regular"), "REGULAR"
        )

    def test_unless_the_pool_says_so(self, cognito: LocalCognito) -> None:
        populated(cognito, case_insensitive=False)
        with refused("NotAuthorizedException", WRONG):
            Caller(cognito.client()).password("Regular")

    def test_an_alias_signs_in_once_it_is_verified(self, cognito: LocalCognito) -> None:
        pool = cognito.create_pool(POOL_ID, mfa="ON", alias_attributes=["email"])
        pool.create_client(CLIENT_ID)
        caller = Caller(cognito.client())
        pool.create_user("ada", password=PASSWORD, attributes={"email": "ada@example.com"})
        with refused("NotAuthorizedException", WRONG):
            caller.password("ada@example.com")
        caller.boto.admin_update_user_attributes(
            UserPoolId=POOL_ID,
            Username="ada",
            UserAttributes=[{"Name": "email_verified", "Value": "true"}],
        )
        assert caller.password("Ada@Example.com")["ChallengeName"] == "MFA_SETUP"

    @pytest.mark.parametrize("allowed", [True, False])
    def test_an_alias_may_answer_a_challenge(self, cognito: LocalCognito, allowed: bool) -> None:
        """Measured, mixed; documented: not. A switch."""
        pool = cognito.create_pool(
            POOL_ID,
            mfa="ON",
            username_attributes=["email"],
            behavior=Behavior(alias_answers_challenges=allowed),
        )
        pool.create_client(CLIENT_ID)
        pool.create_user("ada@example.com", password=PASSWORD)
        pool.register_software_token("ada@example.com")
        caller = Caller(cognito.client())
        first = caller.password("ada@example.com")
        code = pool.code_for("ada@example.com")
        if not allowed:
            with refused("NotAuthorizedException", "Invalid session for the user."):
                caller.enter_code(first["Session"], code, "ada@example.com")
        username = (
            first["ChallengeParameters"]["USER_ID_FOR_SRP"] if not allowed else "ada@example.com"
        )
        assert "AuthenticationResult" in caller.enter_code(first["Session"], code, username)

    def test_a_username_attribute_makes_the_username_the_sub(self, cognito: LocalCognito) -> None:
        pool = cognito.create_pool(POOL_ID, mfa="ON", username_attributes=["email"])
        pool.create_client(CLIENT_ID)
        user = pool.create_user("ada@example.com", password=PASSWORD)
        assert user.username == user.sub
        answer = Caller(cognito.client()).password("ada@example.com")
        assert answer["ChallengeParameters"]["USER_ID_FOR_SRP"] == user.sub


class TestNewPassword:
    """NEW_PASSWORD_REQUIRED."""

    @pytest.fixture
    def invited(self, pool: LocalPool) -> LocalPool:
        attribute_schema.declare(pool.state, [{"Name": "name", "Required": True}])
        pool.create_user(
            "invited",
            password=PASSWORD,
            attributes={"email": "invited@example.com", "email_verified": "true"},
            status="FORCE_CHANGE_PASSWORD",
        )
        return pool

    def test_the_parameters_are_json_text(self, caller: Caller, invited: LocalPool) -> None:
        parameters = caller.password("invited")["ChallengeParameters"]
        assert parameters == {
            "USER_ID_FOR_SRP": "invited",
            "requiredAttributes": '["userAttributes.name"]',
            "userAttributes": '{"email":"invited@example.com","email_verified":"true"}',
        }

    def test_it_leads_to_mfa_setup(self, either: Caller, invited: LocalPool) -> None:
        session = either.password("invited")["Session"]
        answer = self.answer(either, session)
        assert answer["ChallengeName"] == "MFA_SETUP"
        assert invited.user("invited").status == "CONFIRMED"
        assert either.password("invited", "Another-Horse-8")["ChallengeName"] == "MFA_SETUP"
        with refused("NotAuthorizedException", WRONG):
            either.password("invited")

    @pytest.mark.parametrize(
        ("password", "reason"),
        [
            ("Sh0rt!", "Password not long enough"),
            ("lowercase-8", "Password must have uppercase characters"),
            ("UPPERCASE-8", "Password must have lowercase characters"),
            ("Number-less", "Password must have numeric characters"),
            ("Symbolless8", "Password must have symbol characters"),
        ],
    )
    def test_the_policy_is_kept_and_so_is_the_session(
        self, caller: Caller, invited: LocalPool, password: str, reason: str
    ) -> None:
        session = caller.password("invited")["Session"]
        text = f"Password did not conform with policy: {reason}"
        with refused("InvalidPasswordException", text):
            self.answer(caller, session, password)
        assert "Session" in self.answer(caller, session)

    def test_outer_spaces_are_refused(self, caller: Caller, invited: LocalPool) -> None:
        session = caller.password("invited")["Session"]
        with refused("InvalidParameterException"):
            self.answer(caller, session, "Another-Horse-8 ")

    def test_a_required_attribute_must_come_along(self, caller: Caller, invited: LocalPool) -> None:
        session = caller.password("invited")["Session"]
        with refused("InvalidParameterException", "Invalid attributes given, name is missing"):
            caller.respond(
                "NEW_PASSWORD_REQUIRED", session, "invited", NEW_PASSWORD="Another-Horse-8"
            )

    def test_it_must_come_along(self, caller: Caller, invited: LocalPool) -> None:
        session = caller.password("invited")["Session"]
        with refused("InvalidParameterException", "Missing required parameter NEW_PASSWORD"):
            caller.respond("NEW_PASSWORD_REQUIRED", session, "invited")

    def test_an_older_session_cannot_set_it_again(self, caller: Caller, invited: LocalPool) -> None:
        """Anyone who saw the invitation must not take the account over afterwards."""
        other = caller.password("invited")["Session"]
        self.answer(caller, caller.password("invited")["Session"])
        with refused("NotAuthorizedException", "Invalid session for the user."):
            self.answer(caller, other, "Thiefs-Horse-9")

    def test_the_temporary_one_may_be_kept(self, caller: Caller, invited: LocalPool) -> None:
        """Measured."""
        session = caller.password("invited")["Session"]
        assert "Session" in self.answer(caller, session, PASSWORD)

    def answer(self, caller: Caller, session: str, password: str = "Another-Horse-8") -> Any:
        return caller.respond(
            "NEW_PASSWORD_REQUIRED",
            session,
            "invited",
            NEW_PASSWORD=password,
            **{"userAttributes.name": "Ivy"},
        )


class TestRefresh:
    """REFRESH_TOKEN_AUTH."""

    def test_it_gives_tokens_without_a_new_refresh_token_and_without_a_challenge(
        self, either: Caller, pool: LocalPool
    ) -> None:
        token = self.refresh_token(either, pool)
        answer = members(either.refresh(token))
        assert set(answer["AuthenticationResult"]) == {
            "AccessToken",
            "ExpiresIn",
            "IdToken",
            "TokenType",
        }
        assert answer["ChallengeParameters"] == {}

    def test_the_older_flow_name_works(self, caller: Caller, pool: LocalPool) -> None:
        token = self.refresh_token(caller, pool)
        answer = caller.boto.initiate_auth(
            ClientId=CLIENT_ID, AuthFlow="REFRESH_TOKEN", AuthParameters={"REFRESH_TOKEN": token}
        )
        assert "AuthenticationResult" in answer

    def test_the_admin_flow_refreshes_too(self, caller: Caller, pool: LocalPool) -> None:
        token = self.refresh_token(caller, pool)
        answer = caller.boto.admin_initiate_auth(
            UserPoolId=POOL_ID,
            ClientId=CLIENT_ID,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": token},
        )
        assert "AuthenticationResult" in answer

    def test_an_unknown_token_is_refused(self, caller: Caller, pool: LocalPool) -> None:
        with refused("NotAuthorizedException", "Invalid Refresh Token."):
            caller.refresh("not.one.of.ours")

    def test_another_clients_token_is_refused(
        self, cognito: LocalCognito, caller: Caller, pool: LocalPool
    ) -> None:
        pool.create_client("another")
        token = self.refresh_token(caller, pool)
        with refused("NotAuthorizedException", "Invalid Refresh Token."):
            Caller(caller.boto, "another").refresh(token)

    def test_it_expires(self, cognito: LocalCognito, caller: Caller, pool: LocalPool) -> None:
        token = self.refresh_token(caller, pool)
        cognito.clock.advance(30 * 86400 - 60)
        caller.refresh(token)
        cognito.clock.advance(60)
        with refused("NotAuthorizedException", "Refresh Token has expired"):
            caller.refresh(token)

    def test_it_is_revoked_by_a_global_sign_out(self, caller: Caller, pool: LocalPool) -> None:
        token = self.refresh_token(caller, pool)
        caller.boto.admin_user_global_sign_out(UserPoolId=POOL_ID, Username="regular")
        with refused("NotAuthorizedException", "Refresh Token has been revoked"):
            caller.refresh(token)

    def test_it_is_useless_to_a_deleted_user(self, caller: Caller, pool: LocalPool) -> None:
        token = self.refresh_token(caller, pool)
        caller.boto.admin_delete_user(UserPoolId=POOL_ID, Username="regular")
        with refused("NotAuthorizedException", "Invalid Refresh Token."):
            caller.refresh(token)

    @newer.deletes_tokens
    def test_mfa_changes_do_not_touch_it(self, caller: Caller, pool: LocalPool) -> None:
        token = self.refresh_token(caller, pool)
        caller.boto.admin_delete_software_token(UserPoolId=POOL_ID, Username="regular")
        assert "AuthenticationResult" in caller.refresh(token)

    def test_rotation_takes_the_flow_away(self, boto: Any, pool: LocalPool) -> None:
        """With rotation, REFRESH_TOKEN_AUTH is not available."""
        made = boto.create_user_pool_client(
            UserPoolId=POOL_ID,
            ClientName="rotating",
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 10},
        )["UserPoolClient"]
        with refused("InvalidParameterException"):
            Caller(boto, made["ClientId"]).refresh("any.token")

    def refresh_token(self, caller: Caller, pool: LocalPool) -> str:
        session = caller.password("regular")["Session"]
        done = caller.enter_code(session, pool.code_for("regular"))
        token: str = done["AuthenticationResult"]["RefreshToken"]
        return token
