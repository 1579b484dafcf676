"""Refresh the MFA status of all users from Cognito, one by one."""

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

# Cognito's quota of 120 such calls per second is for the whole account and Region, other applications included
# ("Requests a second" in docs/cognito-behavior.md).
RATE = 10.0
ATTEMPTS = 3  # for each user, while Cognito throttles the calls
GIVE_UP_AFTER = 10  # failures in a row; Cognito or the network is the likely cause
REPORT_EVERY = 1000  # users
# Errors about the username of one user, which do not concern the next one.
ERRORS_OF_ONE_USER = frozenset({"ParamValidationError", "InvalidParameterException"})
MAX_VALUE = 1_000_000  # of each option; a larger one is a typing error


class Command(BaseCommand):
    help = (
        "Refreshes the MFA status of all users linked to this user pool, least recently checked first, and the pool's "
        "password policy. To resume an interrupted run, pass --older-than with the time since it started."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            type=_not_below_zero,
            default=0.0,
            metavar="HOURS",
            help="skip users checked within the last HOURS",
        )
        parser.add_argument(
            "--rate",
            type=_above_zero,
            default=RATE,
            metavar="USERS",
            help="maximum number of users per second (default: %(default)g)",
        )
        parser.add_argument(
            "--limit", type=_whole_number, metavar="USERS", help="stop after this many users"
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="show how many users would be checked without contacting Cognito",
        )

    def handle(
        self, *, older_than: float, rate: float, limit: int | None, dry_run: bool, **options: Any
    ) -> None:
        keys = _due(older_than)[:limit]
        if dry_run:
            self.stdout.write(f"Would check {_users(len(keys))}.")
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
            raise CommandError(f"{_users(self.failed)} could not be checked.", returncode=NOT_DONE)

    def _refresh_all(self, keys: list[Any], rate: float) -> str:
        """Refresh the identities one by one; return why that ended early, empty if it did not."""
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
                    return f"{error.hint or error}"  # it would fail for the next user, too
                if in_a_row == GIVE_UP_AFTER:
                    return f"Stopped after {GIVE_UP_AFTER} failures in a row."
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
            self.stdout.write(f"Checked {self.asked} users ...")

    def _read_password_rules(self) -> None:
        """Read the pool's password policy, which some sites' credentials cannot read."""
        try:
            password_policy.refresh()
        except CognitoMFAError as error:
            if self.verbosity > 1:
                self.stdout.write(f"Could not read the pool's password policy: {error}.")

    def _sum_up(self) -> None:
        changed = ", ".join(f"{what}: {number}" for what, number in sorted(self.changes.items()))
        self.stdout.write(f"Checked {_users(self.asked)}: {changed or 'no changes'}.")


def _status_word(identity: CognitoIdentity | None) -> str:
    """Return the status, or DISABLED for a user who is disabled in the pool."""
    if identity is None:  # deleted here since
        return str(CognitoIdentity.Status.GONE)
    return "DISABLED" if identity.disabled_at else str(identity.status)


def _due(older_than: float) -> list[Any]:
    """Return the primary keys of the identities to refresh, least recently checked first.

    It is a list because the order of the rows changes while they are refreshed.
    """
    moment = timezone.now() - dt.timedelta(hours=older_than)
    return list(
        CognitoIdentity.objects.in_pool()
        .filter(
            # A time in the future comes from a clock that jumped.
            Q(checked_at=None) | Q(checked_at__lte=moment) | Q(checked_at__gt=clocks.latest()),
        )
        .order_by(F("checked_at").asc(nulls_first=True), "pk")
        .values_list("pk", flat=True)
    )


def _paced(keys: list[Any], rate: float) -> Iterator[Any]:
    """Yield ``keys`` at ``rate`` per second."""
    due = time.monotonic()
    for key in keys:
        time.sleep(max(0.0, due - time.monotonic()))
        yield key
        # After a slow reply, catch up by at most one second.
        due = max(due, time.monotonic() - 1) + 1 / rate


def _refresh_with_retries(identity: CognitoIdentity) -> CognitoIdentity.Status:
    for _attempt in range(ATTEMPTS - 1):
        try:
            return status.refresh_status(identity)
        except Busy as error:
            time.sleep(error.retry_after)
    return status.refresh_status(identity)


def _users(number: int) -> str:
    return "1 user" if number == 1 else f"{number} users"


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
