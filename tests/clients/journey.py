"""What every client does here: sign up, set up an authenticator at the first sign-in, come back with
a code, and come back again as a device that is remembered. ``ask`` is the client."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import pyotp
from pycognito.aws_srp import AWSSRP, generate_hash_device, long_to_hex

from tests.clients.conftest import Site
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID


class Ask(Protocol):
    """An operation by the name that the API gives it, and its answer. Raises for an error."""

    def __call__(self, operation: str, **parameters: Any) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Device:
    """What a client keeps of a device that it confirmed."""

    key: str
    group_key: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Person:
    """A user who sits before a client."""

    ask: Ask
    site: Site
    username: str = "ada"

    def sign_up(self) -> None:
        """With the code that was mailed."""
        address = f"{self.username}@example.com"
        signed_up = self.ask(
            "SignUp",
            ClientId=CLIENT_ID,
            Username=self.username,
            Password=PASSWORD,
            UserAttributes=[{"Name": "email", "Value": address}],
        )
        assert signed_up["UserConfirmed"] is False
        assert signed_up["CodeDeliveryDetails"]["DeliveryMedium"] == "EMAIL"
        (mail,) = self.site.cognito.outbox
        assert mail.destination == address
        self.ask(
            "ConfirmSignUp",
            ClientId=CLIENT_ID,
            Username=self.username,
            ConfirmationCode=mail.code,
        )

    def set_up(self) -> tuple[str, dict[str, Any]]:
        """The first sign-in. Returns the secret and the tokens."""
        asked = self.sign_in()
        assert asked["ChallengeName"] == "MFA_SETUP"
        associated = self.ask("AssociateSoftwareToken", Session=asked["Session"])
        secret = associated["SecretCode"]
        verified = self.ask(
            "VerifySoftwareToken",
            Session=associated["Session"],
            UserCode=self.code(secret),
            FriendlyDeviceName="My personal mobile device",
        )
        assert verified["Status"] == "SUCCESS"
        done = self.respond("MFA_SETUP", verified["Session"])
        assert done["ChallengeParameters"] == {}
        return secret, done["AuthenticationResult"]

    def confirm_device(self, tokens: dict[str, Any]) -> Device:
        metadata = tokens["NewDeviceMetadata"]
        key, group_key = metadata["DeviceKey"], metadata["DeviceGroupKey"]
        password, verifier = generate_hash_device(group_key, key)
        confirmed = self.ask(
            "ConfirmDevice",
            AccessToken=tokens["AccessToken"],
            DeviceKey=key,
            DeviceName="Laptop",
            DeviceSecretVerifierConfig=verifier,
        )
        assert confirmed["UserConfirmationNecessary"] is False
        return Device(key, group_key, password)

    def come_back_with_a_code(self, secret: str) -> dict[str, Any]:
        asked = self.sign_in()
        assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
        assert asked["ChallengeParameters"]["FRIENDLY_DEVICE_NAME"] == "My personal mobile device"
        code = self.code(secret)
        done = self.respond("SOFTWARE_TOKEN_MFA", asked["Session"], SOFTWARE_TOKEN_MFA_CODE=code)
        return dict(done["AuthenticationResult"])

    def come_back_with_the_device(self, device: Device) -> dict[str, Any]:
        """No code: the device proves itself, by pycognito's arithmetic."""
        asked = self.sign_in(DEVICE_KEY=device.key)
        assert asked["ChallengeName"] == "DEVICE_SRP_AUTH"
        srp = AWSSRP(
            self.username,
            PASSWORD,
            POOL_ID,
            CLIENT_ID,
            client=object(),
            device_key=device.key,
            device_group_key=device.group_key,
            device_password=device.password,
        )
        asked = self.respond(
            "DEVICE_SRP_AUTH",
            asked["Session"],
            DEVICE_KEY=device.key,
            SRP_A=long_to_hex(srp.large_a_value),
        )
        assert asked["ChallengeName"] == "DEVICE_PASSWORD_VERIFIER"
        claim = srp.process_device_challenge(asked["ChallengeParameters"])
        done = self.respond("DEVICE_PASSWORD_VERIFIER", asked.get("Session"), **claim)
        return dict(done["AuthenticationResult"])

    def sign_in(self, **more: str) -> dict[str, Any]:
        return self.ask(
            "InitiateAuth",
            ClientId=CLIENT_ID,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": self.username, "PASSWORD": PASSWORD, **more},
        )

    def respond(self, challenge: str, session: str | None, **answers: str) -> dict[str, Any]:
        return self.ask(
            "RespondToAuthChallenge",
            ClientId=CLIENT_ID,
            ChallengeName=challenge,
            ChallengeResponses={"USERNAME": self.username, **answers},
            **({"Session": session} if session else {}),
        )

    def code(self, secret: str) -> str:
        """What an authenticator app shows."""
        return pyotp.TOTP(secret).at(int(self.site.cognito.clock.now()))


def whole_way(person: Person) -> None:
    """From no one to a user whose device is known."""
    person.sign_up()
    secret, tokens = person.set_up()
    device = person.confirm_device(tokens)
    person.site.cognito.clock.advance(30)
    again = person.come_back_with_a_code(secret)
    assert again["NewDeviceMetadata"]["DeviceKey"] != device.key
    known = person.come_back_with_the_device(device)
    assert "NewDeviceMetadata" not in known
    user = person.ask("GetUser", AccessToken=known["AccessToken"])
    assert user["Username"] == person.username
