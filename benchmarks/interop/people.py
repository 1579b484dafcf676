"""What the benchmarks do with a Cognito: create a pool and users, set up an authenticator app, sign in.

It only uses operations that all compared servers have.
"""

from __future__ import annotations

import base64
import hmac
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from client import Client

PASSWORD = "Passw0rd!Passw0rd!"
STEP = 30
FLOWS = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]


def code_at(secret: str, step: int) -> str:
    """RFC 6238, SHA-1, six digits. (pyotp refuses moto's secret, which is too short.)"""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8), casefold=True)
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**6:06d}"


def step_now() -> int:
    return int(time.time()) // STEP


@dataclass
class Person:
    """Somebody with an authenticator."""

    username: str
    secret: str = field(default="", repr=False)
    last_step: int = 0

    def code(self) -> str:
        self.last_step = step_now()
        return code_at(self.secret, self.last_step)


def wait_for_fresh_codes(people: Iterable[Person], seconds: float) -> None:
    """Until nobody has used a code of the current step, and it lasts that long."""
    used = max(person.last_step for person in people)
    while step_now() <= used or STEP - time.time() % STEP < seconds:
        time.sleep(0.05)


@dataclass(frozen=True)
class Pool:
    """A pool of a running server, with an app client."""

    client: Client
    id: str
    app: str

    @classmethod
    def make(cls, client: Client, mfa: str = "OPTIONAL") -> Pool:
        pool = client.call("CreateUserPool", PoolName="bench", MfaConfiguration="OFF")
        pool_id = pool["UserPool"]["Id"]
        client.call(
            "SetUserPoolMfaConfig",
            UserPoolId=pool_id,
            SoftwareTokenMfaConfiguration={"Enabled": True},
            MfaConfiguration=mfa,
        )
        app = client.call(
            "CreateUserPoolClient", UserPoolId=pool_id, ClientName="bench", ExplicitAuthFlows=FLOWS
        )
        return cls(client, pool_id, app["UserPoolClient"]["ClientId"])

    def add(self, username: str) -> Person:
        self.client.call(
            "AdminCreateUser",
            UserPoolId=self.id,
            Username=username,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": username}],
        )
        self.client.call(
            "AdminSetUserPassword",
            UserPoolId=self.id,
            Username=username,
            Password=PASSWORD,
            Permanent=True,
        )
        return Person(username)

    def password(
        self, username: str, password: str = PASSWORD, client: Client | None = None
    ) -> dict[str, Any]:
        return (client or self.client).call(
            "InitiateAuth",
            ClientId=self.app,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )

    def enrol(self, person: Person) -> None:
        """With an access token, the only way that each server plays."""
        token = self.password(person.username)["AuthenticationResult"]["AccessToken"]
        person.secret = self.client.call("AssociateSoftwareToken", AccessToken=token)["SecretCode"]
        self.client.call("VerifySoftwareToken", AccessToken=token, UserCode=person.code())
        self.client.call(
            "SetUserMFAPreference",
            AccessToken=token,
            SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True},
        )

    def sign_in(
        self, person: Person, client: Client | None = None, code: str | None = None
    ) -> dict[str, Any]:
        """Password and code. Returns the tokens."""
        client = client or self.client
        challenge = self.password(person.username, client=client)
        return dict(self.answer(challenge, person, code or person.code(), client))

    def answer(
        self, challenge: dict[str, Any], person: Person, code: str, client: Client | None = None
    ) -> dict[str, Any]:
        responses = {"USERNAME": person.username, "SOFTWARE_TOKEN_MFA_CODE": code}
        answer = (client or self.client).call(
            "RespondToAuthChallenge",
            ClientId=self.app,
            ChallengeName=challenge["ChallengeName"],
            Session=challenge["Session"],
            ChallengeResponses=responses,
        )
        return dict(answer["AuthenticationResult"])
