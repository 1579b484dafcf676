"""Runs of ``cognito_mfa_sync`` that end early: killed, interrupted, or out of luck; and the next one."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.messages import WireResponse
from cognito_mfa.models import CognitoIdentity, SyncRun
from tests.factories import make, reading
from tests.management.command_line import run
from tests.visitor import Visitor

Status = CognitoIdentity.Status
USERS, BATCH, ANSWERED = 40, 10, 27

# A process of its own with a file for its database: small batches, and one call at a time.
SYNC = """
import json, sys
from django.conf import settings
users, url, database, *arguments = sys.argv[1:]
settings.configure(
    SECRET_KEY="x" * 50,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": database}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "cognito_mfa"],
    MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "cognito_mfa")),
    COGNITO_MFA={"USER_POOL_ID": "us-east-1_Example00", "CLIENT_ID": "exampleclient0000000000000", "ENDPOINT_URL": url},
)
import django
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pool_sync import synchronization
synchronization.BATCH, synchronization.WRITE_EVERY = %d, 600.0
subs = json.loads(users)
if subs:
    call_command("migrate", run_syncdb=True, verbosity=0)
    for name, sub in subs.items():
        user = User.objects.create(username=name)
        CognitoIdentity.objects.create(user=user, pool_id=settings.COGNITO_MFA["USER_POOL_ID"], sub=sub, username=name)
call_command("cognito_mfa_sync", "--rate", "1000", "--concurrency", "1", *arguments)
"""


@dataclass
class Kill:
    """No answer, and the process that asked is killed."""

    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    name: str = "Kill"

    def play(self, execute: faults.Execute) -> WireResponse:
        self.processes[-1].kill()
        return execute().response()


@dataclass
class Interrupt:
    """Ctrl-C, or another signal, while Cognito answers."""

    number: signal.Signals = signal.SIGINT
    name: str = "Interrupt"

    def play(self, execute: faults.Execute) -> WireResponse:
        os.kill(os.getpid(), self.number)
        return execute().response()


def test_a_killed_run_continues_and_repeats_no_more_than_a_batch(
    optional_pool: LocalPool, visitor: Visitor, tmp_path: Path
) -> None:
    subs = {}
    for number in range(USERS):
        subs[f"user-{number}"] = optional_pool.create_user(f"user-{number}").sub
        if number % 3 == 0:
            optional_pool.register_software_token(f"user-{number}")
    database = tmp_path / "site.sqlite3"
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    kill = Kill()
    visitor.cognito.faults.on(reading(), kill, times=1, skip=ANSWERED)
    visitor.cognito.forget_calls()
    with visitor.cognito.serve() as server:

        def sync(given: dict[str, str], *arguments: str) -> int:
            command = [sys.executable, "-c", SYNC % BATCH, json.dumps(given), server.url]
            command += [str(database), *arguments]
            process = subprocess.Popen(command, env=environment, text=True)  # noqa: S603
            kill.processes.append(process)
            return process.wait()

        assert sync(subs) == -signal.SIGKILL
        assert rows(database, "checked_at IS NOT NULL") == ANSWERED // BATCH * BATCH
        assert sync({}, "--resume", "--verbosity", "0") == 0
    asked = visitor.cognito.operations().count(reading())
    assert USERS < asked <= USERS + BATCH + 1
    assert rows(database, "checked_at IS NOT NULL") == USERS
    assert rows(database, "status = 'ENABLED'") == (USERS + 2) // 3


def rows(database: Path, condition: str) -> int:
    """Return how many identities there are in the file that meet a condition."""
    connection = sqlite3.connect(database)
    query = f"SELECT count(*) FROM cognito_mfa_cognitoidentity WHERE {condition}"  # noqa: S608
    found = connection.execute(query)
    number = int(found.fetchone()[0])
    connection.close()
    return number


@pytest.fixture
def people(pool: LocalPool, visitor: Visitor) -> Visitor:
    for number in range(12):
        make(pool, f"person-{number}")
    visitor.cognito.forget_calls()
    return visitor


def checked() -> int:
    return CognitoIdentity.objects.exclude(checked_at=None).count()


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_to_stop_keeps_what_was_answered(
    people: Visitor, number: signal.Signals, expected: int
) -> None:
    people.cognito.faults.on(reading(), Interrupt(number), times=1, skip=4)
    before = signal.getsignal(number)
    code, text = run("sync", "--rate", "1000", "--concurrency", "1")
    assert code == expected
    assert text.endswith("Interrupted. Run the command again with --resume to continue.")
    assert signal.getsignal(number) is before
    done = checked()
    assert 5 <= done < 12
    assert f"Checked {done} users." in text
    code, text = run("sync", "--rate", "1000", "--resume")
    assert (code, text.partition(".")[0]) == (0, f"Checked {12 - done} users")


def test_without_an_interrupted_run_resume_starts_a_new_one(people: Visitor) -> None:
    for _ in range(2):
        assert run("sync", "--rate", "1000", "--resume")[1].startswith("Checked 12 users.")
    assert SyncRun.objects.get().finished_at is not None


def test_parts_are_interrupted_and_continued_on_their_own(people: Visitor) -> None:
    assert run("sync", "--rate", "1000", "--shard", "1/2", "--limit", "2")[0] == 0
    assert run("sync", "--rate", "1000", "--shard", "2/2")[0] == 0
    assert checked() == 8
    code, text = run("sync", "--rate", "1000", "--shard", "1/2", "--resume")
    assert (code, text.partition(".")[0]) == (0, "Checked 4 users")
    assert set(SyncRun.objects.filter(finished_at=None)) == set()


def test_limits_each_night_go_through_the_whole_pool(people: Visitor) -> None:
    for _ in range(3):
        run("sync", "--rate", "1000", "--limit", "4", "--resume")
    assert checked() == 12
    assert people.cognito.operations().count(reading()) == 12


def test_a_run_that_was_stopped_by_failures_continues(people: Visitor) -> None:
    people.cognito.faults.on(reading(), faults.Error("AccessDeniedException"), times=1, skip=6)
    people.cognito.faults.on("AdminGetUser", faults.Error("AccessDeniedException"))
    assert run("sync", "--rate", "1000", "--concurrency", "1")[0] == 4
    done = checked()
    assert done < 12
    people.cognito.faults.clear()
    assert run("sync", "--rate", "1000", "--resume")[0] == 0
    assert checked() == 12


def test_a_dry_run_leaves_the_interrupted_run_as_it_is(people: Visitor) -> None:
    run("sync", "--rate", "1000", "--limit", "2")
    run("sync", "--rate", "1000", "--dry-run")
    assert run("sync", "--rate", "1000", "--resume")[1].startswith("Checked 10 users.")


def test_the_result_as_json(people: Visitor, pool: LocalPool) -> None:
    pool.register_software_token("person-3")
    pool.create_user("stranger")
    people.cognito.faults.on(reading(), faults.Error("InvalidParameterException"), times=1)
    code, text = run("sync", "--rate", "1000", "--json", "--concurrency", "1")
    assert code == 3
    told: dict[str, Any] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert (told["asked"], told["failed"], told["complete"]) == (11, 1, True)
    assert told["changes"] == {"UNKNOWN -> ENABLED": 1, "UNKNOWN -> NOT_SET_UP": 10}
    assert {"username": "person-3", "before": "UNKNOWN", "after": "ENABLED"} in told["changed"]
    assert (told["listed"], told["not_linked"]) == (14, 2)
    assert told["unlinked"] == ["newcomer", "stranger"]


def test_names_are_shown_where_asked_to_and_cannot_control_a_terminal(
    people: Visitor, pool: LocalPool
) -> None:
    pool.create_user("stranger")
    quiet = run("sync", "--rate", "1000")[1]
    assert "stranger" not in quiet
    assert "person-1" not in quiet
    CognitoIdentity.objects.filter(username="person-1").update(
        username="eve\x1b[2J", status=Status.ENABLED
    )
    text = run("sync", "--rate", "1000", "--verbosity", "2")[1]
    assert "Not linked: stranger\n" in text
    assert "\x1b" not in text
    assert ": ENABLED -> NOT_SET_UP\n" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("--shard", "0/2"),
        ("--shard", "3/2"),
        ("--shard", "1"),
        ("--shard", "1/20000"),
        ("--concurrency", "0"),
        ("--concurrency", "49"),
    ],
)
def test_mistakes_on_the_command_line(arguments: tuple[str, ...]) -> None:
    assert "must be" in run("sync", *arguments)[1]
