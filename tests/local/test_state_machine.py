"""The state machine as a table: every stage of a sign-in against every call that takes a session
("Sessions of a challenge" in docs/cognito-behavior.md). All the rest is an invalid session."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError  # noqa: TID253

from cognito_mfa.local import LocalCognito
from cognito_mfa.local.pool import DEFAULT_FLOWS
from cognito_mfa.local.rules.scopes import SELF_SERVICE
from cognito_mfa.local.rules.state import DeviceTracking, Stage
from tests.local.authenticator import Authenticator
from tests.local.caller import INVALID, PASSWORD, Caller
from tests.local.conftest import populated

PARTY = "auth.example.com"
NEW_PASSWORD = "Another-Horse-8"

#: What each stage leads to, by the call. An address in "MFA_SETUP by email" is an answer as well.
ACCEPTED = {
    (Stage.NEW_PASSWORD_REQUIRED, "NEW_PASSWORD_REQUIRED"): "EMAIL_OTP",
    (Stage.MFA_SETUP, "AssociateSoftwareToken"): "SecretCode",
    (Stage.MFA_SETUP, "MFA_SETUP by email"): "EMAIL_OTP",
    (Stage.MFA_SETUP_ASSOCIATED, "VerifySoftwareToken"): "Status",
    (Stage.MFA_SETUP_VERIFIED, "MFA_SETUP"): "AuthenticationResult",
    (Stage.SOFTWARE_TOKEN_MFA, "SOFTWARE_TOKEN_MFA"): "AuthenticationResult",
    (Stage.SMS_MFA, "SMS_MFA"): "AuthenticationResult",
    (Stage.EMAIL_OTP, "EMAIL_OTP"): "AuthenticationResult",
    (Stage.SELECT_MFA_TYPE, "SELECT_MFA_TYPE"): "SMS_MFA",
    (Stage.SELECT_CHALLENGE, "SELECT_CHALLENGE"): "SMS_OTP",
    (Stage.PASSWORD, "PASSWORD"): "AuthenticationResult",
    (Stage.SMS_OTP, "SMS_OTP"): "AuthenticationResult",
    (Stage.WEB_AUTHN, "WEB_AUTHN"): "AuthenticationResult",
    (Stage.DEVICE_SRP_AUTH, "DEVICE_SRP_AUTH"): "DEVICE_PASSWORD_VERIFIER",
    (Stage.CUSTOM_CHALLENGE, "CUSTOM_CHALLENGE"): "AuthenticationResult",
    (Stage.SIGN_UP, "ConfirmSignUp"): "Session",
    (Stage.SIGNED_UP, "InitiateAuth"): "AuthenticationResult",
}
#: No call takes its session: a secret block stands for it.
WITHIN_SRP = Stage.CUSTOM_AUTH
#: Those that are before any second factor, in a pool that does not require one.
FIRST = (
    Stage.SELECT_CHALLENGE,
    Stage.PASSWORD,
    Stage.SMS_OTP,
    Stage.WEB_AUTHN,
    Stage.DEVICE_SRP_AUTH,
    Stage.CUSTOM_CHALLENGE,
    Stage.CUSTOM_AUTH,
    Stage.SIGN_UP,
    Stage.SIGNED_UP,
)
PHONE = {"phone_number": "+15555550839"}
SRP_A = "5"
DEVICE_SECRET = {"PasswordVerifier": "Ag==", "Salt": "Ag=="}


class Machine:
    """Brings a sign-in to a stage and then makes any call with its session."""

    def __init__(self, cognito: LocalCognito, stage: Stage) -> None:
        self.cognito = cognito
        self.stage = stage
        self.pool = populated(
            cognito,
            mfa="OPTIONAL" if stage in FIRST else "ON",
            sms=True,
            email=True,
            first_factors=["PASSWORD", "SMS_OTP", "WEB_AUTHN"],
            device_tracking=DeviceTracking(),
        )
        self.pool.state.settings["WebAuthnConfiguration"] = {"RelyingPartyId": PARTY}
        self.authenticator = Authenticator(f"https://{PARTY}")
        self.options = {"rpId": PARTY, "challenge": "A" * 43}
        self.pool.create_client(
            "everything",
            explicit_auth_flows=[*DEFAULT_FLOWS, "ALLOW_USER_AUTH", "ALLOW_CUSTOM_AUTH"],
        )
        self.caller = Caller(cognito.client(), "everything")
        self.username = stage.value.lower()
        self.device_key = "us-east-1_00000000-0000-4000-8000-000000000000"

    def bring_to(self) -> str:
        begins: dict[Stage, Callable[[], Any]] = {
            Stage.SELECT_CHALLENGE: self.choose,
            Stage.PASSWORD: lambda: self.choose(PREFERRED_CHALLENGE="PASSWORD"),
            Stage.SMS_OTP: lambda: self.choose(PREFERRED_CHALLENGE="SMS_OTP"),
            Stage.WEB_AUTHN: self.ask_for_the_passkey,
            Stage.DEVICE_SRP_AUTH: self.come_back_with_a_device,
            Stage.CUSTOM_CHALLENGE: self.begin_custom,
            Stage.CUSTOM_AUTH: lambda: self.begin_custom(CHALLENGE_NAME="SRP_A", SRP_A=SRP_A),
            Stage.SIGN_UP: self.sign_up,
            Stage.SIGNED_UP: lambda: self.call("ConfirmSignUp", self.sign_up()["Session"]),
        }
        session: str = begins.get(self.stage, self.sign_in)()["Session"]
        if self.stage in (Stage.MFA_SETUP_ASSOCIATED, Stage.MFA_SETUP_VERIFIED):
            session = self.caller.associate(session)["Session"]
        if self.stage is Stage.MFA_SETUP_VERIFIED:
            session = self.caller.verify(session, self.code())["Session"]
        assert self.cognito.account.sessions[_newest(self.cognito)].stage is self.stage
        return session

    def sign_in(self) -> Any:
        stage = self.stage
        attributes = {
            Stage.NEW_PASSWORD_REQUIRED: {"email": "new@example.com"},
            Stage.SMS_MFA: PHONE,
            Stage.EMAIL_OTP: {"email": "mail@example.com"},
            Stage.SELECT_MFA_TYPE: {**PHONE, "email": "both@example.com"},
        }.get(stage, {})
        forced = stage is Stage.NEW_PASSWORD_REQUIRED
        self.pool.create_user(
            self.username,
            password=PASSWORD,
            attributes=attributes,
            status="FORCE_CHANGE_PASSWORD" if forced else "CONFIRMED",
        )
        if stage is Stage.SOFTWARE_TOKEN_MFA:
            self.pool.register_software_token(self.username)
        return self.caller.password(self.username)

    def choose(self, **more: str) -> Any:
        self.pool.create_user(self.username, password=PASSWORD, attributes=PHONE)
        return self.caller.choose(self.username, **more)

    def ask_for_the_passkey(self) -> Any:
        self.pool.create_user(self.username, password=PASSWORD)
        issued = self.pool.issue_tokens(self.username, "everything", scopes=[SELF_SERVICE])
        token = {"AccessToken": issued["AccessToken"]}
        begun = self.caller.boto.start_web_authn_registration(**token)
        made = self.authenticator.make(begun["CredentialCreationOptions"])
        self.caller.boto.complete_web_authn_registration(**token, Credential=made)
        asked = self.caller.choose(self.username, PREFERRED_CHALLENGE="WEB_AUTHN")
        self.options = json.loads(asked["ChallengeParameters"]["CREDENTIAL_REQUEST_OPTIONS"])
        return asked

    def come_back_with_a_device(self) -> Any:
        result = self.sign_in()["AuthenticationResult"]
        self.device_key = result["NewDeviceMetadata"]["DeviceKey"]
        self.caller.boto.confirm_device(
            AccessToken=result["AccessToken"],
            DeviceKey=self.device_key,
            DeviceSecretVerifierConfig=DEVICE_SECRET,
        )
        return self.caller.password(self.username, DEVICE_KEY=self.device_key)

    def begin_custom(self, **more: str) -> Any:
        self.pool.create_user(self.username, password=PASSWORD, attributes=PHONE)
        for trigger in (
            "DefineAuthChallenge",
            "CreateAuthChallenge",
            "VerifyAuthChallengeResponse",
        ):
            self.pool.set_trigger(trigger, one_custom_challenge)
        return self.caller.boto.initiate_auth(
            ClientId="everything",
            AuthFlow="CUSTOM_AUTH",
            AuthParameters={"USERNAME": self.username, **more},
        )

    def sign_up(self) -> Any:
        email = {"Name": "email", "Value": "up@example.com"}
        return self.caller.boto.sign_up(
            ClientId="everything",
            Username=self.username,
            Password=PASSWORD,
            UserAttributes=[email],
        )

    def code(self) -> str:
        """The right code, wherever it would come from."""
        user = self.pool.user(self.username)
        if user.pending_secret is not None:
            return self.pool.pending_code_for(self.username)
        if user.software_token is not None:
            return self.pool.code_for(self.username, offset=1)
        messages = [m for m in self.cognito.outbox if m.username == self.username]
        return messages[-1].code if messages else "123456"

    def call(self, purpose: str, session: str) -> Any:
        respond: Callable[..., Any] = lambda name, **more: self.caller.respond(  # noqa: E731
            name, session, self.username, **more
        )
        calls: dict[str, Callable[[], Any]] = {
            "AssociateSoftwareToken": lambda: self.caller.associate(session),
            "VerifySoftwareToken": lambda: self.caller.verify(session, self.code()),
            "NEW_PASSWORD_REQUIRED": lambda: respond(purpose, NEW_PASSWORD=NEW_PASSWORD),
            "MFA_SETUP": lambda: respond("MFA_SETUP"),
            "MFA_SETUP by email": lambda: respond("MFA_SETUP", EMAIL="set@example.com"),
            "SOFTWARE_TOKEN_MFA": lambda: respond(purpose, SOFTWARE_TOKEN_MFA_CODE=self.code()),
            "SMS_MFA": lambda: respond(purpose, SMS_MFA_CODE=self.code()),
            "EMAIL_OTP": lambda: respond(purpose, EMAIL_OTP_CODE=self.code()),
            "SELECT_MFA_TYPE": lambda: respond(purpose, ANSWER="SMS_MFA"),
            "SELECT_CHALLENGE": lambda: respond(purpose, ANSWER="SMS_OTP"),
            "PASSWORD": lambda: respond(purpose, PASSWORD=PASSWORD),
            "SMS_OTP": lambda: respond(purpose, SMS_OTP_CODE=self.code()),
            "WEB_AUTHN": lambda: respond(purpose, CREDENTIAL=self.authenticator.sign(self.options)),
            "DEVICE_SRP_AUTH": lambda: respond(purpose, DEVICE_KEY=self.device_key, SRP_A=SRP_A),
            "CUSTOM_CHALLENGE": lambda: respond(purpose, ANSWER="any"),
            "ConfirmSignUp": lambda: self.caller.boto.confirm_sign_up(
                ClientId="everything",
                Username=self.username,
                ConfirmationCode=self.code(),
                Session=session,
            ),
            "InitiateAuth": lambda: self.caller.boto.initiate_auth(
                ClientId="everything",
                AuthFlow="USER_AUTH",
                AuthParameters={"USERNAME": self.username},
                Session=session,
            ),
        }
        return calls[purpose]()


#: Refused for a reason that comes before the session.
OTHERWISE = {
    **{(stage, "ConfirmSignUp"): "User cannot be confirmed. Current status is" for stage in Stage},
    (Stage.SIGN_UP, "InitiateAuth"): "User is not confirmed.",
}
PURPOSES = sorted({purpose for _, purpose in ACCEPTED})


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("stage", list(Stage))
def test_a_stage_accepts_its_own_call_and_no_other(
    cognito: LocalCognito, stage: Stage, purpose: str
) -> None:
    machine = Machine(cognito, stage)
    session = machine.bring_to()
    expected = ACCEPTED.get((stage, purpose))
    if expected is not None:
        answer = machine.call(purpose, session)
        assert expected in (answer.get("ChallengeName"), *answer)
        return
    with pytest.raises(ClientError) as caught:
        machine.call(purpose, session)
    refusal = caught.value.response["Error"]["Message"]
    assert refusal == INVALID or refusal.startswith(OTHERWISE.get((stage, purpose), INVALID))


@pytest.mark.parametrize("stage", list(Stage))
def test_a_refused_call_leaves_the_session_as_it_was(cognito: LocalCognito, stage: Stage) -> None:
    machine = Machine(cognito, stage)
    session = machine.bring_to()
    right = [p for s, p in ACCEPTED if s is stage and p != "MFA_SETUP by email"]
    for purpose in PURPOSES:
        if (stage, purpose) not in ACCEPTED:
            with pytest.raises(ClientError):
                machine.call(purpose, session)
    assert len(right) == (stage is not WITHIN_SRP)
    for purpose in right:
        assert machine.call(purpose, session)


def one_custom_challenge(event: dict[str, Any]) -> dict[str, Any]:
    """SRP where it begins with that, one challenge, and any answer to it is right."""
    session = event["request"].get("session", [])
    names = [one["challengeName"] for one in session]
    event["response"] = {
        "challengeName": "PASSWORD_VERIFIER" if names == ["SRP_A"] else "CUSTOM_CHALLENGE",
        "issueTokens": "CUSTOM_CHALLENGE" in names,
        "answerCorrect": True,
    }
    return event


def _newest(cognito: LocalCognito) -> str:
    return list(cognito.account.sessions)[-1]
