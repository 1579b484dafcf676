"""One call to Cognito through the app, compared with the same call by boto3 without the app in the same run.

python benchmarks/calls.py [--rounds 60] [--calls 40] [--threads 16]

A separate process answers every call at once, so the figures show only the client's cost. It counts connections and
requests: a reused connection is one that carried an earlier request. boto3's client has its defaults, except that it
keeps as many connections as the app's. The clients take turns in random order. Times are of the client's process, with all
its threads. The figures are medians of the ratios of all rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
POOL, APP_CLIENT = "us-east-1_Example00", "exampleclient0000000000000"
OURS, BARE = "ours", "boto3"
MOST_TIMES = 1.1
LEAST_REUSED = 0.99
WARM_UP = 40  # calls

PARAMETERS: dict[str, dict[str, Any]] = {
    "AdminGetUser": {"UserPoolId": POOL, "Username": "ada"},
    "InitiateAuth": {
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": APP_CLIENT,
        "AuthParameters": {"USERNAME": "ada", "PASSWORD": "Correct-Horse-7"},
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "AdminGetUser": {
        "Username": "ada",
        "Enabled": True,
        "UserStatus": "CONFIRMED",
        "UserCreateDate": 1700000000.123,
        "UserAttributes": [
            {"Name": "sub", "Value": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"},
            {"Name": "email", "Value": "ada@example.com"},
            {"Name": "email_verified", "Value": "true"},
            {"Name": "given_name", "Value": "Ada"},
            {"Name": "locale", "Value": "en-US"},
        ],
        "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"],
        "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
    },
    "InitiateAuth": {
        "ChallengeName": "SOFTWARE_TOKEN_MFA",
        "ChallengeParameters": {"USER_ID_FOR_SRP": "ada"},
        "Session": "s" * 1000,
    },
}

Call = Callable[[], object]


# -------------------------------------------------------------------------------------- the answers


class Answering(asyncio.Protocol):
    """Answers each request on a connection with the bytes for its operation."""

    connections = requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._read = transport, b""
        Answering.connections += 1

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not end or len(body) < int(length[1] if length else 0):
            return
        self._read = b""
        Answering.requests += 1
        operation = re.search(rb"(?i)\r\nx-amz-target: *\w+\.(\w+)", head)
        self._transport.write(response(operation[1].decode() if operation else ""))


def response(operation: str) -> bytes:
    """Return the answer to ``operation`` with its headers."""
    body = json.dumps(ANSWERS[operation]).encode()
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
        b"x-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )


async def play_cognito() -> None:
    """Answer calls; each line of input is answered with the numbers of connections and requests."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps([Answering.connections, Answering.requests]), flush=True)


class Cognito:
    """The process that answers."""

    def __init__(self) -> None:
        command = [sys.executable, __file__, "--answer"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self._line()

    def counts(self) -> tuple[int, int]:
        """Return how many connections were made and how many requests were answered."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        connections, requests = json.loads(self._line())
        return connections, requests

    def stop(self) -> None:
        """Close its input, at which it ends."""
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


# -------------------------------------------------------------------------------------- the clients


def configure(url: str) -> None:
    """Set Django up with the app, whose calls go to ``url``."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    sys.path.insert(0, str(ROOT))
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="x" * 50,
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "cognito_mfa"],
        COGNITO_MFA={"USER_POOL_ID": POOL, "CLIENT_ID": APP_CLIENT, "ENDPOINT_URL": url},
    )
    django.setup()


def callers(operation: str, url: str) -> dict[str, Call]:
    """Return what makes one call to ``operation``: through the app, and with boto3's own client."""
    import boto3
    from botocore import xform_name
    from botocore.config import Config

    from cognito_mfa.cognito import transport
    from cognito_mfa.values.secret_text import SecretText

    given = dict(PARAMETERS[operation])
    closed: Mapping[str, Any] = given
    if "AuthParameters" in given:
        secrets = given["AuthParameters"]
        closed = {**given, "AuthParameters": {k: SecretText(v) for k, v in secrets.items()}}
    client: Any = boto3.session.Session().client(
        "cognito-idp",
        region_name="us-east-1",
        endpoint_url=url,
        config=Config(max_pool_connections=50),
    )
    send = getattr(client, xform_name(operation))
    return {OURS: lambda: transport.call(operation, closed), BARE: lambda: send(**given)}


# -------------------------------------------------------------------------------------- the rounds


def spent(call: Call, calls: int) -> tuple[float, float]:
    """Return seconds of processor time and of wall-clock time for each of so many calls."""
    processor, wall = time.process_time(), time.perf_counter()
    for _ in range(calls):
        call()
    return (time.process_time() - processor) / calls, (time.perf_counter() - wall) / calls


def in_threads(threads: int) -> Callable[[Call, int], tuple[float, float]]:
    """Return ``spent`` for calls from so many threads at once."""

    def spent_together(call: Call, calls: int) -> tuple[float, float]:
        def work() -> None:
            for _ in range(max(1, calls // threads)):
                call()

        workers = [threading.Thread(target=work) for _ in range(threads)]

        def all_of_them() -> None:
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()

        processor, wall = spent(all_of_them, 1)
        made = threads * max(1, calls // threads)
        return processor / made, wall / made

    return spent_together


def compare(
    names: dict[str, Call],
    measure: Callable[[Call, int], tuple[float, float]],
    cognito: Cognito,
    *,
    rounds: int,
    calls: int,
) -> dict[str, Any]:
    """Return the medians of both clients, the ratios, and the share of requests on reused connections.

    Args:
        names: what makes one call, by name.
        measure: such as ``spent``.
        cognito: that answers.
        rounds: how many times each client has its turn.
        calls: in each turn.
    """
    turns, order = random.Random(1), list(names)
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    opened = dict.fromkeys(names, 0)
    sent = dict.fromkeys(names, 0)
    for name in order:
        spent(names[name], WARM_UP)
    for _ in range(rounds):
        turns.shuffle(order)
        for name in order:
            connections, requests = cognito.counts()
            seen[name].append(measure(names[name], calls))
            more, all_requests = cognito.counts()
            opened[name] += more - connections
            sent[name] += all_requests - requests
    figures: dict[str, Any] = {
        name: [statistics.median(column) * 1e6 for column in zip(*seen[name], strict=True)]
        for name in names
    }
    pairs = list(zip(seen[OURS], seen[BARE], strict=True))
    figures["ratios"] = [statistics.median(o[i] / b[i] for o, b in pairs) for i in (0, 1)]
    figures["reused"] = {name: 1 - opened[name] / sent[name] for name in names}
    return figures


def report(rows: dict[str, dict[str, Any]]) -> bool:
    """Print the table, and return whether the goals are reached."""
    print("| calls | boto3: CPU, wall | ours: CPU, wall | CPU, ours / boto3 | wall | reused |")
    print("|---|---|---|---|---|---|")
    for name, row in rows.items():
        bare, ours = (f"{row[who][0]:.0f} µs, {row[who][1]:.0f} µs" for who in (BARE, OURS))
        processor, wall = row["ratios"]
        reused = f"{row['reused'][OURS]:.2%}"
        print(f"| {name} | {bare} | {ours} | {processor:.2f} | {wall:.2f} | {reused} |")
    # The goal for one process that makes a call at a time, as a command and most workers do.
    reached = all(row["reused"][OURS] >= LEAST_REUSED for row in rows.values()) and all(
        row["ratios"][0] <= MOST_TIMES for name, row in rows.items() if "threads" not in name
    )
    goals = f"at most {MOST_TIMES} times boto3's processor time, {LEAST_REUSED:.0%} reused"
    print(f"goals: {goals}: {'reached' if reached else 'missed'}")
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.answer:
        asyncio.run(play_cognito())
        return 0
    cognito = Cognito()
    configure(cognito.url)
    rows = {}
    for operation in PARAMETERS:
        names = callers(operation, cognito.url)
        sizes = {"rounds": options.rounds, "calls": options.calls}
        rows[operation] = compare(names, spent, cognito, **sizes)
        together = in_threads(options.threads)
        sizes["calls"] = max(options.calls, options.threads * 10)
        label = f"{operation}, {options.threads} threads"
        rows[label] = compare(names, together, cognito, **sizes)
    cognito.stop()
    return int(not report(rows))


if __name__ == "__main__":
    sys.exit(main())
