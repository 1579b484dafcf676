"""Runs of ``cognito_mfa_sync`` that end early: killed, interrupted, or out of luck; and the next one."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.messages import WireResponse
from cognito_mfa.models import CognitoIdentity, SyncRun
from cognito_mfa.pool_sync import position
from cognito_mfa.pool_sync.plan import WHOLE
from tests.factories import make, reading
from tests.management.command_line import run
from tests.management.sync_process import Meanwhile, rows, start_sync
from tests.visitor import Visitor

Status = CognitoIdentity.Status
USERS, BATCH, ANSWERED = 40, 10, 27


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
    kill = Kill()
    visitor.cognito.faults.on(reading(), kill, times=1, skip=ANSWERED)
    visitor.cognito.forget_calls()
    with visitor.cognito.serve() as server:

        def sync(given: dict[str, str], *arguments: str) -> int:
            process = start_sync(given, server.url, database, BATCH, *arguments)
            kill.processes.append(process)
            process.communicate()
            return process.returncode

        assert sync(subs) == -signal.SIGKILL
        assert rows(database, "checked_at IS NOT NULL") == ANSWERED // BATCH * BATCH
        assert sync({}, "--resume", "--verbosity", "0") == 0
    asked = visitor.cognito.operations().count(reading())
    assert USERS < asked <= USERS + BATCH + 1
    assert rows(database, "checked_at IS NOT NULL") == USERS
    assert rows(database, "status = 'ENABLED'") == (USERS + 2) // 3


@pytest.fixture
def people(pool: LocalPool, visitor: Visitor) -> Visitor:
    for number in range(12):
        make(pool, f"person-{number}")
    visitor.cognito.forget_calls()
    return visitor


@pytest.fixture(autouse=True)
def _signals_end_programs() -> Iterator[None]:
    """As in a terminal: a program that was started in the background may ignore SIGINT."""
    before = {
        number: signal.signal(number, handler)
        for number, handler in (
            (signal.SIGINT, signal.default_int_handler),
            (signal.SIGTERM, signal.SIG_DFL),
            (signal.SIGHUP, signal.SIG_DFL),
        )
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def checked() -> int:
    return CognitoIdentity.objects.exclude(checked_at=None).count()


@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
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


def test_a_signal_that_is_ignored_stays_so(people: Visitor) -> None:
    """As ``nohup`` ignores that of a closed terminal."""
    people.cognito.faults.on(reading(), Interrupt(signal.SIGHUP), times=1, skip=4)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run("sync", "--rate", "1000")[0] == 0
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert checked() == 12


def test_an_interrupted_dry_run_is_not_continued(people: Visitor) -> None:
    """It has no position, so ``--resume`` would continue an earlier run."""
    people.cognito.faults.on(reading(), Interrupt(), times=1, skip=4)
    code, text = run("sync", "--rate", "1000", "--dry-run")
    assert (code, text.rpartition("\n")[2]) == (130, "Interrupted. Run the command again.")


def test_a_run_that_another_one_overtook_does_not_end_it(people: Visitor) -> None:
    """Both share a position; the later one is killed, and continues with the users who are left."""
    earlier = timezone.now()
    position.begin(WHOLE, earlier)
    later = timezone.now()
    position.begin(WHOLE, later)
    position.finish(WHOLE, earlier)
    assert position.interrupted(WHOLE) == later
    position.finish(WHOLE, later)
    assert position.interrupted(WHOLE) is None


def test_a_position_from_the_future_is_not_continued(people: Visitor) -> None:
    position.begin(WHOLE, timezone.now() + dt.timedelta(hours=1))
    assert position.interrupted(WHOLE) is None


@pytest.mark.parametrize("as_json", [False, True])
def test_a_database_that_fails_in_mid_run_is_told_and_the_run_continues(
    people: Visitor, as_json: bool
) -> None:
    failing = threading.Event()

    def fail(execute: Callable[..., Any], *arguments: Any) -> Any:
        if failing.is_set():
            raise OperationalError("could not connect to db.example\nIs the server running?")
        return execute(*arguments)

    people.cognito.faults.on(reading(), Meanwhile(failing.set), times=1, skip=6)
    with connection.execute_wrapper(fail):
        code, text = run("sync", "--rate", "1000", *(["--json"] if as_json else []))
    failing.clear()
    again = "Run the command again with --resume to continue."
    assert code == 4
    assert text.endswith(f"The database failed (OperationalError). {again}")
    assert "could not connect to db.example\n" in text
    assert "Is the server" not in text
    if as_json:
        told = json.loads(text[text.index("{") : text.rindex("}") + 1])
        assert (told["complete"], told["trouble"]) == (
            False,
            "The database failed (OperationalError).",
        )
    assert run("sync", "--rate", "1000", "--resume")[0] == 0
    assert checked() == 12


def test_a_list_that_was_not_read_to_its_end_is_not_taken_for_the_pool(
    people: Visitor, pool: LocalPool
) -> None:
    for number in range(60):
        pool.create_user(f"stranger-{number}")
    people.cognito.faults.on("ListUsers", faults.Error("AccessDeniedException"), skip=1)
    code, text = run("sync", "--rate", "1000")
    assert code == 3
    assert "The pool has" not in text
    assert "Only 60 users of the pool's list were read, 48 of them not linked.\n" in text


def test_a_pool_without_users_is_told(people: Visitor, pool: LocalPool) -> None:
    pool.state.users.clear()
    code, text = run("sync", "--rate", "1000")
    assert (code, text) == (
        0,
        "Checked 12 users. Changed: UNKNOWN -> GONE: 12.\nThe pool has 0 users, 0 of them not linked.\n",
    )


OUTPUTS = {
    "a reader that has seen enough": ("| head -1", ("--verbosity", "2"), 0),
    "no output": (">&-", (), 0),
    "no place for errors": ("2>&-", (), 3),
    "a full disk for errors": ("2>/dev/full", (), 3),
    "a full disk for the result": (">/dev/full", ("--json",), 3),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_that_is_closed_or_full_ends_no_run(
    optional_pool: LocalPool, visitor: Visitor, tmp_path: Path, name: str
) -> None:
    redirection, arguments, expected = OUTPUTS[name]
    subs = {f"user-{one}": optional_pool.create_user(f"user-{one}").sub for one in range(USERS)}
    if "2>" in redirection:
        fault = faults.Error("InvalidParameterException")
        visitor.cognito.faults.on(reading(), fault, times=1, skip=ANSWERED)
    database = tmp_path / "site.sqlite3"
    with visitor.cognito.serve() as server:
        process = start_sync(subs, server.url, database, BATCH, *arguments, redirection=redirection)
        out, errors = process.communicate()
    assert process.returncode == expected, errors
    assert rows(database, "checked_at IS NOT NULL") == USERS - ("2>" in redirection)
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors
    if "json" in str(arguments):
        told = "All was done, but its result could not be written: No space left on device."
        assert errors == f"CommandError: {told}\n"
    assert out.count("\n") <= 2


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
