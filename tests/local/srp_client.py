"""The client's side of SRP, as others wrote it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pycognito import AWSSRP

from cognito_mfa.local import LocalCognito
from tests.local.caller import CLIENT_ID, PASSWORD, POOL_ID


class Person(AWSSRP):  # type: ignore[misc]  # pycognito has no types
    """pycognito's client for SRP, living in the local Cognito's time."""

    def __init__(
        self, cognito: LocalCognito, username: str, password: str = PASSWORD, **more: Any
    ) -> None:
        more = {"client": cognito.client(), "client_id": CLIENT_ID, **more}
        super().__init__(username, password, POOL_ID, **more)
        self.clock = cognito.clock
        self.says_it_is: str | None = None

    def get_cognito_formatted_timestamp(self, _: datetime) -> str:
        if self.says_it_is is not None:
            return self.says_it_is
        now = datetime.fromtimestamp(self.clock.now(), UTC)
        return str(AWSSRP.get_cognito_formatted_timestamp(now))

    def begin(self) -> Any:
        return self.client.initiate_auth(
            ClientId=self.client_id, AuthFlow="USER_SRP_AUTH", AuthParameters=self.get_auth_params()
        )

    def claim(self, answer: Any, **changes: str) -> dict[str, str]:
        """The answer to a challenge; what is changed is not signed anew."""
        values = self.process_challenge(answer["ChallengeParameters"], self.get_auth_params())
        return {**values, **changes}

    def answer(self, values: dict[str, str]) -> Any:
        return self.client.respond_to_auth_challenge(
            ClientId=self.client_id, ChallengeName="PASSWORD_VERIFIER", ChallengeResponses=values
        )
