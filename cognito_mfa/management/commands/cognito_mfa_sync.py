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

from cognito_mfa.authenticator import password_policy, status
from cognito_mfa.exceptions import Busy, CognitoMFAError, Misconfigured, ServiceError
from cognito_mfa.management.lookup import NOT_DONE
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.reports.escaping import visible
from cognito_mfa.values import clocks

# Cognito's quota of 120 such calls a second is for the whole account and region, other applications included:
# "Requests a second" in docs/cognito-behavior.md.
RATE = 10.0
ATTEMPTS = 3  # for each user, while Cognito answers that the rate is exceeded
GIVE_UP_AFTER = 10  # failures in a row: then Cognito or the network is the cause
REPORT_EVERY = 1000  # users
# Errors about one user's name, which the next user will not have.
ERRORS_OF_ONE_USER = frozenset({"ParamValidationError", "InvalidParameterException"})
MAX_VALUE = 1_000_000  # of each option: a larger one is a typing error


class Command(BaseCommand):
    help = (
        "Asks Cognito about the second factor of everybody who ever signed in here with this user pool, and writes down "
        "what it says, and what the pool asks of passwords. Those who were asked about longest ago come first. A run that was broken off goes on where it "
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
            "--limit", type=_whole_number, metavar="PEOPLE", help="stop after so many people"
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
        trouble = self._refresh_all(keys, rate)
        self._sum_up()
        self._read_password_rules()
        if trouble:
            raise CommandError(trouble, returncode=NOT_DONE)
        if self.failed:
            raise CommandError(
                f"{_people(self.failed)} could not be asked about.", returncode=NOT_DONE
            )

    def _refresh_all(self, keys: list[Any], rate: float) -> str:
        """Refresh one after another; return why that ended early, or nothing."""
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
                if isinstance(error, ServiceError | Busy) and error.error not in ERRORS_OF_ONE_USER:
                    in_a_row += 1
                if isinstance(error, Misconfigured) and error.error not in ERRORS_OF_ONE_USER:
                    return f"{error.hint or error}"  # it would fail for the next one, too
                if in_a_row == GIVE_UP_AFTER:
                    return f"{GIVE_UP_AFTER} failures in a row: given up."
            else:
                in_a_row = 0
        return ""

    def _refresh(self, identity: CognitoIdentity) -> None:
        before = _status_word(identity)
        _refresh_with_retries(identity)
        self.asked += 1
        after = _status_word(CognitoIdentity.objects.filter(pk=identity.pk).first())
        if after != before:
            self.changes[f"{before} -> {after}"] += 1
            if self.verbosity > 1:
                self.stdout.write(f"{visible(identity.username)}: {before} -> {after}")
        if self.asked % REPORT_EVERY == 0 and self.verbosity:
            self.stdout.write(f"{self.asked} asked about ...")

    def _read_password_rules(self) -> None:
        """Read what the pool asks of passwords; not every site's credentials allow it."""
        try:
            password_policy.refresh()
        except CognitoMFAError as error:
            if self.verbosity > 1:
                self.stdout.write(f"The pool's password policy was not read: {error}.")

    def _sum_up(self) -> None:
        changed = ", ".join(f"{what}: {number}" for what, number in sorted(self.changes.items()))
        note = f"{changed}." if changed else "nothing changed."
        self.stdout.write(f"Asked about {_people(self.asked)}; {note}")


def _status_word(identity: CognitoIdentity | None) -> str:
    """Return the status, or DISABLED for a user whom the pool does not let in."""
    if identity is None:  # deleted here since
        return str(CognitoIdentity.Status.GONE)
    return "DISABLED" if identity.disabled_at else str(identity.status)


def _due(older_than: float) -> list[Any]:
    """Return the primary keys of the identities to refresh, the oldest first.

    A list, because the rows change their order while they are refreshed.
    """
    moment = timezone.now() - dt.timedelta(hours=older_than)
    return list(
        CognitoIdentity.objects.in_pool()
        .filter(
            # A time in the future comes from a clock that jumped: it says nothing.
            Q(checked_at=None) | Q(checked_at__lte=moment) | Q(checked_at__gt=clocks.latest()),
        )
        .order_by(F("checked_at").asc(nulls_first=True), "pk")
        .values_list("pk", flat=True)
    )


def _paced(keys: list[Any], rate: float) -> Iterator[Any]:
    """Yield ``keys`` at ``rate`` a second."""
    due = time.monotonic()
    for key in keys:
        time.sleep(max(0.0, due - time.monotonic()))
        yield key
        # After a slow reply the pace catches up by at most one second.
        due = max(due, time.monotonic() - 1) + 1 / rate


def _refresh_with_retries(identity: CognitoIdentity) -> CognitoIdentity.Status:
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
    if not 0 <= value < MAX_VALUE:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to {MAX_VALUE}")
    return value


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError("must be a whole number above zero")
    return int(text)
