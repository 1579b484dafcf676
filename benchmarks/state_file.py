#!/usr/bin/env python
"""Calls to the local Cognito with and without a state file, at first and after thousands of calls.

usage: PYTHONPATH=. python benchmarks/state_file.py [--calls 3000] [--batch 200] [--users 5000]

Everything runs in one process, and the time is processor time, so a busy machine changes little. Figures are ratios. The
script measures a batch of calls of each kind, makes ``--calls`` calls, and measures another batch. The calls in between are
of each kind, and sign-ins of 20 users with a code.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from cognito_mfa.local import Behavior, Clock, LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.messages import WireRequest

POOL, CLIENT, ROTATING = "us-east-1_Example00", "exampleclient0000000000000", "rotating"
PASSWORD = "Correct-Horse-7"
PEOPLE = 20

Call = Callable[[], object]


class World:
    """A local Cognito with a pool, and a call of each kind that writes something."""

    def __init__(self, cognito: LocalCognito) -> None:
        self.cognito = cognito
        behavior = Behavior(hourly_limits=False, srp_timestamp_tolerance=None)
        self.pool: LocalPool = cognito.create_pool(POOL, mfa="OPTIONAL", behavior=behavior)
        self.pool.create_client(CLIENT)
        self.pool.create_client(ROTATING, rotation_grace=0)
        attributes = {"email": "ada@example.com", "email_verified": "true"}
        for name in ("ada", "grace", *(f"person{number}" for number in range(PEOPLE))):
            mine = attributes if name == "ada" else {}
            self.pool.create_user(name, password=PASSWORD, attributes=mine)
        for number in range(PEOPLE):
            self.pool.register_software_token(f"person{number}")
        self._turns = self._people()
        self._numbers = count()
        self._token = self.password("grace", ROTATING)["RefreshToken"]

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        target = f"AWSCognitoIdentityProviderService.{operation}"
        answer = self.cognito.answer(WireRequest(target, json.dumps(parameters).encode(), True))
        assert answer.status == 200, answer.body
        return dict(json.loads(answer.body))

    def kinds(self) -> dict[str, Call]:
        pool, client = {"UserPoolId": POOL}, {"ClientId": CLIENT}
        return {
            "sign-in with a code": self.sign_in,
            "sign-in with a password": lambda: self.password("ada"),
            "SRP sign-in begun": lambda: self.ask(
                "InitiateAuth",
                **client,
                AuthFlow="USER_SRP_AUTH",
                AuthParameters={"USERNAME": "ada", "SRP_A": "5"},
            ),
            "refresh with rotation": self.rotate,
            "AdminCreateUser": lambda: self.ask(
                "AdminCreateUser",
                **pool,
                Username=f"new{next(self._numbers)}",
                TemporaryPassword=PASSWORD,
                MessageAction="SUPPRESS",
            ),
            "AdminUpdateUserAttributes": lambda: self.ask(
                "AdminUpdateUserAttributes",
                **pool,
                Username="ada",
                UserAttributes=[{"Name": "name", "Value": f"Ada {next(self._numbers)}"}],
            ),
            "ForgotPassword": lambda: self.ask("ForgotPassword", **client, Username="ada"),
            "AdminUserGlobalSignOut": lambda: self.ask(
                "AdminUserGlobalSignOut", **pool, Username="ada"
            ),
            "CreateGroup": lambda: self.ask(
                "CreateGroup", **pool, GroupName=f"group{next(self._numbers)}"
            ),
            "CreateUserPoolClient": lambda: self.ask(
                "CreateUserPoolClient", **pool, ClientName="another"
            ),
        }

    def password(self, name: str, client: str = CLIENT) -> dict[str, Any]:
        answer = self.ask(
            "InitiateAuth",
            ClientId=client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
        )
        return dict(answer.get("AuthenticationResult", answer))

    def sign_in(self) -> None:
        name = next(self._turns)
        asked = self.password(name)
        code = self.pool.code_for(name)
        self.ask(
            "RespondToAuthChallenge",
            ClientId=CLIENT,
            ChallengeName="SOFTWARE_TOKEN_MFA",
            Session=asked["Session"],
            ChallengeResponses={"USERNAME": name, "SOFTWARE_TOKEN_MFA_CODE": code},
        )

    def rotate(self) -> None:
        answer = self.ask("GetTokensFromRefreshToken", ClientId=ROTATING, RefreshToken=self._token)
        self._token = answer["AuthenticationResult"]["RefreshToken"]

    def _people(self) -> Iterator[str]:
        while True:
            self.cognito.clock.advance(30)  # a code works once
            yield from (f"person{number}" for number in range(PEOPLE))


def seconds(call: Call, times: int) -> float:
    """The processor time of one call, on average."""
    begun = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - begun) / times


def main() -> None:
    options = parser().parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kept = stack.enter_context(LocalCognito(_clock(), state_file=folder / "pool.json"))
        worlds = {"without": World(LocalCognito(_clock())), "with": World(kept)}
        before, after = (measured(worlds, options, grow) for grow in (0, options.calls))
        print(
            "| | with a file, at first | later | without, later : at first | with, later : at first |"
        )
        print("|---|---|---|---|---|")
        for kind in before["with"]:
            report(kind, before, after)
        listed = {name: reading(world, options.users) for name, world in worlds.items()}
        print(
            f"\nListUsers, a page of {options.users:,} users : of {PEOPLE}: {listed['without']:.2f}"
        )
        size = (folder / "pool.json").stat().st_size + (folder / "pool.json-wal").stat().st_size
        print(f"State file and its log: {size / 2**20:.1f} MB")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--calls", type=int, default=3000)
    made.add_argument("--batch", type=int, default=200)
    made.add_argument("--users", type=int, default=5000)
    return made


def _clock() -> Clock:
    return Clock(1_780_000_000.0, ticking=False)


def measured(
    worlds: dict[str, World], options: argparse.Namespace, grow: int
) -> dict[str, dict[str, float]]:
    """Seconds per call of each kind in each world, which take turns."""
    found: dict[str, dict[str, float]] = {name: {} for name in worlds}
    kinds = {name: world.kinds() for name, world in worlds.items()}
    for kind in kinds["with"]:
        for name in worlds:
            seconds(kinds[name][kind], max(grow, 5))
            found[name][kind] = min(
                seconds(kinds[name][kind], options.batch // 4) for _ in range(4)
            )
    return found


def report(
    kind: str, before: dict[str, dict[str, float]], after: dict[str, dict[str, float]]
) -> None:
    ratios = (
        before["with"][kind] / before["without"][kind],
        after["with"][kind] / after["without"][kind],
        after["without"][kind] / before["without"][kind],
        after["with"][kind] / before["with"][kind],
    )
    print(f"| {kind} | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")


def reading(world: World, users: int) -> float:
    """A first page of many users to one of few, in a pool of its own."""
    pool = world.cognito.create_pool("us-east-1_Listing00")

    def page() -> object:
        return world.ask("ListUsers", UserPoolId=pool.id, Limit=PEOPLE)

    for number in range(PEOPLE):
        pool.create_user(f"user{number}")
    few = seconds(page, 50)
    with world.cognito.changing():
        for number in range(PEOPLE, users):
            pool.create_user(f"user{number}")
    return seconds(page, 50) / few


if __name__ == "__main__":
    main()
