#!/usr/bin/env python
"""A local Cognito inside the test's process, behind a boto3 client: ours, compared with moto's ``mock_aws``.

usage: .bench/ours/bin/python benchmarks/interop/in_process.py [--rounds 7] [--sign-ins 200]

It measures import and first sign-in in a new process, and then sign-ins with a code per second. Each round starts both in
random order. The figures are medians, with the smallest and the largest value.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
PASSWORD = "Passw0rd!Passw0rd!"

if TYPE_CHECKING:
    from cognito_mfa.local import Clock


def main() -> None:
    options = parser().parse_args()
    if options.play:
        print(json.dumps(play(options.play, options.sign_ins)))
        return
    import servers
    from speed import summary

    players = {"cognito_mfa.local": servers.OURS, "moto": servers.MOTO}
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in players}
    for round_number in range(options.rounds + 1):
        for name in random.sample(list(players), len(players)):
            python = Path(servers.WORK / ("ours" if name != "moto" else "moto") / "bin/python")
            figures[name].append(played(python, name, options.sign_ins))
            if not round_number:
                figures[name].clear()
    titles = [f"{name} {servers.version_of(server)}" for name, server in players.items()]
    print("| | " + " | ".join(titles) + " |")
    print("|---|---|---|")
    for measure in figures["moto"][0]:
        cells = [summary([one[measure] for one in figures[name]]) for name in players]
        print(f"| {measure} | " + " | ".join(cells) + " |")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--rounds", type=int, default=7)
    made.add_argument("--sign-ins", type=int, default=200)
    made.add_argument("--play", help=argparse.SUPPRESS)
    return made


def played(python: Path, name: str, sign_ins: int) -> dict[str, float]:
    """The figures of one fresh process."""
    command = [str(python), str(HERE / "in_process.py"), "--play", name]
    said = subprocess.check_output(
        [*command, "--sign-ins", str(sign_ins)],
        env={**os.environ, "MOTO_COGNITO_IDP_USER_POOL_ENABLE_TOTP": "true"},
    )
    return dict(json.loads(said))


def play(name: str, sign_ins: int) -> dict[str, float]:
    """In this process."""
    begun = time.perf_counter()
    client, clock = ours() if name == "cognito_mfa.local" else motos()
    pool = client.create_user_pool(PoolName="bench", MfaConfiguration="OFF")["UserPool"]["Id"]
    client.set_user_pool_mfa_config(
        UserPoolId=pool,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="OPTIONAL",
    )
    app = client.create_user_pool_client(
        UserPoolId=pool, ClientName="bench", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    client.admin_create_user(UserPoolId=pool, Username="ada", MessageAction="SUPPRESS")
    client.admin_set_user_password(
        UserPoolId=pool, Username="ada", Password=PASSWORD, Permanent=True
    )
    token = password(client, app)["AuthenticationResult"]["AccessToken"]
    first = time.perf_counter() - begun
    secret = client.associate_software_token(AccessToken=token)["SecretCode"]
    client.verify_software_token(AccessToken=token, UserCode=code(secret, clock))
    client.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    sign_in(client, app, secret, clock)
    begun = time.perf_counter()
    for _ in range(sign_ins):
        sign_in(client, app, secret, clock)
    rate = sign_ins / (time.perf_counter() - begun)
    return {"import and first sign-in, s": first, "sign-ins/s": rate, "memory, MB": memory()}


def ours() -> tuple[Any, Clock]:
    """The clock stands still and is moved, as a test does it: a code is taken once."""
    from cognito_mfa.local import Clock, LocalCognito

    clock = Clock(ticking=False)
    return LocalCognito(clock).client(), clock


def motos() -> tuple[Any, None]:
    """moto takes a code any number of times, and lives in real time."""
    import boto3
    from moto import mock_aws

    mock_aws().start()
    session = boto3.Session(**CREDENTIALS)  # type: ignore[arg-type]
    return session.client("cognito-idp", region_name="us-east-1"), None


def password(client: Any, app: str) -> Any:
    return client.initiate_auth(
        ClientId=app,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ada", "PASSWORD": PASSWORD},
    )


def sign_in(client: Any, app: str, secret: str, clock: Clock | None) -> None:
    if clock is not None:
        clock.advance(30)
    asked = password(client, app)
    answered = client.respond_to_auth_challenge(
        ClientId=app,
        ChallengeName=asked["ChallengeName"],
        Session=asked["Session"],
        ChallengeResponses={"USERNAME": "ada", "SOFTWARE_TOKEN_MFA_CODE": code(secret, clock)},
    )
    assert answered["AuthenticationResult"]["AccessToken"]


def code(secret: str, clock: Clock | None) -> str:
    from people import STEP, code_at

    if clock is not None:
        return code_at(secret, int(clock.now()) // STEP)
    if STEP - time.time() % STEP < 0.25:  # not across the step's edge
        time.sleep(0.3)
    return code_at(secret, int(time.time()) // STEP)


def memory() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 2**20


if __name__ == "__main__":
    main()
