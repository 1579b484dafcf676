"""A program that talks to Cognito through boto3, with the few words that the tests need."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError  # noqa: TID253

POOL_ID = "us-east-1_Example00"
CLIENT_ID = "exampleclient0000000000000"
PASSWORD = "Correct-Horse-7"

INVALID = "Invalid session for the user."
EXPIRED = "Invalid session for the user, session is expired."
USED = "Invalid session for the user, session can only be used once."


@dataclass
class Refusal:
    """What Cognito said, after the block."""

    text: str = ""


@contextmanager
def refused(code: str, text: str | None = None) -> Generator[Refusal]:
    """Cognito answers this error, with this very text."""
    refusal = Refusal()
    with pytest.raises(ClientError) as caught:
        yield refusal
    error = caught.value.response["Error"]
    refusal.text = error["Message"]
    assert error["Code"] == code
    if text is not None:
        assert error["Message"] == text


def secret_hash(secret: str, username: str, client_id: str = CLIENT_ID) -> str:
    digest = hmac.new(secret.encode(), (username + client_id).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


class Caller:
    """``boto`` is a boto3 client, in process or over HTTP."""

    def __init__(self, boto: Any, client_id: str = CLIENT_ID) -> None:
        self.boto = boto
        self.client_id = client_id

    def password(self, username: str = "newcomer", password: str = PASSWORD, **extra: str) -> Any:
        return self.boto.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password, **extra},
        )

    def admin_password(self, username: str = "newcomer", password: str = PASSWORD) -> Any:
        return self.boto.admin_initiate_auth(
            UserPoolId=POOL_ID,
            ClientId=self.client_id,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )

    def choose(self, username: str = "newcomer", **more: str) -> Any:
        return self.boto.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="USER_AUTH",
            AuthParameters={"USERNAME": username, **more},
        )

    def respond(self, challenge: str, session: str, username: str = "newcomer", **more: str) -> Any:
        return self.boto.respond_to_auth_challenge(
            ClientId=self.client_id,
            ChallengeName=challenge,
            Session=session,
            ChallengeResponses={"USERNAME": username, **more},
        )

    def admin_respond(
        self, challenge: str, session: str, username: str = "newcomer", **more: str
    ) -> Any:
        return self.boto.admin_respond_to_auth_challenge(
            UserPoolId=POOL_ID,
            ClientId=self.client_id,
            ChallengeName=challenge,
            Session=session,
            ChallengeResponses={"USERNAME": username, **more},
        )

    def enter_code(self, session: str, code: str, username: str = "regular") -> Any:
        return self.respond("SOFTWARE_TOKEN_MFA", session, username, SOFTWARE_TOKEN_MFA_CODE=code)

    def refresh(self, refresh_token: str, **extra: str) -> Any:
        return self.boto.initiate_auth(
            ClientId=self.client_id,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": refresh_token, **extra},
        )

    def associate(self, session: str) -> Any:
        return self.boto.associate_software_token(Session=session)

    def verify(self, session: str, code: str, name: str = "Phone") -> Any:
        return self.boto.verify_software_token(
            Session=session, UserCode=code, FriendlyDeviceName=name
        )


def members(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what botocore adds."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def access_token(answer: dict[str, Any]) -> str:
    token: str = answer["AuthenticationResult"]["AccessToken"]
    return token
