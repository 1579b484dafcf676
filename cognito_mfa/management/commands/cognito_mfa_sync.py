"""Refresh the MFA status of all users from Cognito."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import re
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from cognito_mfa.authenticator import password_policy
from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.management.lookup import NOT_DONE
from cognito_mfa.management.output import LastingOutput
from cognito_mfa.management.sync_progress import progress_for
from cognito_mfa.monitoring import log_events
from cognito_mfa.pool_sync import position
from cognito_mfa.pool_sync.plan import (
    MAX_CONCURRENCY,
    RATE,
    WHOLE,
    Changed,
    Counts,
    Failed,
    Plan,
    Shard,
)
from cognito_mfa.pool_sync.run_log import log_run
from cognito_mfa.pool_sync.synchronization import synchronize
from cognito_mfa.reports.escaping import visible

STOPPED = 4  # before every user was checked; --resume continues
# Ctrl-C, a stopped container or service, and a closed terminal, which Windows does not signal.
SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
KILLED = 128  # the same, because of a signal, whose number is added as in shells
MAX_VALUE = 1_000_000  # of each option; a larger one is a typo
MAX_SHARDS = 1000


class Command(BaseCommand):
    help = (
        "Refreshes the MFA status of all users linked to this user pool, least recently checked first, finds users who "
        "were disabled or deleted in the pool, and reads the pool's password policy."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rate",
            type=_above_zero,
            default=RATE,
            metavar="USERS",
            help="maximum number of users per second (default: %(default)g, 80%% of Cognito's default quota)",
        )
        parser.add_argument(
            "--concurrency",
            type=_concurrency,
            metavar="CALLS",
            help="maximum number of calls at a time (default: as many as the rate needs)",
        )
        parser.add_argument(
            "--older-than",
            type=_not_below_zero,
            default=0.0,
            metavar="HOURS",
            help="skip users checked within the last HOURS",
        )
        parser.add_argument(
            "--limit", type=_whole_number, metavar="USERS", help="stop after this many users"
        )
        parser.add_argument(
            "--shard",
            type=_shard,
            default=WHOLE,
            metavar="K/N",
            help="only part K of N, so that several processes can share the work",
        )
        parser.add_argument(
            "--resume",
            action="store_true",
            help="continue the last run if it was interrupted; otherwise start a new one",
        )
        parser.add_argument(
            "--finish-resets", action="store_true", help="finish interrupted resets first"
        )
        parser.add_argument(
            "--set-preference",
            action="store_true",
            help="make Cognito ask for codes again where an authenticator app was set up here but is not turned on in Cognito",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="ask Cognito and show what would change, without writing anything",
        )
        parser.add_argument(
            "--json", action="store_true", help="write the result as JSON to standard output"
        )

    def handle(self, *, resume: bool, older_than: float, **options: Any) -> None:
        self.as_json, self.verbosity = options["json"], options["verbosity"]
        self.stdout = self.output = LastingOutput(self.stdout)
        self.stderr = self.errors = LastingOutput(self.stderr)
        plan = Plan(
            # To read the whole list would take too many calls for a few users.
            list_pool=options["limit"] is None,
            **{
                name: options[name]
                for name in (
                    "shard", "limit", "rate", "concurrency", "dry_run", "set_preference", "finish_resets"
                )
            },
        )  # fmt: skip
        counts = Counts()
        with _stopping() as stop:
            try:
                before = _beginning(plan.shard, older_than, resume=resume)
                self._synchronize(replace(plan, before=before), counts, stop)
            except (OperationalError, InterfaceError) as error:
                self._note_database_failure(error, counts)
        self._sum_up(counts, plan)
        _raise_unless_done(counts, plan, KILLED + stop.number)
        self._raise_unless_told()

    def _synchronize(self, plan: Plan, counts: Counts, stop: _Stop) -> None:
        """Run the plan, and store where an interrupted run has to continue."""
        if not plan.dry_run and plan.before is not None:
            position.begin(plan.shard, plan.before)
        with progress_for(self.errors, can_draw=self.verbosity <= 1) as self.shown:
            synchronize(
                plan,
                told=self._tell,
                stop=stop.is_set,
                progress=self.shown.show if self.verbosity else None,
                counts=counts,
            )
        if plan.dry_run:
            return
        if counts.complete and plan.before is not None:
            position.finish(plan.shard, plan.before)
        log_run(counts)
        if not (counts.trouble or stop.is_set()):
            self._read_password_rules()

    def _note_database_failure(self, error: Exception, counts: Counts) -> None:
        """Print the text of a database error. The log has only its class, because the text may name a host."""
        name = type(error).__name__
        self.stderr.write(visible(str(error).partition("\n")[0]))
        log_events.write("sync_interrupted", f"asked {counts.asked}, {name}", reason=name)
        counts.trouble, counts.complete = f"The database failed ({name}).", False

    def _raise_unless_told(self) -> None:
        """Raise an error if the output was lost, for example because a disk is full."""
        lost = self.output.lost
        if lost is not None:
            raise CommandError(
                f"All was done, but its result could not be written: {lost.strerror}.",
                returncode=NOT_DONE,
            )

    def _tell(self, one: Failed | Changed) -> None:
        if isinstance(one, Failed):
            self.shown.say(f"{visible(one.username)}: {one.error}.")
        elif self.verbosity > 1 and not self.as_json:
            self.stdout.write(f"{visible(one.username)}: {one.before} -> {one.after}")

    def _read_password_rules(self) -> None:
        """Read the pool's password policy, which some sites' credentials cannot read."""
        try:
            password_policy.refresh()
        except CognitoMFAError as error:
            if self.verbosity > 1:
                self.stderr.write(f"Could not read the pool's password policy: {error}.")

    def _sum_up(self, counts: Counts, plan: Plan) -> None:
        if self.as_json:
            result = {"shard": str(plan.shard), "dry_run": plan.dry_run, **counts.as_dict()}
            self.stdout.write(json.dumps(result, indent=2))
            return
        for line in _summary(counts, plan):
            self.stdout.write(line)
        if self.verbosity > 1:
            for name in counts.unlinked:
                self.stdout.write(f"Not linked: {visible(name)}")


def _beginning(shard: Shard, older_than: float, *, resume: bool) -> dt.datetime:
    """Return the moment since which users must have been checked to be skipped."""
    earlier = position.interrupted(shard) if resume else None
    return earlier or timezone.now() - dt.timedelta(hours=older_than)


def _summary(counts: Counts, plan: Plan) -> Generator[str]:
    changed = ", ".join(f"{what}: {number}" for what, number in sorted(counts.changes.items()))
    verb = "Would change" if plan.dry_run else "Changed"
    yield f"Checked {_users(counts.asked)}. " + (
        f"{verb}: {changed}." if changed else "No changes."
    )
    if counts.overtaken:
        yield f"Left as they are, because they changed during the run: {_users(counts.overtaken)}."
    if counts.list_complete:
        yield f"The pool has {_users(counts.listed)}, {counts.not_linked} of them not linked."
    elif counts.listed:
        part = f"{_users(counts.listed)} of the pool's list were read, {counts.not_linked} of them not linked"
        yield f"Only {part}."
    if counts.preferences:
        yield f"Turned on again in Cognito: {_users(counts.preferences)}."
    if plan.finish_resets:
        yield f"Finished resets: {counts.resets}. Not finished: {counts.open_resets}."


def _raise_unless_done(counts: Counts, plan: Plan, stopped: int) -> None:
    """Raise an error that says how the run ended and what to do next, unless it did everything.

    Args:
        counts: what was done.
        plan: of the run.
        stopped: the exit code of a run that was told to stop.
    """
    # A dry run stores no position, so ``--resume`` would continue another run.
    again = "Run the command again" + ("." if plan.dry_run else " with --resume to continue.")
    if counts.trouble:
        raise CommandError(f"{counts.trouble} {again}", returncode=STOPPED)
    if counts.stopped:
        raise CommandError(f"Interrupted. {again}", returncode=stopped)
    failures = []
    if counts.list_trouble:
        failures.append(f"The list of the pool's users could not be read: {counts.list_trouble}")
    if counts.preference_trouble:
        failures.append(f"Preferences could not be set: {counts.preference_trouble}")
    if counts.failed:
        failures.append(f"{_users(counts.failed)} could not be checked.")
    if counts.open_resets:
        failures.append(f"{counts.open_resets} interrupted resets are not finished.")
    if failures:
        raise CommandError(" ".join(failures), returncode=NOT_DONE)


class _Stop(threading.Event):
    """An event that the first signal to stop sets.

    Attributes:
        number: of the signal.
    """

    number: int = signal.SIGINT


@contextmanager
def _stopping() -> Generator[_Stop]:
    """Let the first signal set an event, and the second one end the process at once.

    After the first one, the run still writes the answers that it has.
    """
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # Ignored signals stay ignored: ``nohup`` ignores SIGHUP, and a shell ignores SIGINT for background jobs.
    before = {number: what for number, what in before.items() if what is not signal.SIG_IGN}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def interrupt(number: int, _frame: object) -> None:
        restore()
        stop.number = number
        stop.set()

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield stop
    finally:
        restore()


def _users(number: int) -> str:
    return "1 user" if number == 1 else f"{number} users"


def _shard(text: str) -> Shard:
    found = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    shard = Shard(int(found[1]), int(found[2])) if found else Shard(0, 0)
    if not 1 <= shard.number <= shard.of <= MAX_SHARDS:
        raise argparse.ArgumentTypeError(
            "must be like 1/4, and no part can exceed the number of parts"
        )
    return shard


def _concurrency(text: str) -> int:
    value = _whole_number(text)
    if value > MAX_CONCURRENCY:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MAX_CONCURRENCY}")
    return value


def _above_zero(text: str) -> float:
    value = _not_below_zero(text)
    if not value:
        raise argparse.ArgumentTypeError("must be above zero")
    return value


def _not_below_zero(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < MAX_VALUE:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {MAX_VALUE}")
    return value


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError("must be a whole number above zero")
    return int(text)
