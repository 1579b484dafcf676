"""Ask Cognito about everybody's second factor, one person after another, and write down what it says."""

from __future__ import annotations

import argparse
import datetime as dt
import math
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import F, Q
from django.utils import timezone

from cognito_mfa.authenticator import status
from cognito_mfa.exceptions import Busy, CognitoMFAError, Misconfigured, ServiceError
from cognito_mfa.management.lookup import NOT_DONE
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.reports.escaping import visible
from cognito_mfa.values import clocks

# Cognito's quota of 120 such calls a second is for the whole account and region, other applications included:
# "Requests a second" in docs/cognito-behavior.md.
RATE = 10.0
ATTEMPTS = 3  # while Cognito says that it is asked too much
GIVE_UP_AFTER = 10  # failures in a row: then it is Cognito, or the network
TELL_EVERY = 1000  # people
# What is wrong with one person's name alone, and would not fail for the next one.
OF_THE_PERSON = frozenset({"ParamValidationError", "InvalidParameterException"})
MOST = 1_000_000  # of anything on the command line: more is a slip of the finger


class Command(BaseCommand):
    help = (
        "Asks Cognito about the second factor of everybody who ever signed in here with this user pool, and writes down "
        "what it says. Those who were asked about longest ago come first. A run that was broken off goes on where it "
        "stopped when --older-than says how long ago it began."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=_not_below_zero,
            default=0.0,
            metavar="HOURS",
            help="leave out whom Cognito was asked about in the last HOURS",
        )
        parser.add_argument(
            "--rate",
            type=_above_zero,
            default=RATE,
            metavar="PEOPLE",
            help="ask about so many people a second at most (default: %(default)g)",
        )
        parser.add_argument(
            "--limit", type=_number, metavar="PEOPLE", help="stop after so many people"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only say how many would be asked about"
        )

    def handle(
        self, *, older_than: float, rate: float, limit: int | None, dry_run: bool, **options: Any
    ) -> None:
        keys = _due(older_than)[:limit]
        if dry_run:
            self.stdout.write(f"Would ask about {_people(len(keys))}.")
            return
        self.verbosity: int = options["verbosity"]
        self.changes: Counter[str] = Counter()
        self.asked = self.failed = 0
        trouble = self._ask_about(keys, rate)
        self._sum_up()
        if trouble:
            raise CommandError(trouble, returncode=NOT_DONE)
        if self.failed:
            raise CommandError(
                f"{_people(self.failed)} could not be asked about.", returncode=NOT_DONE
            )

    def _ask_about(self, keys: list[Any], rate: float) -> str:
        """Ask about one after another; return why that ended early, or nothing."""
        in_a_row = 0
        for key in _paced(keys, rate):
            identity = CognitoIdentity.objects.filter(pk=key).first()
            if identity is None:  # deleted since the list was made
                continue
            try:
                self._refresh(identity)
            except CognitoMFAError as error:
                self.stderr.write(f"{visible(identity.username)}: {error}.")
                self.failed += 1
                if isinstance(error, ServiceError | Busy) and error.error not in OF_THE_PERSON:
                    in_a_row += 1
                if isinstance(error, Misconfigured) and error.error not in OF_THE_PERSON:
                    return f"{error.hint or error}"  # it would fail for the next one, too
                if in_a_row == GIVE_UP_AFTER:
                    return f"{GIVE_UP_AFTER} failures in a row: given up."
            else:
                in_a_row = 0
        return ""

    def _refresh(self, identity: CognitoIdentity) -> None:
        before = _in_a_word(identity)
        _patiently(identity)
        self.asked += 1
        after = _in_a_word(CognitoIdentity.objects.filter(pk=identity.pk).first())
        if after != before:
            self.changes[f"{before} -> {after}"] += 1
            if self.verbosity > 1:
                self.stdout.write(f"{visible(identity.username)}: {before} -> {after}")
        if self.asked % TELL_EVERY == 0 and self.verbosity:
            self.stdout.write(f"{self.asked} asked about ...")

    def _sum_up(self) -> None:
        changed = ", ".join(f"{what}: {number}" for what, number in sorted(self.changes.items()))
        note = f"{changed}." if changed else "nothing changed."
        self.stdout.write(f"Asked about {_people(self.asked)}; {note}")


def _in_a_word(identity: CognitoIdentity | None) -> str:
    """Return the status, or that the pool lets the person in no more."""
    if identity is None:  # deleted here meanwhile
        return str(CognitoIdentity.Status.GONE)
    return "DISABLED" if identity.disabled_at else str(identity.status)


def _due(older_than: float) -> list[Any]:
    """Return the keys of those to ask about. A list, since rows change their place while it is worked off."""
    moment = timezone.now() - dt.timedelta(hours=older_than)
    return list(
        CognitoIdentity.objects.in_pool()
        .filter(
            # A moment of the future was told by a clock that jumped: nobody knows when it was.
            Q(checked_at=None) | Q(checked_at__lte=moment) | Q(checked_at__gt=clocks.latest()),
        )
        .order_by(F("checked_at").asc(nulls_first=True), "pk")
        .values_list("pk", flat=True)
    )


def _paced(keys: list[Any], rate: float) -> Iterator[Any]:
    """Yield each of ``keys`` when its time has come."""
    due = time.monotonic()
    for key in keys:
        time.sleep(max(0.0, due - time.monotonic()))
        yield key
        # A slow answer is made up for, a minute is not.
        due = max(due, time.monotonic() - 1) + 1 / rate


def _patiently(identity: CognitoIdentity) -> CognitoIdentity.Status:
    for _attempt in range(ATTEMPTS - 1):
        try:
            return status.refresh_status(identity)
        except Busy as error:
            time.sleep(error.retry_after)
    return status.refresh_status(identity)


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"


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
    if not 0 <= value < MOST:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {MOST}")
    return value


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError("must be a whole number above zero")
    return int(text)
