"""moto's server in the place of the local Cognito: as much of what the journeys ask of a LocalCognito
and its pools as moto can do over HTTP. What it cannot do skips the test, with what moto lacks.

Codes need a time, and moto's own is the machine's: the server runs in this process and its codes are
made and checked by a clock that tests move. Nothing else of moto is touched."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.request import Request, urlopen

import pytest
from botocore.config import Config  # noqa: TID253

from cognito_mfa.local.rules.totp import code_at, step_at
from cognito_mfa.local.wire.client import DUMMY_CREDENTIALS, boto3_session
from tests.visitor import PASSWORD, Visitor

EVENTS = "cognito-identity-provider"

_current: list[MotoCognito] = []


def lacks(what: str) -> NoReturn:
    """Skips the test."""
    pytest.skip(f"moto {what}")


def make_client(
    *, region_name: str, endpoint_url: str | None = None, config: Config | None = None
) -> Any:
    """The site's client, as COGNITO_MFA["CLIENT_FACTORY"] makes it. It tells what it sends to
    whichever server is then current."""
    client: Any = boto3_session().client(
        "cognito-idp",
        region_name=region_name,
        endpoint_url=_current[-1].url,
        config=config,
        **DUMMY_CREDENTIALS,
    )
    client.meta.events.register(f"before-call.{EVENTS}", _note_call)
    client.meta.events.register(f"after-call.{EVENTS}", _note_error)
    return client


@dataclass
class Call:
    """As the local Cognito's call log has it."""

    operation: str
    parameters: Mapping[str, Any] = field(repr=False)
    error: str | None = None


def _note_call(model: Any, params: Mapping[str, Any], **_: object) -> None:
    _current[-1].calls.append(Call(model.name, json.loads(params["body"])))


def _note_error(parsed: Mapping[str, Any], **_: object) -> None:
    _current[-1].calls[-1].error = parsed.get("Error", {}).get("Code")


class MovableTime:
    """Stands still where moto has the module ``time``, until it is moved."""

    def __init__(self) -> None:
        self._at = time.time()

    def time(self) -> float:
        return self._at

    def now(self) -> float:
        return self._at

    def advance(self, seconds: float) -> None:
        self._at += seconds


@dataclass(frozen=True)
class MotoUser:
    """What the API tells of a user."""

    username: str
    sub: str

    def __getattr__(self, name: str) -> NoReturn:
        lacks(f"has no window into its users ({name})")


class MotoPool:
    """A pool of moto's, made and filled over its API."""

    def __init__(self, cognito: MotoCognito, pool_id: str) -> None:
        self._cognito = cognito
        self._boto = cognito.client()
        self.id = pool_id
        self.client_id = ""
        self._passwords: dict[str, str] = {}

    def __getattr__(self, name: str) -> NoReturn:
        lacks(f"has no window into its state ({name})")

    def create_client(self, client_id: str, *, secret: str | None = None, **more: Any) -> None:
        """moto chooses the id, and the secret where there is to be one."""
        if more:
            lacks(f"has no app client with {', '.join(more)}")
        made = self._boto.create_user_pool_client(
            UserPoolId=self.id,
            ClientName="journeys",
            GenerateSecret=secret is not None,
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
            # Cognito's ID tokens carry every standard attribute where nothing is said; moto's none.
            ReadAttributes=["email"],
        )["UserPoolClient"]
        self.client_id = made["ClientId"]
        self._cognito.name_in_settings(self.id, made["ClientId"], made.get("ClientSecret"))

    def create_user(
        self,
        username: str,
        *,
        password: str = PASSWORD,
        attributes: Mapping[str, str] | None = None,
        status: str = "CONFIRMED",
        enabled: bool = True,
    ) -> None:
        self._passwords[username] = password
        who = {"UserPoolId": self.id, "Username": username}
        attributes = dict(attributes or {})
        if status == "RESET_REQUIRED":  # moto resets no one who cannot be reached
            attributes |= {"email": f"{username}@example.com", "email_verified": "true"}
        pairs = [{"Name": name, "Value": value} for name, value in attributes.items()]
        if status == "UNCONFIRMED":
            self._boto.sign_up(ClientId=self.client_id, Username=username, Password=password)
            return
        self._boto.admin_create_user(**who, UserAttributes=pairs, TemporaryPassword=password)
        if status != "FORCE_CHANGE_PASSWORD":
            self._boto.admin_set_user_password(**who, Password=password, Permanent=True)
        if status == "RESET_REQUIRED":
            self._boto.admin_reset_user_password(**who)
        if not enabled:
            self._boto.admin_disable_user(**who)

    def user(self, username: str) -> MotoUser:
        found = self._boto.admin_get_user(UserPoolId=self.id, Username=username)
        told = {pair["Name"]: pair["Value"] for pair in found["UserAttributes"]}
        return MotoUser(found["Username"], told["sub"])

    def register_software_token(self, username: str, *, friendly_name: str = "") -> str:
        """As the person would have done it with an access token."""
        answer = self._boto.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": self._passwords[username]},
        )
        token = answer["AuthenticationResult"]["AccessToken"]
        secret: str = self._boto.associate_software_token(AccessToken=token)["SecretCode"]
        self._boto.verify_software_token(
            AccessToken=token,
            UserCode=shown(secret, self._cognito.clock.now()),
            FriendlyDeviceName=friendly_name,
        )
        self._boto.set_user_mfa_preference(
            AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )
        return secret


class MotoCognito:
    """A server of moto's, empty at the beginning of a test."""

    def __init__(self, url: str, settings: Any, clock: MovableTime) -> None:
        self.url = url
        self.clock = clock
        self.calls: list[Call] = []
        self._settings = settings
        self._pools: list[MotoPool] = []

    def __getattr__(self, name: str) -> NoReturn:
        lacks(f"has no {name}")

    def create_pool(self, pool_id: str, *, mfa: str = "OFF", **more: Any) -> MotoPool:
        """moto chooses the id, so the settings follow."""
        if more:
            lacks(f"has no pool with {', '.join(more)}")
        boto = self.client()
        made = boto.create_user_pool(PoolName="journeys", MfaConfiguration="OFF")["UserPool"]["Id"]
        boto.set_user_pool_mfa_config(
            UserPoolId=made,
            SoftwareTokenMfaConfiguration={"Enabled": True},
            MfaConfiguration=mfa,
        )
        pool = MotoPool(self, made)
        self._pools.append(pool)
        return pool

    def pools(self) -> list[MotoPool]:
        return self._pools

    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]

    def forget_calls(self) -> None:
        self.calls.clear()

    def client(self) -> Any:
        """A client whose calls are not counted."""
        return boto3_session().client(
            "cognito-idp",
            region_name="us-east-1",
            endpoint_url=self.url,
            **DUMMY_CREDENTIALS,
        )

    def name_in_settings(self, pool_id: str, client_id: str, secret: str | None) -> None:
        mine = {"USER_POOL_ID": pool_id, "CLIENT_ID": client_id}
        if secret is not None:
            mine["CLIENT_SECRET"] = secret
        self._settings.COGNITO_MFA = {**self._settings.COGNITO_MFA, **mine}

    @contextmanager
    def current(self) -> Iterator[None]:
        """The site's clients name this one."""
        urlopen(Request(f"{self.url}/moto-api/reset", method="POST")).close()  # noqa: S310
        _current.append(self)
        try:
            yield
        finally:
            _current.remove(self)


class MotoVisitor(Visitor):
    """With an authenticator app that takes moto's secret, which pyotp finds too short."""

    def code(self, *, steps: int = 0) -> str:
        return shown(self.secret, self.cognito.clock.now() + 30 * steps)


def shown(secret: str, at: float) -> str:
    return code_at(secret.upper(), step_at(at))
