"""The half-finished sign-in: one object under one session key, encrypted, minutes long.

It never holds the password, never leaves the server, and there is one for each browser: the newest
wins, an older tab starts again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import Any, Self

from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from cognito_mfa.exceptions import ChallengeLost
from cognito_mfa.gateway import Challenge, Tokens
from cognito_mfa.proof import PREFIX
from cognito_mfa.sealing import seal, unseal

KEY = f"{PREFIX}pending"
# The longest that an app client can make its session strings last (AuthSessionValidity, facts §3.3).
# The client's own value is not readable without AWS credentials; when it is shorter, Cognito says so.
TTL = 15 * 60


class Step(Enum):
    """Where a sign-in stands; the values are names of our URLs."""

    START = "sign_in"
    NEW_PASSWORD = "new_password"  # noqa: S105 - the name of a page
    CHALLENGE = "challenge"
    SETUP = "setup"
    SETUP_DONE = "setup_done"
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class PendingSignIn:
    """What must be remembered between two steps of one sign-in.

    Attributes:
        step: which page comes next.
        username: as the person typed it.
        next_url: where to go afterwards; validated when it is used.
        challenge: what Cognito wants answered, with its current session string.
        secret: of the software token that waits to be verified, during set-up.
        tokens: of a password sign-in without challenge, during a set-up with the access token.
        friendly_name: what the person typed as the device's name before the set-up broke off.
        expires_at: seconds since the epoch.
    """

    step: Step = Step.START
    username: str = ""
    next_url: str = ""
    challenge: Challenge | None = field(default=None, repr=False)
    secret: str = field(default="", repr=False)
    tokens: Tokens | None = field(default=None, repr=False)
    friendly_name: str = ""
    expires_at: float = 0.0

    @classmethod
    @sensitive_variables()
    def load(cls, request: HttpRequest) -> Self | None:
        """Return this browser's pending sign-in, or None when there is none or its time is over."""
        payload = unseal(request.session.get(KEY))
        if payload is None or not payload["expires_at"] > time.time():
            return None
        return cls(**_revived(payload))

    @sensitive_variables()
    def save(self, request: HttpRequest) -> None:
        """Make this the browser's pending sign-in, with a fresh time limit."""
        kept = asdict(replace(self, expires_at=time.time() + TTL))
        request.session[KEY] = seal({**kept, "step": self.step.name})

    @property
    def open_challenge(self) -> Challenge:
        """Return the challenge to answer.

        Raises:
            ChallengeLost: there is none at this step.
        """
        if self.challenge is None:
            raise ChallengeLost(self.step.value, "NothingPending")
        return self.challenge

    def start_again(self, request: HttpRequest, *, friendly_name: str = "") -> None:
        """Keep the typed names and the way back; forget everything else."""
        PendingSignIn(
            username=self.username, next_url=self.next_url, friendly_name=friendly_name
        ).save(request)


def clear(request: HttpRequest) -> None:
    """Forget the browser's pending sign-in."""
    if KEY in request.session:
        del request.session[KEY]


def _revived(payload: Mapping[str, Any]) -> dict[str, Any]:
    challenge, tokens = payload["challenge"], payload["tokens"]
    return {
        **payload,
        "step": Step[payload["step"]],
        "challenge": Challenge(**challenge) if challenge else None,
        "tokens": Tokens(**tokens) if tokens else None,
    }
