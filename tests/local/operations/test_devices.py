"""Tracked devices, with pycognito as the device that proves itself.

The facts are in "Remembered devices" of docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt  # noqa: TID253
import pytest
from pycognito.aws_srp import generate_hash_device

from cognito_mfa.local import Behavior, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules.state import DeviceTracking
from tests.local.caller import CLIENT_ID, POOL_ID, Caller, access_token, members, refused
from tests.local.conftest import populated
from tests.local.recorder import Recorder
from tests.local.srp_client import Person

WRONG = "Incorrect username or password."
NO_DEVICE = "Device does not exist."
NOWHERE = "us-east-1_00000000-0000-4000-8000-000000000000"


class Phone:
    """A user's device: what it was given at a sign-in, and the secret that it keeps."""

    def __init__(self, boto: Any, result: Mapping[str, Any]) -> None:
        self.boto = boto
        self.access_token = result["AccessToken"]
        self.refresh_token = result["RefreshToken"]
        self.key = result["NewDeviceMetadata"]["DeviceKey"]
        self.group_key = result["NewDeviceMetadata"]["DeviceGroupKey"]
        self.password, self.verifier = generate_hash_device(self.group_key, self.key)

    def confirm(self) -> Any:
        return self.boto.confirm_device(
            AccessToken=self.access_token,
            DeviceKey=self.key,
            DeviceName="Phone",
            DeviceSecretVerifierConfig=self.verifier,
        )

    def remember(self, status: str = "remembered") -> None:
        self.boto.update_device_status(
            AccessToken=self.access_token, DeviceKey=self.key, DeviceRememberedStatus=status
        )

    def read(self) -> Any:
        return self.boto.get_device(AccessToken=self.access_token, DeviceKey=self.key)["Device"]

    def credentials(self, **changes: str) -> dict[str, str]:
        return {
            "device_key": self.key,
            "device_group_key": self.group_key,
            "device_password": self.password,
            **changes,
        }


def tracked(cognito: LocalCognito, mfa: str = "ON", **tracking: bool) -> LocalPool:
    # pycognito signs for a device with the machine's time, whatever time it is here.
    behavior = Behavior(srp_timestamp_tolerance=None)
    tracking_settings = DeviceTracking(**tracking)
    return populated(cognito, mfa=mfa, device_tracking=tracking_settings, behavior=behavior)


def first_sign_in(cognito: LocalCognito, pool: LocalPool) -> Phone:
    """With a second factor, where there is one."""
    caller = Caller(cognito.client())
    answer = caller.password("regular")
    if "Session" in answer:
        answer = caller.enter_code(answer["Session"], pool.code_for("regular"))
        cognito.clock.advance(30)
    return Phone(cognito.client(), answer["AuthenticationResult"])


def come_back(cognito: LocalCognito, phone: Phone, **changes: str) -> Any:
    return Person(cognito, "regular", **phone.credentials(**changes)).authenticate_user()


class TestTracking:
    def test_a_sign_in_brings_a_device(self, cognito: LocalCognito) -> None:
        """In the answer and in the access token."""
        phone = first_sign_in(cognito, tracked(cognito))
        assert phone.key.startswith("us-east-1_")
        said = jwt.decode(phone.access_token, options={"verify_signature": False})
        assert said["device_key"] == phone.key

    def test_without_tracking_there_is_none(self, cognito: LocalCognito, caller: Caller) -> None:
        populated(cognito)
        result = caller.password()["AuthenticationResult"]
        assert "NewDeviceMetadata" not in result
        said = jwt.decode(result["AccessToken"], options={"verify_signature": False})
        assert "device_key" not in said

    def test_it_is_confirmed_and_remembered_at_once(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito))
        assert members(phone.confirm()) == {"UserConfirmationNecessary": False}
        attributes = {pair["Name"]: pair["Value"] for pair in phone.read()["DeviceAttributes"]}
        assert attributes["device_name"] == "Phone"
        assert attributes["dev:device_remembered_status"] == "remembered"

    def test_or_when_the_person_says_so(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito, only_on_prompt=True))
        assert phone.confirm()["UserConfirmationNecessary"] is True
        names = [pair["Value"] for pair in phone.read()["DeviceAttributes"]]
        assert "not_remembered" in names
        phone.remember()
        assert "remembered" in [pair["Value"] for pair in phone.read()["DeviceAttributes"]]

    def test_it_is_confirmed_once(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito))
        phone.confirm()
        with refused("DeviceKeyExistsException"):
            phone.confirm()

    @pytest.mark.parametrize(
        "secret",
        [
            {"PasswordVerifier": "!", "Salt": "Ag=="},
            {"PasswordVerifier": "Ag==", "Salt": "!"},
            {"PasswordVerifier": "AA==", "Salt": "Ag=="},
            {"PasswordVerifier": "Ag=="},
        ],
    )
    def test_a_secret_must_be_one(self, cognito: LocalCognito, secret: dict[str, str]) -> None:
        phone = first_sign_in(cognito, tracked(cognito))
        phone.verifier = secret
        with refused("InvalidParameterException"):
            phone.confirm()

    def test_a_pool_made_by_the_api_tracks(self, cognito: LocalCognito, boto: Any) -> None:
        config = {"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False}
        made = boto.create_user_pool(PoolName="tracking", DeviceConfiguration=config)["UserPool"]
        assert made["DeviceConfiguration"] == config
        tracking = cognito.pool(made["Id"]).state.device_tracking
        assert tracking == DeviceTracking(replaces_mfa=True, only_on_prompt=False)


class TestSignIn:
    """DEVICE_SRP_AUTH and DEVICE_PASSWORD_VERIFIER."""

    def test_a_remembered_device_answers_instead_of_the_code(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito, replaces_mfa=True))
        phone.confirm()
        result = come_back(cognito, phone)["AuthenticationResult"]
        assert "NewDeviceMetadata" not in result
        said = jwt.decode(result["AccessToken"], options={"verify_signature": False})
        assert said["device_key"] == phone.key

    def test_functions_hear_that_the_device_is_known(self, cognito: LocalCognito) -> None:
        pool = tracked(cognito, replaces_mfa=True)
        recorder = Recorder(pool, "PostAuthentication", "PreTokenGeneration")
        phone = first_sign_in(cognito, pool)
        phone.confirm()
        come_back(cognito, phone)
        new = [event["request"].get("newDeviceUsed") for event in recorder.events]
        assert new == [True, None, False, None]
        assert recorder.sources[3] == "TokenGeneration_AuthenticateDevice"

    def test_only_where_the_pool_lets_it(self, cognito: LocalCognito) -> None:
        """ChallengeRequiredOnNewDevice is false: the code is asked for all the same."""
        phone = first_sign_in(cognito, tracked(cognito))
        phone.confirm()
        answer = Caller(cognito.client()).password("regular", DEVICE_KEY=phone.key)
        assert answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_where_nothing_else_is_asked_it_is(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito, mfa="OFF"))
        phone.confirm()
        assert "AuthenticationResult" in come_back(cognito, phone)

    @pytest.mark.parametrize("why", ["unconfirmed", "not remembered"])
    def test_a_device_that_is_not_remembered_proves_nothing(
        self, cognito: LocalCognito, why: str
    ) -> None:
        phone = first_sign_in(cognito, tracked(cognito, replaces_mfa=True))
        if why == "not remembered":
            phone.confirm()
            phone.remember("not_remembered")
        answer = Caller(cognito.client()).password("regular", DEVICE_KEY=phone.key)
        assert answer["ChallengeName"] == "SOFTWARE_TOKEN_MFA"

    def test_it_never_skips_setting_up(self, cognito: LocalCognito) -> None:
        """Anyone who has no factor yet must set one up, whatever device they hold."""
        pool = tracked(cognito, mfa="OPTIONAL", replaces_mfa=True)
        pool.user("regular").software_token = None
        pool.user("regular").enabled_factors = []
        phone = first_sign_in(cognito, pool)
        phone.confirm()
        pool.state.mfa = "ON"
        answer = Caller(cognito.client()).password("regular", DEVICE_KEY=phone.key)
        assert answer["ChallengeName"] == "MFA_SETUP"

    def test_a_wrong_device_password_is_refused_and_counts(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito, replaces_mfa=True))
        phone.confirm()
        for _ in range(5):
            with refused("NotAuthorizedException", WRONG):
                come_back(cognito, phone, device_password="another")
        with refused("NotAuthorizedException"):
            come_back(cognito, phone)
        cognito.clock.advance(1)
        assert come_back(cognito, phone)

    def test_a_device_is_no_way_around_the_password(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito, replaces_mfa=True))
        phone.confirm()
        with refused("NotAuthorizedException"):
            Caller(cognito.client()).boto.respond_to_auth_challenge(
                ClientId=CLIENT_ID,
                ChallengeName="DEVICE_SRP_AUTH",
                ChallengeResponses={
                    "USERNAME": "regular",
                    "DEVICE_KEY": phone.key,
                    "SRP_A": "5",
                },
            )

    def test_a_device_that_is_not_there_is_not_found(self, cognito: LocalCognito) -> None:
        """Clients forget the key then and begin again."""
        tracked(cognito, replaces_mfa=True)
        with refused("ResourceNotFoundException", NO_DEVICE):
            Caller(cognito.client()).password("regular", DEVICE_KEY=NOWHERE)

    def test_a_device_is_one_persons(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito, replaces_mfa=True))
        phone.confirm()
        with refused("ResourceNotFoundException", NO_DEVICE):
            Caller(cognito.client()).password("newcomer", DEVICE_KEY=phone.key)

    def test_the_claim_of_a_password_is_not_one_of_a_device(self, cognito: LocalCognito) -> None:
        """Nor the other way round: each secret block is for its own challenge."""
        phone = first_sign_in(cognito, tracked(cognito, replaces_mfa=True))
        phone.confirm()
        person = Person(cognito, "regular", **phone.credentials())
        values = person.claim(person.begin())
        with refused("NotAuthorizedException", WRONG):
            person.client.respond_to_auth_challenge(
                ClientId=CLIENT_ID,
                ChallengeName="DEVICE_PASSWORD_VERIFIER",
                ChallengeResponses=values,
            )


class TestRefresh:
    """Where devices are tracked, a refresh needs the confirmed device."""

    def test_it_needs_the_confirmed_device(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito))
        caller = Caller(cognito.client())
        for more in ({}, {"DEVICE_KEY": phone.key}):
            with refused("NotAuthorizedException", "Invalid Refresh Token."):
                caller.refresh(phone.refresh_token, **more)
        phone.confirm()
        for more in ({}, {"DEVICE_KEY": NOWHERE}):
            with refused("NotAuthorizedException", "Invalid Refresh Token."):
                caller.refresh(phone.refresh_token, **more)
        assert caller.refresh(phone.refresh_token, DEVICE_KEY=phone.key)
        assert caller.boto.get_tokens_from_refresh_token(
            RefreshToken=phone.refresh_token, ClientId=CLIENT_ID, DeviceKey=phone.key
        )

    def test_a_forgotten_device_refreshes_no_more(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito))
        phone.confirm()
        phone.boto.admin_forget_device(UserPoolId=POOL_ID, Username="regular", DeviceKey=phone.key)
        with refused("NotAuthorizedException", "Invalid Refresh Token."):
            Caller(cognito.client()).refresh(phone.refresh_token, DEVICE_KEY=phone.key)

    def test_the_rule_can_be_switched_off(self, cognito: LocalCognito) -> None:
        behavior = Behavior(refresh_needs_tracked_device=False)
        pool = populated(cognito, device_tracking=DeviceTracking(), behavior=behavior)
        phone = first_sign_in(cognito, pool)
        assert Caller(cognito.client()).refresh(phone.refresh_token)


class TestAdministration:
    def test_a_user_lists_and_forgets(self, cognito: LocalCognito) -> None:
        pool = tracked(cognito, mfa="OFF")
        first, second = (first_sign_in(cognito, pool) for _ in range(2))
        boto, token = first.boto, first.access_token
        page = boto.list_devices(AccessToken=token, Limit=1)
        rest = boto.list_devices(AccessToken=token, PaginationToken=page["PaginationToken"])
        keys = [device["DeviceKey"] for device in page["Devices"] + rest["Devices"]]
        assert keys == [first.key, second.key]
        assert members(boto.forget_device(AccessToken=token, DeviceKey=first.key)) == {}
        assert len(boto.list_devices(AccessToken=token)["Devices"]) == 1
        with refused("ResourceNotFoundException", NO_DEVICE):
            first.read()

    def test_an_administrator_does_the_same(self, cognito: LocalCognito) -> None:
        phone = first_sign_in(cognito, tracked(cognito))
        phone.confirm()
        who: dict[str, Any] = {"UserPoolId": POOL_ID, "Username": "regular"}
        boto = phone.boto
        assert boto.admin_get_device(**who, DeviceKey=phone.key)["Device"] == phone.read()
        boto.admin_update_device_status(
            **who, DeviceKey=phone.key, DeviceRememberedStatus="not_remembered"
        )
        assert "not_remembered" in [pair["Value"] for pair in phone.read()["DeviceAttributes"]]
        boto.admin_forget_device(**who, DeviceKey=phone.key)
        assert boto.admin_list_devices(**who)["Devices"] == []

    def test_what_is_not_there_is_not_found(self, cognito: LocalCognito, boto: Any) -> None:
        tracked(cognito)
        for who in ("regular", "nobody"):
            with refused("ResourceNotFoundException"):
                boto.admin_get_device(UserPoolId=POOL_ID, Username=who, DeviceKey=NOWHERE)

    @pytest.mark.parametrize("call", ["get_device", "forget_device"])
    def test_a_token_is_needed_although_the_model_does_not_say_so(
        self, cognito: LocalCognito, boto: Any, call: str
    ) -> None:
        tracked(cognito)
        with refused("InvalidParameterException", "Missing required parameter AccessToken"):
            getattr(boto, call)(DeviceKey=NOWHERE)

    def test_a_token_speaks_for_its_user_only(self, cognito: LocalCognito, caller: Caller) -> None:
        pool = tracked(cognito, mfa="OFF")
        phone = first_sign_in(cognito, pool)
        stranger = access_token(caller.password("newcomer"))
        with refused("ResourceNotFoundException", NO_DEVICE):
            caller.boto.get_device(AccessToken=stranger, DeviceKey=phone.key)
