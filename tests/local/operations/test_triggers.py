"""The Lambda triggers: which operation calls which, with which event, and what an answer changes.

The facts are in "Lambda triggers" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt  # noqa: TID253
import pytest

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.operations.triggers import COMMON
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.claims import FIXED, GROUP_CLAIMS
from cognito_mfa.local.rules.lambda_config import TRIGGERS
from cognito_mfa.local.rules.state import DeviceTracking
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID, Caller, access_token, refused
from tests.local.conftest import populated
from tests.local.recorder import Recorder

METADATA = {"shop": "7"}
ATTRIBUTES = {"Name": "email", "Value": "starter@example.com"}
NEW_PASSWORD = "Another-Horse-8"
NOT_APPLICABLE = "CLIENT_ID_NOT_APPLICABLE"


@pytest.fixture
def watched(cognito: LocalCognito) -> LocalPool:
    """A pool without MFA, whose only client also tells who does not exist."""
    pool = populated(cognito, mfa="OFF")
    pool.state.clients[CLIENT_ID].prevent_user_existence_errors = "LEGACY"
    return pool


@pytest.fixture
def recorder(watched: LocalPool) -> Recorder:
    """Every trigger but the one that would bring unknown users along."""
    return Recorder(watched, *(name for name in TRIGGERS if name != "UserMigration"))


def sign_up(boto: Any, username: str = "starter", **more: Any) -> Any:
    return boto.sign_up(
        ClientId=CLIENT_ID,
        Username=username,
        Password=PASSWORD,
        **{"UserAttributes": [ATTRIBUTES], **more},
    )


def create(boto: Any, username: str = "invited", **more: Any) -> Any:
    email = {"Name": "email", "Value": f"{username}@example.com"}
    request = {"UserPoolId": POOL_ID, "Username": username, "UserAttributes": [email], **more}
    return boto.admin_create_user(**request)


def forget(boto: Any, pool: LocalPool, **more: Any) -> Any:
    pool.user("newcomer").attributes["email_verified"] = "true"
    return boto.forgot_password(ClientId=CLIENT_ID, Username="newcomer", **more)


class Situation:
    """A pool whose every trigger is watched, and the calls that a program makes."""

    def __init__(self, cognito: LocalCognito, pool: LocalPool, recorder: Recorder) -> None:
        self.cognito, self.pool, self.recorder = cognito, pool, recorder
        self.boto = cognito.client()
        self.caller = Caller(self.boto)

    def code(self) -> str:
        return self.cognito.outbox[-1].code

    def token(self) -> str:
        token = access_token(self.caller.password())
        self.recorder.events.clear()
        return token

    def confirm_sign_up(self) -> None:
        sign_up(self.boto)
        self.recorder.events.clear()
        self.boto.confirm_sign_up(
            ClientId=CLIENT_ID, Username="starter", ConfirmationCode=self.code(),
            ClientMetadata=METADATA,
        )  # fmt: skip

    def admin_confirm_sign_up(self) -> None:
        sign_up(self.boto)
        self.recorder.events.clear()
        self.boto.admin_confirm_sign_up(
            UserPoolId=POOL_ID, Username="starter", ClientMetadata=METADATA
        )

    def resend(self) -> None:
        sign_up(self.boto)
        self.recorder.events.clear()
        self.boto.resend_confirmation_code(
            ClientId=CLIENT_ID, Username="starter", ClientMetadata=METADATA
        )

    def confirm_forgot_password(self) -> None:
        forget(self.boto, self.pool)
        self.recorder.events.clear()
        self.boto.confirm_forgot_password(
            ClientId=CLIENT_ID, Username="newcomer", ConfirmationCode=self.code(),
            Password=NEW_PASSWORD, ClientMetadata=METADATA,
        )  # fmt: skip

    def admin_reset(self) -> None:
        self.pool.user("newcomer").attributes["email_verified"] = "true"
        self.boto.admin_reset_user_password(
            UserPoolId=POOL_ID, Username="newcomer", ClientMetadata=METADATA
        )

    def update_attributes(self) -> None:
        self.boto.update_user_attributes(
            AccessToken=self.token(),
            UserAttributes=[{"Name": "email", "Value": "other@example.com"}],
            ClientMetadata=METADATA,
        )

    def ask_for_code(self) -> None:
        self.boto.get_user_attribute_verification_code(
            AccessToken=self.token(), AttributeName="email", ClientMetadata=METADATA
        )

    def sign_in(self) -> None:
        self.boto.initiate_auth(
            ClientId=CLIENT_ID, AuthFlow="USER_PASSWORD_AUTH", ClientMetadata=METADATA,
            AuthParameters={"USERNAME": "newcomer", "PASSWORD": PASSWORD},
        )  # fmt: skip

    def admin_sign_in(self) -> None:
        self.boto.admin_initiate_auth(
            UserPoolId=POOL_ID, ClientId=CLIENT_ID, AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            ClientMetadata=METADATA,
            AuthParameters={"USERNAME": "newcomer", "PASSWORD": PASSWORD},
        )  # fmt: skip

    def choose_new_password(self) -> None:
        create(self.boto, "forced", TemporaryPassword=PASSWORD)
        session = self.caller.password("forced")["Session"]
        self.recorder.events.clear()
        self.boto.respond_to_auth_challenge(
            ClientId=CLIENT_ID, ChallengeName="NEW_PASSWORD_REQUIRED", Session=session,
            ChallengeResponses={"USERNAME": "forced", "NEW_PASSWORD": NEW_PASSWORD},
            ClientMetadata=METADATA,
        )  # fmt: skip

    def refresh(self) -> None:
        result = self.caller.password()["AuthenticationResult"]
        self.recorder.events.clear()
        self.caller.refresh(result["RefreshToken"])

    def get_tokens(self) -> None:
        result = self.caller.password()["AuthenticationResult"]
        self.recorder.events.clear()
        self.boto.get_tokens_from_refresh_token(
            ClientId=CLIENT_ID, RefreshToken=result["RefreshToken"], ClientMetadata=METADATA
        )

    def send_code(self) -> None:
        self.pool.state.mfa, self.pool.state.sms = "OPTIONAL", True
        user = self.pool.user("newcomer")
        user.attributes["phone_number"] = "+15555550839"
        user.enabled_factors = ["SMS_MFA"]
        self.caller.password()

    def answer_code(self) -> None:
        self.send_code()
        (session,) = self.cognito.account.sessions.values()
        from cognito_mfa.local.rules.sessions import session_string

        self.recorder.events.clear()
        self.boto.respond_to_auth_challenge(
            ClientId=CLIENT_ID, ChallengeName="SMS_MFA", Session=session_string(session),
            ChallengeResponses={"USERNAME": "newcomer", "SMS_MFA_CODE": self.code()},
            ClientMetadata=METADATA,
        )  # fmt: skip


#: What a program does, the events in order, and with each whether it has the ClientMetadata as
#: clientMetadata (c), validationData (v) or not at all (-), and the client's id (i) or none (n).
TABLE: dict[str, tuple[Callable[[Situation], Any], list[tuple[str, str]]]] = {
    "SignUp": (
        lambda s: sign_up(s.boto, ClientMetadata=METADATA),
        [("PreSignUp_SignUp", "ci"), ("CustomMessage_SignUp", "ci")],
    ),
    "AdminCreateUser": (
        lambda s: create(s.boto, ClientMetadata=METADATA, DesiredDeliveryMediums=["EMAIL"]),
        [("PreSignUp_AdminCreateUser", "cn"), ("CustomMessage_AdminCreateUser", "cn")],
    ),
    "ConfirmSignUp": (Situation.confirm_sign_up, [("PostConfirmation_ConfirmSignUp", "ci")]),
    "AdminConfirmSignUp": (
        Situation.admin_confirm_sign_up,
        [("PostConfirmation_ConfirmSignUp", "cn")],
    ),
    "ResendConfirmationCode": (Situation.resend, [("CustomMessage_ResendCode", "ci")]),
    "ForgotPassword": (
        lambda s: forget(s.boto, s.pool, ClientMetadata=METADATA),
        [("CustomMessage_ForgotPassword", "ci")],
    ),
    "AdminResetUserPassword": (Situation.admin_reset, [("CustomMessage_ForgotPassword", "cn")]),
    "ConfirmForgotPassword": (
        Situation.confirm_forgot_password,
        [("PostConfirmation_ConfirmForgotPassword", "ci")],
    ),
    "UpdateUserAttributes": (
        Situation.update_attributes,
        [("CustomMessage_UpdateUserAttribute", "ci")],
    ),
    "GetUserAttributeVerificationCode": (
        Situation.ask_for_code,
        [("CustomMessage_VerifyUserAttribute", "ci")],
    ),
    "InitiateAuth": (
        Situation.sign_in,
        [
            ("PreAuthentication_Authentication", "vi"),
            ("PostAuthentication_Authentication", "-i"),
            ("TokenGeneration_Authentication", "-i"),
        ],
    ),
    "AdminInitiateAuth": (
        Situation.admin_sign_in,
        [
            ("PreAuthentication_Authentication", "vi"),
            ("PostAuthentication_Authentication", "-i"),
            ("TokenGeneration_Authentication", "-i"),
        ],
    ),
    "a sign-in up to a code": (
        Situation.send_code,
        [("PreAuthentication_Authentication", "-i"), ("CustomMessage_Authentication", "-i")],
    ),
    "RespondToAuthChallenge with a code": (
        Situation.answer_code,
        [("PostAuthentication_Authentication", "ci"), ("TokenGeneration_Authentication", "ci")],
    ),
    "RespondToAuthChallenge with a new password": (
        Situation.choose_new_password,
        [
            ("PostAuthentication_Authentication", "ci"),
            ("TokenGeneration_NewPasswordChallenge", "ci"),
        ],
    ),
    "REFRESH_TOKEN_AUTH": (Situation.refresh, [("TokenGeneration_RefreshTokens", "-i")]),
    "GetTokensFromRefreshToken": (
        Situation.get_tokens,
        [("TokenGeneration_RefreshTokens", "ci")],
    ),
}


@pytest.mark.parametrize("what", TABLE)
def test_each_operation_calls_its_triggers_in_order(
    cognito: LocalCognito, watched: LocalPool, recorder: Recorder, what: str
) -> None:
    act, expected = TABLE[what]
    act(Situation(cognito, watched, recorder))
    assert recorder.sources == [source for source, _ in expected]
    for event, (_, said) in zip(recorder.events, expected, strict=True):
        request = event["request"]
        assert request.get("clientMetadata") == (METADATA if "c" in said else None)
        assert request.get("validationData") == (METADATA if "v" in said else None)
        client_id = CLIENT_ID if "i" in said else NOT_APPLICABLE
        assert event["callerContext"] == {
            "awsSdkVersion": "aws-sdk-unknown-unknown",
            "clientId": client_id,
        }
        assert event["region"] == "us-east-1"
        assert event["userPoolId"] == POOL_ID
        assert event["version"] == "1"


def test_a_pool_without_triggers_calls_nothing(boto: Any, watched: LocalPool) -> None:
    sign_up(boto)
    assert watched.state.lambda_config == {}


class TestEvents:
    """What is in the request and the response of an event before a function changes it."""

    def test_before_a_sign_up(self, boto: Any, recorder: Recorder) -> None:
        sign_up(boto, ValidationData=[{"Name": "captcha", "Value": "x"}])
        event = recorder.only("PreSignUp_SignUp")
        assert event["userName"] == "starter"
        assert event["request"] == {
            "userAttributes": {"email": "starter@example.com"},
            "validationData": {"captcha": "x"},
        }
        assert event["response"] == {
            "autoConfirmUser": False,
            "autoVerifyEmail": False,
            "autoVerifyPhone": False,
        }

    def test_a_confirmed_user(
        self, cognito: LocalCognito, watched: LocalPool, recorder: Recorder
    ) -> None:
        Situation(cognito, watched, recorder).confirm_sign_up()
        request = recorder.only("PostConfirmation_ConfirmSignUp")["request"]
        assert request["userAttributes"] == {
            "sub": watched.user("starter").sub,
            "cognito:user_status": "CONFIRMED",
            "email": "starter@example.com",
            "email_verified": "true",
        }

    def test_a_sign_in(self, caller: Caller, watched: LocalPool, recorder: Recorder) -> None:
        caller.password()
        before = recorder.only("PreAuthentication_Authentication")
        assert "userNotFound" not in before["request"]
        after = recorder.only("PostAuthentication_Authentication")
        assert after["request"]["newDeviceUsed"] is False
        assert after["response"] == {}

    def test_a_new_device(self, caller: Caller, watched: LocalPool, recorder: Recorder) -> None:
        watched.state.device_tracking = DeviceTracking()
        caller.password()
        request = recorder.only("PostAuthentication_Authentication")["request"]
        assert request["newDeviceUsed"] is True

    def test_a_message(self, boto: Any, recorder: Recorder) -> None:
        sign_up(boto)
        event = recorder.only("CustomMessage_SignUp")
        assert event["request"]["codeParameter"] == "{####}"
        assert event["request"]["usernameParameter"] is None
        assert event["response"] == {
            "smsMessage": None,
            "emailMessage": None,
            "emailSubject": None,
        }

    def test_an_invitation_has_a_place_for_the_username(
        self, boto: Any, recorder: Recorder
    ) -> None:
        create(boto, DesiredDeliveryMediums=["EMAIL"])
        request = recorder.only("CustomMessage_AdminCreateUser")["request"]
        assert request["usernameParameter"] == "{username}"

    @pytest.mark.parametrize(
        ("version", "event_version", "member"),
        [
            (None, "1", "claimsOverrideDetails"),
            ("V1_0", "1", "claimsOverrideDetails"),
            ("V2_0", "2", "claimsAndScopeOverrideDetails"),
            ("V3_0", "3", "claimsAndScopeOverrideDetails"),
        ],
    )
    def test_tokens(
        self,
        boto: Any,
        caller: Caller,
        watched: LocalPool,
        recorder: Recorder,
        version: str | None,
        event_version: str,
        member: str,
    ) -> None:
        role = "arn:aws:iam::123456789012:role/boss"
        boto.create_group(UserPoolId=POOL_ID, GroupName="boss", RoleArn=role)
        boto.admin_add_user_to_group(UserPoolId=POOL_ID, Username="newcomer", GroupName="boss")
        watched.set_trigger("PreTokenGeneration", recorder, version=version)
        caller.password()
        event = recorder.only("TokenGeneration_Authentication")
        assert event["version"] == event_version
        assert event["response"] == {member: None}
        assert event["request"]["groupConfiguration"] == {
            "groupsToOverride": ["boss"],
            "iamRolesToOverride": [role],
            "preferredRole": role,
        }
        scopes = ["aws.cognito.signin.user.admin"] if event_version != "1" else None
        assert event["request"].get("scopes") == scopes


class TestPreSignUp:
    SOURCE = "PreSignUp_SignUp"

    def test_it_confirms_and_verifies_at_once(
        self, cognito: LocalCognito, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses[self.SOURCE] = {"autoConfirmUser": True, "autoVerifyEmail": True}
        answer = sign_up(cognito.client())
        assert answer["UserConfirmed"] is True
        assert "CodeDeliveryDetails" not in answer
        assert cognito.outbox == []
        user = watched.user("starter")
        assert (user.status, user.attributes["email_verified"]) == ("CONFIRMED", "true")
        assert recorder.sources == [self.SOURCE, "PostConfirmation_ConfirmSignUp"]

    def test_it_refuses_with_its_own_words(
        self, boto: Any, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses[self.SOURCE] = ValueError("No guests")
        with refused("UserLambdaValidationException", "PreSignUp failed with error No guests."):
            sign_up(boto)
        with pytest.raises(LookupError):
            watched.user("starter")

    def test_no_user_is_there_while_it_runs(
        self, cognito: LocalCognito, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses[self.SOURCE] = lambda event: {
            "autoConfirmUser": "starter" in watched.state.users
        }
        assert sign_up(cognito.client())["UserConfirmed"] is False

    def test_it_is_not_asked_about_what_is_refused_by_cognito(
        self, boto: Any, recorder: Recorder
    ) -> None:
        with refused("UsernameExistsException"):
            sign_up(boto, "regular")
        assert recorder.sources == []

    def test_an_address_that_is_not_there_cannot_be_verified(
        self, boto: Any, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses[self.SOURCE] = {"autoVerifyPhone": True}
        with refused("InvalidLambdaResponseException"):
            sign_up(boto)

    def test_the_name_is_the_later_one_where_people_sign_in_with_an_address(
        self, cognito: LocalCognito
    ) -> None:
        pool = cognito.create_pool("us-east-1_Address00", username_attributes=["email"])
        pool.create_client("address")
        recorder = Recorder(pool, "PreSignUp")
        cognito.client().sign_up(
            ClientId="address", Username="ada@example.com", Password=PASSWORD, UserAttributes=[]
        )
        (event,) = recorder.events
        assert event["userName"] == pool.user("ada@example.com").sub
        assert event["request"]["userAttributes"] == {"email": "ada@example.com"}

    def test_its_answer_is_ignored_for_an_administrator(
        self, boto: Any, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses["PreSignUp_AdminCreateUser"] = {
            "autoConfirmUser": True,
            "autoVerifyEmail": True,
        }
        create(boto)
        user = watched.user("invited")
        assert user.status == "FORCE_CHANGE_PASSWORD"
        assert "email_verified" not in user.attributes

    def test_it_refuses_an_administrator(self, boto: Any, recorder: Recorder) -> None:
        recorder.responses["PreSignUp_AdminCreateUser"] = ValueError("No")
        with refused("UserLambdaValidationException", "PreSignUp failed with error No."):
            create(boto)


class TestConfirmation:
    def test_an_error_does_not_take_it_back(
        self, cognito: LocalCognito, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses["PostConfirmation_ConfirmSignUp"] = ValueError("Mail server down")
        text = "PostConfirmation failed with error Mail server down."
        with refused("UserLambdaValidationException", text):
            Situation(cognito, watched, recorder).confirm_sign_up()
        assert watched.user("starter").status == "CONFIRMED"

    def test_the_function_may_call_the_local_cognito(
        self, cognito: LocalCognito, watched: LocalPool, recorder: Recorder
    ) -> None:
        """Adding a new user to a group is the commonest of all."""
        boto: Any = cognito.client()
        boto.create_group(UserPoolId=POOL_ID, GroupName="users")

        def add(event: dict[str, Any]) -> dict[str, Any]:
            boto.admin_add_user_to_group(
                UserPoolId=event["userPoolId"], Username=event["userName"], GroupName="users"
            )
            return {}

        recorder.responses["PostConfirmation_ConfirmSignUp"] = add
        Situation(cognito, watched, recorder).confirm_sign_up()
        assert watched.user("starter").groups == ["users"]


class TestSignIn:
    BEFORE = "PreAuthentication_Authentication"

    def test_a_refusal_comes_before_the_password(
        self, caller: Caller, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses[self.BEFORE] = ValueError("Come back on Monday")
        text = "PreAuthentication failed with error Come back on Monday."
        for password in (PASSWORD, "Wrong-Horse-7"):
            with refused("UserLambdaValidationException", text):
                caller.password(password=password)
        assert watched.user("newcomer").password_attempts.failures == 0

    def test_who_is_disabled_by_it_does_not_get_in(
        self, cognito: LocalCognito, watched: LocalPool, recorder: Recorder
    ) -> None:
        boto: Any = cognito.client()

        def disable(event: dict[str, Any]) -> dict[str, Any]:
            boto.admin_disable_user(UserPoolId=POOL_ID, Username=event["userName"])
            return {}

        recorder.responses[self.BEFORE] = disable
        with refused("NotAuthorizedException", "User is disabled."):
            Caller(boto).password()

    @pytest.mark.parametrize(("setting", "called"), [("ENABLED", True), ("LEGACY", False)])
    def test_an_unknown_user_reaches_it_only_where_the_client_must_not_know(
        self, caller: Caller, watched: LocalPool, recorder: Recorder, setting: str, called: bool
    ) -> None:
        watched.state.clients[CLIENT_ID].prevent_user_existence_errors = setting
        code = "NotAuthorizedException" if called else "UserNotFoundException"
        with refused(code):
            caller.password("stranger")
        assert recorder.sources == ([self.BEFORE] if called else [])
        for event in recorder.events:
            assert event["userName"] == "stranger"
            assert event["request"]["userNotFound"] is True
            assert event["request"]["userAttributes"] == {}

    def test_a_known_user_is_said_to_be_found(
        self, caller: Caller, watched: LocalPool, recorder: Recorder
    ) -> None:
        watched.state.clients[CLIENT_ID].prevent_user_existence_errors = "ENABLED"
        caller.password()
        assert recorder.only(self.BEFORE)["request"]["userNotFound"] is False

    def test_an_error_after_it_keeps_the_tokens_back(
        self, caller: Caller, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses["PostAuthentication_Authentication"] = ValueError("Later")
        text = "PostAuthentication failed with error Later."
        with refused("UserLambdaValidationException", text):
            caller.password()
        assert watched.state.families == {}

    def test_a_code_is_spent_though_the_function_fails(
        self, cognito: LocalCognito, caller: Caller, watched: LocalPool, recorder: Recorder
    ) -> None:
        watched.state.mfa = "ON"
        session = caller.password("regular")["Session"]
        recorder.responses["PostAuthentication_Authentication"] = ValueError("Later")
        with refused("UserLambdaValidationException"):
            caller.enter_code(session, cognito.code_for("regular"))
        with refused("NotAuthorizedException"):
            caller.enter_code(session, cognito.code_for("regular", offset=1))


class TestMessages:
    SOURCE = "CustomMessage_SignUp"

    def test_the_text_arrives_with_the_code(
        self, cognito: LocalCognito, recorder: Recorder
    ) -> None:
        recorder.responses[self.SOURCE] = lambda event: {
            "emailSubject": "Welcome",
            "emailMessage": f"Enter {event['request']['codeParameter']}, please.",
            "smsMessage": "not this one",
        }
        sign_up(cognito.client())
        (message,) = cognito.outbox
        assert (message.subject, message.text) == ("Welcome", f"Enter {message.code}, please.")

    def test_an_invitation_has_name_and_password(
        self, cognito: LocalCognito, recorder: Recorder
    ) -> None:
        recorder.responses["CustomMessage_AdminCreateUser"] = {"emailMessage": "{username}: {####}"}
        create(cognito.client(), DesiredDeliveryMediums=["EMAIL"], TemporaryPassword=PASSWORD)
        assert cognito.outbox[-1].text == f"invited: {PASSWORD}"

    @pytest.mark.parametrize("text", ["No code", "{username} only"])
    def test_a_text_without_a_place_for_the_code_is_refused(
        self, cognito: LocalCognito, watched: LocalPool, recorder: Recorder, text: str
    ) -> None:
        recorder.responses[self.SOURCE] = {"emailMessage": text}
        with refused("InvalidLambdaResponseException"):
            sign_up(cognito.client())
        assert cognito.outbox == []

    def test_an_invitation_without_a_place_for_the_name_is_refused(
        self, boto: Any, recorder: Recorder
    ) -> None:
        recorder.responses["CustomMessage_AdminCreateUser"] = {"emailMessage": "{####}"}
        with refused("InvalidLambdaResponseException"):
            create(boto, DesiredDeliveryMediums=["EMAIL"])

    def test_a_function_that_says_nothing_leaves_the_pools_text(
        self, cognito: LocalCognito, recorder: Recorder
    ) -> None:
        sign_up(cognito.client())
        (message,) = cognito.outbox
        assert message.text == f"Your confirmation code is {message.code}."


def id_claims(answer: Any) -> Any:
    return decoded(answer["AuthenticationResult"]["IdToken"])


def access_claims(answer: Any) -> Any:
    return decoded(answer["AuthenticationResult"]["AccessToken"])


def decoded(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})


class TestTokens:
    SOURCE = "TokenGeneration_Authentication"

    def test_the_first_version_changes_the_id_token(
        self, caller: Caller, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses[self.SOURCE] = {
            "claimsOverrideDetails": {
                "claimsToAddOrOverride": {"tenant": "acme", "level": 3, "sub": "me", "both": "x"},
                "claimsToSuppress": ["email", "aud", "both"],
            }
        }
        answer = caller.password()
        claims = id_claims(answer)
        assert (claims["tenant"], claims["level"]) == ("acme", "3")
        assert claims["sub"] == watched.user("newcomer").sub
        assert claims["aud"] == CLIENT_ID
        assert not {"email", "both"} & set(claims)
        assert "tenant" not in access_claims(answer)

    def test_the_first_version_takes_text_only(
        self, caller: Caller, watched: LocalPool, recorder: Recorder
    ) -> None:
        details = {"claimsToAddOrOverride": {"tenants": ["a", "b"]}}
        recorder.responses[self.SOURCE] = {"claimsOverrideDetails": details}
        with refused("InvalidLambdaResponseException", "Unrecognizable lambda output"):
            caller.password()

    @pytest.mark.parametrize("version", ["V2_0", "V3_0"])
    def test_the_later_versions_change_both(
        self, boto: Any, caller: Caller, watched: LocalPool, recorder: Recorder, version: str
    ) -> None:
        watched.set_trigger("PreTokenGeneration", recorder, version=version)
        recorder.responses[self.SOURCE] = {
            "claimsAndScopeOverrideDetails": {
                "idTokenGeneration": {"claimsToAddOrOverride": {"tenants": ["a", "b"]}},
                "accessTokenGeneration": {
                    "claimsToAddOrOverride": {"limits": {"rows": 3}, "scope": "all"},
                    "claimsToSuppress": ["username", "version"],
                    "scopesToAdd": ["shop/read"],
                    "scopesToSuppress": ["aws.cognito.signin.user.admin"],
                },
            }
        }
        answer = caller.password()
        assert id_claims(answer)["tenants"] == ["a", "b"]
        claims = access_claims(answer)
        assert claims["limits"] == {"rows": 3}
        assert claims["scope"] == "shop/read"
        assert claims["username"] == "newcomer"
        with refused("NotAuthorizedException", "Access Token does not have required scopes"):
            boto.get_user(AccessToken=access_token(answer))

    @pytest.mark.parametrize(
        "name", [*sorted(FIXED), *sorted(GROUP_CLAIMS), "cognito:own", "dev:x"]
    )
    def test_what_no_function_adds(
        self, caller: Caller, watched: LocalPool, recorder: Recorder, name: str
    ) -> None:
        before = caller.password()
        watched.set_trigger("PreTokenGeneration", recorder, version="V2_0")
        details = {"claimsToAddOrOverride": {name: "other", "own": "added"}}
        recorder.responses[self.SOURCE] = {
            "claimsAndScopeOverrideDetails": {
                "idTokenGeneration": details, "accessTokenGeneration": details,
            }
        }  # fmt: skip
        after = caller.password()
        for claims in (id_claims, access_claims):
            assert (name in claims(after)) == (name in claims(before))
            assert claims(after).get(name) != "other"
            assert claims(after)["own"] == "added"

    def test_an_audience_of_an_access_token_is_its_client(
        self, caller: Caller, boto: Any, watched: LocalPool, recorder: Recorder
    ) -> None:
        watched.set_trigger("PreTokenGeneration", recorder, version="V2_0")
        recorder.responses[self.SOURCE] = {
            "claimsAndScopeOverrideDetails": {
                "accessTokenGeneration": {"claimsToAddOrOverride": {"aud": CLIENT_ID}}
            }
        }
        answer = caller.password()
        assert access_claims(answer)["aud"] == CLIENT_ID
        boto.get_user(AccessToken=access_token(answer))

    @pytest.mark.parametrize("scope", ["a b", "a\tb", " a", ""])
    def test_a_scope_has_no_blanks(
        self, caller: Caller, watched: LocalPool, recorder: Recorder, scope: str
    ) -> None:
        watched.set_trigger("PreTokenGeneration", recorder, version="V2_0")
        recorder.responses[self.SOURCE] = {
            "claimsAndScopeOverrideDetails": {"accessTokenGeneration": {"scopesToAdd": [scope]}}
        }
        with refused("InvalidLambdaResponseException", "Unrecognizable lambda output"):
            caller.password()

    @pytest.mark.parametrize(
        ("suppressed", "left"),
        [
            (["cognito:groups"], set()),
            (["cognito:roles", "cognito:preferred_role"], GROUP_CLAIMS),
        ],
    )
    def test_roles_go_with_the_groups(
        self,
        boto: Any,
        caller: Caller,
        watched: LocalPool,
        recorder: Recorder,
        suppressed: list[str],
        left: set[str],
    ) -> None:
        role = "arn:aws:iam::123456789012:role/staff"
        boto.create_group(UserPoolId=POOL_ID, GroupName="staff", RoleArn=role)
        boto.admin_add_user_to_group(UserPoolId=POOL_ID, Username="newcomer", GroupName="staff")
        recorder.responses[self.SOURCE] = {
            "claimsOverrideDetails": {"claimsToSuppress": suppressed}
        }
        answer = caller.password()
        assert GROUP_CLAIMS & set(id_claims(answer)) == left
        assert access_claims(answer)["cognito:groups"] == ["staff"]

    @pytest.mark.parametrize(
        ("details", "expected"),
        [
            ({}, ["staff"]),
            ({"groupOverrideDetails": {"groupsToOverride": ["a", "b"]}}, ["a", "b"]),
            ({"groupOverrideDetails": {}}, None),
            ({"groupOverrideDetails": None}, None),
        ],
    )
    def test_groups_are_replaced_in_both_tokens(
        self,
        boto: Any,
        caller: Caller,
        watched: LocalPool,
        recorder: Recorder,
        details: dict[str, Any],
        expected: list[str] | None,
    ) -> None:
        boto.create_group(UserPoolId=POOL_ID, GroupName="staff")
        boto.admin_add_user_to_group(UserPoolId=POOL_ID, Username="newcomer", GroupName="staff")
        recorder.responses[self.SOURCE] = {"claimsOverrideDetails": details}
        answer = caller.password()
        assert id_claims(answer).get("cognito:groups") == expected
        assert access_claims(answer).get("cognito:groups") == expected

    def test_a_refreshed_token_is_changed_too(
        self, caller: Caller, watched: LocalPool, recorder: Recorder
    ) -> None:
        recorder.responses["TokenGeneration_RefreshTokens"] = {
            "claimsOverrideDetails": {"claimsToAddOrOverride": {"fresh": "yes"}}
        }
        token = caller.password()["AuthenticationResult"]["RefreshToken"]
        assert id_claims(caller.refresh(token))["fresh"] == "yes"

    def test_a_function_that_signs_out_stops_the_refresh(
        self, cognito: LocalCognito, watched: LocalPool, recorder: Recorder
    ) -> None:
        boto: Any = cognito.client()

        def sign_out(event: dict[str, Any]) -> dict[str, Any]:
            boto.admin_user_global_sign_out(UserPoolId=POOL_ID, Username=event["userName"])
            return {}

        recorder.responses["TokenGeneration_RefreshTokens"] = sign_out
        caller = Caller(boto)
        token = caller.password()["AuthenticationResult"]["RefreshToken"]
        with refused("NotAuthorizedException", "Refresh Token has been revoked"):
            caller.refresh(token)


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (None, "Invalid lambda function output : Invalid JSON"),
        ("fine", "Unrecognizable lambda output"),
        ([], "Unrecognizable lambda output"),
        ({"response": {}}, "Unrecognizable lambda output"),
    ],
)
def test_what_is_no_event_is_refused(
    caller: Caller, watched: LocalPool, returned: Any, text: str
) -> None:
    watched.set_trigger("PreAuthentication", lambda event: returned)
    with refused("InvalidLambdaResponseException", text):
        caller.password()


@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize("lost", [True, False], ids=["lost", "null"])
def test_an_event_keeps_what_all_have(
    caller: Caller, watched: LocalPool, name: str, lost: bool
) -> None:
    def drop(event: dict[str, Any]) -> dict[str, Any]:
        event[name] = None
        return {key: value for key, value in event.items() if not lost or key != name}

    watched.set_trigger("PreAuthentication", drop)
    with refused("InvalidLambdaResponseException", "Unrecognizable lambda output"):
        caller.password()


@pytest.mark.parametrize("response", ["fine", [], 1])
def test_a_response_that_is_no_object_is_refused(
    caller: Caller, watched: LocalPool, response: Any
) -> None:
    watched.set_trigger("PreAuthentication", lambda event: {**event, "response": response})
    with refused("InvalidLambdaResponseException", "Unrecognizable lambda output"):
        caller.password()


class TestLambdaConfig:
    ARN = "arn:aws:lambda:us-east-1:123456789012:function:greet"

    def make(self, boto: Any, **config: Any) -> Any:
        return boto.create_user_pool(PoolName="triggered", LambdaConfig=config)["UserPool"]

    def test_it_is_described_as_it_was_given(self, cognito: LocalCognito) -> None:
        cognito.functions["greet"] = lambda event: event
        boto: Any = cognito.client()
        config = {
            "PreSignUp": self.ARN,
            "PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": f"{self.ARN}:live"},
        }
        pool_id = self.make(boto, **config)["Id"]
        described = boto.describe_user_pool(UserPoolId=pool_id)["UserPool"]["LambdaConfig"]
        assert described == config
        assert boto.list_user_pools(MaxResults=9)["UserPools"][0]["LambdaConfig"] == config
        boto.update_user_pool(UserPoolId=pool_id)
        assert "LambdaConfig" in boto.describe_user_pool(UserPoolId=pool_id)["UserPool"]
        assert cognito.pool(pool_id).state.lambda_config == {}

    @pytest.mark.parametrize("trigger", TRIGGERS)
    def test_a_function_that_was_not_added_is_refused(self, boto: Any, trigger: str) -> None:
        with refused(
            "InvalidParameterException",
            f"LambdaConfig names {self.ARN}, for which the local Cognito has no function. Add one "
            "to LocalCognito.functions or with --function before you name it.",
        ):
            self.make(boto, **{trigger: self.ARN})

    def test_an_update_is_refused_before_anything_changes(
        self, cognito: LocalCognito, watched: LocalPool
    ) -> None:
        with refused("InvalidParameterException"):
            cognito.client().update_user_pool(
                UserPoolId=POOL_ID, MfaConfiguration="ON", LambdaConfig={"PreSignUp": self.ARN}
            )
        assert watched.state.mfa == "OFF"

    @pytest.mark.parametrize(
        ("config", "name"),
        [
            (
                {"CustomEmailSender": {"LambdaVersion": "V1_0", "LambdaArn": ARN}},
                "CustomEmailSender",
            ),
            ({"CustomSMSSender": {"LambdaVersion": "V1_0", "LambdaArn": ARN}}, "CustomSMSSender"),
            (
                {"InboundFederation": {"LambdaVersion": "V1_0", "LambdaArn": ARN}},
                "InboundFederation",
            ),
            ({"KMSKeyID": "arn:aws:kms:us-east-1:123456789012:key/k"}, "KMSKeyID"),
        ],
    )
    def test_what_is_not_played_is_refused_by_name(
        self, boto: Any, config: dict[str, Any], name: str
    ) -> None:
        with refused(
            "InvalidParameterException",
            f"The local Cognito does not support LambdaConfig.{name} in CreateUserPool.",
        ):
            self.make(boto, **config)

    @pytest.mark.parametrize("version", ["V2_0", "V3_0"])
    def test_changing_access_tokens_needs_more_than_the_lite_plan(
        self, cognito: LocalCognito, version: str
    ) -> None:
        cognito.functions["greet"] = lambda event: event
        config = {"LambdaVersion": version, "LambdaArn": self.ARN}
        boto: Any = cognito.client()
        with refused("FeatureUnavailableInTierException"):
            boto.create_user_pool(
                PoolName="lite",
                UserPoolTier="LITE",
                LambdaConfig={"PreTokenGenerationConfig": config},
            )

    def test_both_names_of_one_trigger_must_agree(self, cognito: LocalCognito) -> None:
        cognito.functions["greet"] = cognito.functions["other"] = lambda event: event
        other = {"LambdaVersion": "V1_0", "LambdaArn": self.ARN.replace("greet", "other")}
        with refused("InvalidParameterException"):
            self.make(cognito.client(), PreTokenGeneration=self.ARN, PreTokenGenerationConfig=other)

    def test_a_state_file_keeps_the_arn_and_not_the_function(
        self, cognito: LocalCognito, watched: LocalPool, tmp_path: Any
    ) -> None:
        watched.set_trigger("PreAuthentication", lambda event: event)
        cognito.save(tmp_path / "pool.json")
        again = LocalCognito.load(tmp_path / "pool.json", clock=cognito.clock)
        with refused("UnexpectedLambdaException"):
            Caller(again.client()).password()
        arn = again.pool(POOL_ID).state.lambda_config["PreAuthentication"]
        again.functions[arn] = lambda event: event
        assert access_token(Caller(again.client()).password())

    @pytest.mark.parametrize(
        ("trigger", "version"),
        [("PreSignIn", None), ("PreSignUp", "V2_0"), ("PreTokenGeneration", "V9")],
    )
    def test_a_trigger_that_is_none_cannot_be_set(
        self, watched: LocalPool, trigger: str, version: str | None
    ) -> None:
        with pytest.raises(ValueError, match=trigger):
            watched.set_trigger(trigger, lambda event: event, version=version)
