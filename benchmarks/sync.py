"""``cognito_mfa_sync`` compared with boto3 without the app: rate, processor time, memory, and kills.

python benchmarks/sync.py [--only rate|memory|kill] [--seconds 60] [--rounds 3] [--users 100000]

A separate process answers each call after 20 ms. The command runs in another one, with an SQLite file. Two thirds of the
users have an authenticator app in Cognito, one in a hundred was deleted there, and one in five hundred is disabled. The rows
say the same, except for these and for three in a hundred others, as after a busy day. Times and memory are those of the
whole process from the start of the command. boto3 without the app asks for the same users in 32 threads that share a pace,
and reads the same list in one more thread.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import threading
import time
import uuid
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
POOL = "us-east-1_Example00"
DELAY = 0.02  # seconds
PAGE = 60
LIST_RATE = 24  # pages a second, as in the app

RATES = (120, 600)
SHARE, CORES, MEGABYTES, REPEATED = 0.98, 0.15, 20.0, 600
HERE = Path(__file__)


def sub_of(number: int) -> str:
    """Return the ``sub`` of a user."""
    return str(uuid.UUID(int=(0x3F2504E0 << 96) + number))


def draw(sub: str, what: str) -> int:
    """Return a number below 1000 that is the same in every process."""
    return zlib.crc32(f"{what} {sub}".encode()) % 1000


# -------------------------------------------------------------------------------------- the answers


class Answering(asyncio.Protocol):
    """Answers each request on a connection 20 ms later."""

    users = 0
    asked: Counter[str] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._read = transport, b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if not end or len(body) < int(length[1] if length else 0):
            return
        self._read = b""
        operation = re.search(rb"(?i)\r\nx-amz-target: *\w+\.(\w+)", head)
        assert operation
        status, answer = answer_to(operation[1].decode(), json.loads(body))
        asyncio.get_running_loop().call_later(DELAY, self._send, status, answer)

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        body = json.dumps(answer).encode()
        self._transport.write(
            b"HTTP/1.1 %d OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
            b"x-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (status, len(body), body)
        )


def answer_to(operation: str, given: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Return the status and the answer to a call."""
    if operation == "ListUsers":
        only = given.get("Filter")  # for one user by ``sub``
        first = int(given.get("PaginationToken") or 0)
        return 200, one_user(only.split('"')[1]) if only else page_of(first)
    if operation == "GetUserPoolMfaConfig":
        return 200, {"MfaConfiguration": "OPTIONAL"}
    if operation == "DescribeUserPool":
        return 200, {"UserPool": {"Id": POOL}}
    sub = given["Username"]
    Answering.asked[sub] += 1
    if draw(sub, "gone") < 10:
        return 400, {"__type": "UserNotFoundException", "message": "User does not exist."}
    if draw(sub, "app") >= 667:
        return 200, {
            "Username": sub,
            "UserCreateDate": 1700000000.123,
            "ConfiguredUserAuthFactors": ["PASSWORD"],
        }
    listed = {
        "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"],
        "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
    }
    return 200, {"Username": sub, "ConfiguredUserAuthFactors": ["PASSWORD"], **listed}


def one_user(sub: str) -> dict[str, Any]:
    """Return the list of users whose ``sub`` that is."""
    return {"Users": [{"Username": sub, "Enabled": draw(sub, "disabled") >= 2}]}


def page_of(first: int) -> dict[str, Any]:
    """Return a page of the list of users."""
    last = min(first + PAGE, Answering.users)
    subs = [sub_of(number) for number in range(first, last)]
    users = [
        {
            "Username": sub,
            "Enabled": draw(sub, "disabled") >= 2,
            "UserStatus": "CONFIRMED",
            "Attributes": [
                {"Name": "sub", "Value": sub},
                {"Name": "email", "Value": f"{sub}@example.com"},
                {"Name": "email_verified", "Value": "true"},
            ],
        }
        for sub in subs
        if draw(sub, "gone") >= 10
    ]
    return {"Users": users, **({"PaginationToken": str(last)} if last < Answering.users else {})}


async def play_cognito(users: int) -> None:
    """Answer calls; each line of input is answered with how many users were asked about, and how many times."""
    Answering.users = users
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps([len(Answering.asked), Answering.asked.total()]), flush=True)
        Answering.asked.clear()


class Cognito:
    """The process that answers."""

    def __init__(self, users: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(HERE), "--answer", str(users)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.url = self._line()

    def counts(self) -> tuple[int, int]:
        """Return how many users were asked about since the last time, and how many questions that were."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        users, questions = json.loads(self._line())
        return users, questions

    def stop(self) -> None:
        """Close its input, at which it ends."""
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


# -------------------------------------------------------------------------------- the other processes


def set_up(database: Path, url: str) -> None:
    """Set Django up with the app."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    sys.path.insert(0, str(ROOT))
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="x" * 50,
        USE_TZ=True,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "cognito_mfa"],
        COGNITO_MFA={
            "USER_POOL_ID": POOL,
            "CLIENT_ID": "exampleclient0000000000000",
            "ENDPOINT_URL": url,
        },
    )
    django.setup()


def known_of(sub: str) -> dict[str, str]:
    """Return what the row of a user says: what Cognito will, but for three in a hundred users."""
    if draw(sub, "unknown") < 30:
        return {"status": "UNKNOWN"}
    if draw(sub, "app") >= 667:
        return {"status": "NOT_SET_UP"}
    return {"status": "ENABLED", "preferred_factor": "SOFTWARE_TOKEN_MFA"}


def fill(users: int) -> None:
    """Make so many users and their identities."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from cognito_mfa.models import CognitoIdentity, SoftwareToken

    call_command("migrate", verbosity=0)
    for first in range(0, users, 5000):
        numbers = range(first, min(first + 5000, users))
        User.objects.bulk_create(
            User(pk=number + 1, username=f"user-{number}", password="!") for number in numbers
        )
        CognitoIdentity.objects.bulk_create(
            CognitoIdentity(
                pk=number + 1, user_id=number + 1, pool_id=POOL, sub=sub_of(number), username=sub_of(number),
                **known_of(sub_of(number)),
            )
            for number in numbers
        )  # fmt: skip
        SoftwareToken.objects.bulk_create(
            SoftwareToken(identity_id=number + 1, friendly_name="Phone")
            for number in numbers
            if draw(sub_of(number), "token") < 10
        )


def run_command(arguments: list[str]) -> None:
    """Run the command, and print what it took."""
    from django.core.management import CommandError, call_command

    from cognito_mfa.cognito.clients import client_for

    client_for(
        "ListUsers"
    )  # boto3 is imported before the clock starts, as for boto3 without the app
    out = io.StringIO()
    processor, wall = time.process_time(), time.monotonic()
    with contextlib.suppress(CommandError):
        call_command("cognito_mfa_sync", "--json", *arguments, verbosity=0, stdout=out, stderr=out)
    took = time.process_time() - processor, time.monotonic() - wall
    counts = json.loads(out.getvalue())
    said = {name: counts[name] for name in ("asked", "failed", "overtaken", "complete", "listed")}
    print(json.dumps(said | measured(*took)))


def measured(processor: float, wall: float) -> dict[str, float]:
    """Return both times, and the most memory that the process had, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"processor": processor, "wall": wall, "memory": most}


def read_list(client: Any) -> None:
    """Read the list of users as fast as the app does."""
    token: dict[str, str] = {}
    while True:
        began = time.monotonic()
        page = client.list_users(UserPoolId=POOL, Limit=PAGE, **token)
        if "PaginationToken" not in page:
            return
        token = {"PaginationToken": page["PaginationToken"]}
        time.sleep(max(0.0, began + 1 / LIST_RATE - time.monotonic()))


def run_boto3(url: str, users: int, rate: float) -> None:
    """Ask for as many users with boto3's own client, and print what it took."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    import boto3
    from botocore.config import Config

    client: Any = boto3.session.Session().client(
        "cognito-idp", region_name="us-east-1", endpoint_url=url,
        config=Config(max_pool_connections=50),
    )  # fmt: skip
    ask = getattr(client, "admin_get_user_auth_factors", client.admin_get_user)
    lock, numbers, due = threading.Lock(), iter(range(users)), [time.monotonic()]

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
                at = due[0]
                due[0] = max(at, time.monotonic() - 1) + 1 / rate
            if number is None:
                return
            time.sleep(max(0.0, at - time.monotonic()))
            with contextlib.suppress(client.exceptions.UserNotFoundException):
                ask(UserPoolId=POOL, Username=sub_of(number))

    threads = [threading.Thread(target=work) for _ in range(32)]
    threads.append(threading.Thread(target=read_list, args=[client]))
    processor, wall = time.process_time(), time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.process_time() - processor, time.monotonic() - wall
    print(json.dumps({"asked": users, **measured(*took)}))


def dump() -> None:
    """Print the table, without times."""
    from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken

    told = ("pk", "status", "preferred_factor", "unconfirmed", "generation")
    rows = CognitoIdentity.objects.order_by("pk").values_list(*told, "disabled_at", "checked_at")
    for *row, disabled_at, checked_at in rows.iterator():
        print(*row, disabled_at is None, checked_at is None)
    for token in SoftwareToken.objects.order_by("pk").values_list("pk", "retired_because"):
        print(*token)
    events = MFAEvent.objects.order_by("identity", "kind", "detail")
    for event in events.values_list("identity", "kind", "detail").iterator():
        print(*event)


# -------------------------------------------------------------------------------------- the parent


def scratch(name: str) -> Path:
    """Return the path of a new database file."""
    folder = ROOT / ".bench" / "sync"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(f"{name}.sqlite3*"):
        old.unlink()
    return folder / f"{name}.sqlite3"


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start this script in another process."""
    command = [sys.executable, str(HERE), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result(*arguments: object) -> str:
    """Return what this script prints in another process."""
    process = start(*arguments)
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"{arguments} ended with {process.returncode}")
    return out


def ours(cognito: Cognito, users: int, *arguments: object) -> dict[str, Any]:
    """Return what the command took for so many users whose rows are new."""
    database = scratch("rows")
    result("--fill", users, database, cognito.url)
    text = result("--run", database, cognito.url, *arguments)
    found: dict[str, Any] = json.loads(text)
    assert (found["asked"], found["complete"]) == (users, True), found
    return found


def compare_rates(seconds: float, rounds: int) -> bool:
    """Print both clients at both rates, and return whether the goals are reached."""
    print("| rate | client | share of the rate | cores per 120 a second | memory |")
    print("|---|---|---|---|---|")
    reached = True
    for rate in RATES:
        users = int(rate * seconds)
        cognito = Cognito(users)
        seen: dict[str, list[dict[str, Any]]] = {"boto3": [], "ours": []}
        for turn in range(rounds):
            for who in sorted(seen, reverse=bool(turn % 2)):
                took = (
                    ours(cognito, users, "--rate", rate)
                    if who == "ours"
                    else json.loads(result("--boto3", cognito.url, users, rate))
                )
                seen[who].append(took)
        cognito.stop()
        for who, took in seen.items():
            share = statistics.median(one["asked"] / one["wall"] / rate for one in took)
            cores = statistics.median(one["processor"] / one["asked"] * 120 for one in took)
            memory = statistics.median(one["memory"] for one in took)
            print(f"| {rate} | {who} | {share:.1%} | {cores:.3f} | {memory:.0f} MB |", flush=True)
            if who == "ours":
                reached &= share >= SHARE and (rate != RATES[0] or cores <= CORES)
    print(f"goals: {SHARE:.0%} of the rate, {CORES} of a core at 120: {word(reached)}")
    return reached


def compare_memory(users: int) -> bool:
    """Print the memory for a tenth of the users and for all of them, and return whether the goal is reached."""
    took = {}
    for number in (users // 10, users):
        cognito = Cognito(number)
        took[number] = ours(cognito, number, "--rate", 5000)
        cognito.stop()
        one = took[number]
        rate = number / one["wall"]
        print(f"{number} users: {one['memory']:.1f} MB, {rate:.0f} users a second", flush=True)
    more = took[users]["memory"] - took[users // 10]["memory"]
    print(f"goal: at most {MEGABYTES:.0f} MB more; {more:.1f} MB: {word(more <= MEGABYTES)}")
    return bool(more <= MEGABYTES)


def compare_tables(users: int) -> bool:
    """Kill a run three times, and return whether the table ends as that of a run that was not killed."""
    cognito = Cognito(users)
    ours(cognito, users, "--rate", 5000)
    whole = result("--dump", ROOT / ".bench" / "sync" / "rows.sqlite3", cognito.url)
    cognito.counts()
    database = scratch("killed")
    result("--fill", users, database, cognito.url)
    asked = []
    for _ in range(3):
        process = start("--run", database, cognito.url, "--rate", 5000, "--resume")
        time.sleep(3 + users / 4 / 1000)  # a part of the run, at what one process can do
        process.send_signal(signal.SIGKILL)
        process.communicate()
        asked.append(cognito.counts()[1])
    result("--run", database, cognito.url, "--rate", 5000, "--resume")
    asked.append(cognito.counts()[1])
    same = result("--dump", database, cognito.url) == whole
    cognito.stop()
    again = sum(asked) - users
    print(
        f"{users} users, three kills: {asked} questions, {again} of them again; the same table: {same}"
    )
    reached = same and again <= 3 * REPEATED
    print(f"goal: the same table, and at most a batch again for each kill: {word(reached)}")
    return reached


def word(reached: bool) -> str:
    return "reached" if reached else "missed"


PARTS = ("--answer", "--fill", "--run", "--boto3", "--dump")


def work(part: str, given: list[str]) -> None:
    """Do the part of another process."""
    if part == "--answer":
        asyncio.run(play_cognito(int(given[0])))
    elif part == "--boto3":
        run_boto3(given[0], int(given[1]), float(given[2]))
    elif part == "--fill":
        set_up(Path(given[1]), given[2])
        fill(int(given[0]))
    else:
        set_up(Path(given[0]), given[1])
        if part == "--run":
            run_command(given[2:])
        else:
            dump()


def main() -> int:
    if len(sys.argv) > 1 and sys.argv[1] in PARTS:
        work(sys.argv[1], sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("rate", "memory", "kill"))
    parser.add_argument("--seconds", type=float, default=60, help="of each run at a rate")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--users", type=int, default=100_000, help="for memory and kills")
    options = parser.parse_args()
    reached = []
    if options.only in (None, "rate"):
        reached.append(compare_rates(options.seconds, options.rounds))
    if options.only in (None, "memory"):
        reached.append(compare_memory(options.users))
    if options.only in (None, "kill"):
        reached.append(compare_tables(options.users))
    return int(not all(reached))


if __name__ == "__main__":
    sys.exit(main())
