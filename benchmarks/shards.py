"""A sync by two Celery workers, each with a shard, compared with the same sync as one shard.

python benchmarks/shards.py [--users 1200] [--rounds 3] [--latency 50] [--concurrency 4]

A real Redis, two workers, and a local Cognito that answers after ``--latency`` milliseconds run as separate processes. The
database is an SQLite file. The rate does not limit the sync: each shard has ``--concurrency`` calls open at a time, so more
shards share the time of the answers. AWS's quota would be the same for any number of shards.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
POOL, CLIENT = "us-east-1_Example00", "exampleclient0000000000000"
GOAL = 1.9


def main() -> int:
    options = parser().parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory(prefix="shards-") as folder:
        os.environ |= {"CELERY_SITE": folder, "DJANGO_SETTINGS_MODULE": "tests.celery.settings"}
        ratios = measure(Path(folder), options)
    median = statistics.median(ratios)
    print(
        f"two shards: {median:.2f} times one (goal {GOAL}), rounds {min(ratios):.2f} to {max(ratios):.2f}"
    )
    return 0 if median >= GOAL else 1


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    made.add_argument("--users", type=int, default=1200)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--latency", type=int, default=50, help="milliseconds")
    made.add_argument("--concurrency", type=int, default=4, help="calls at a time of each shard")
    return made


def measure(folder: Path, options: argparse.Namespace) -> list[float]:
    """Return, for each round, how many times faster two shards were."""
    fill(folder, options.users)
    from tests.celery.processes import Process, Redis, Worker, free_port, until

    redis, port = Redis(folder, free_port()), free_port()
    cognito = Process(
        "cognito",
        folder,
        *(sys.executable, "-m", "cognito_mfa.local", "--port", str(port)),
        *("--state", str(folder / "pool.json"), "--latency", str(options.latency)),
    )
    addresses: dict[str, Any] = {
        "CELERY_SITE_REDIS": redis.url,
        "CELERY_SITE_COGNITO": f"http://127.0.0.1:{port}",
    }
    running: list[Process] = [redis, cognito]
    try:
        until(lambda: "Press Ctrl+C" in cognito.printed, "the local Cognito starts")
        for name in ("one", "two"):
            worker = Worker(folder, name, **addresses)
            running.append(worker)
            worker.wait_until_it_runs()
        os.environ |= addresses
        return [round_of(number, options) for number in range(1, options.rounds + 1)]
    finally:
        for process in reversed(running):
            process.kill()


def fill(folder: Path, users: int) -> None:
    """Make the users in the pool and in the database."""
    import django

    from cognito_mfa.local import LocalCognito

    cognito = LocalCognito()
    pool = cognito.create_pool(POOL, mfa="OPTIONAL")
    pool.create_client(CLIENT)
    subs = [
        pool.create_user(f"user{number}", password="Correct-Horse-7").sub for number in range(users)
    ]
    cognito.save(folder / "pool.json")
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from cognito_mfa.models import CognitoIdentity

    call_command("migrate", verbosity=0)
    made = User.objects.bulk_create(User(username=f"user{number}") for number in range(users))
    CognitoIdentity.objects.bulk_create(
        CognitoIdentity(user=user, pool_id=POOL, sub=sub, username=user.username)
        for user, sub in zip(made, subs, strict=True)
    )


def round_of(number: int, options: argparse.Namespace) -> float:
    """Return how many times faster two shards were in a round, in which each comes first by chance."""
    seconds = {}
    for shards in random.sample([1, 2], 2):
        script = SCRIPT.format(shards=shards, concurrency=options.concurrency)
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        seconds[shards] = float(done.stdout)
    for shards, taken in sorted(seconds.items()):
        print(
            f"round {number}, {shards} shards: {taken:.1f} s, {options.users / taken:.0f} users a second"
        )
    return seconds[1] / seconds[2]


# In a process of its own, whose Celery app has the address of this run's Redis.
SCRIPT = """
import time, django
django.setup()
from tests.celery.app import app
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.tasks import sync
from cognito_mfa.tasks.shared_redis import _key, client
app.set_current()
CognitoIdentity.objects.update(checked_at=None, status="UNKNOWN")
began = time.monotonic()
sync.delay(shards={shards}, rate=100_000, concurrency={concurrency})
redis, has_begun = client(), False
while redis.exists(_key("sync")) or not has_begun:
    has_begun = has_begun or bool(redis.exists(_key("sync")))
    time.sleep(0.01)
taken = time.monotonic() - began
assert not CognitoIdentity.objects.filter(checked_at=None).exists()
print(taken)
"""


if __name__ == "__main__":
    sys.exit(main())
