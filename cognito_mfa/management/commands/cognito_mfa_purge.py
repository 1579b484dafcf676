"""Delete old events, resets, exemptions, and overview snapshots."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from cognito_mfa.reports import retention


class Command(BaseCommand):
    help = (
        "Deletes events older than the given number of days, and resets, exemptions, and overview snapshots that had "
        "ended by then. Keeps unfinished resets, valid exemptions, and the latest overview snapshot."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than", type=_days, required=True, metavar="DAYS", help="minimum age"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be deleted without deleting it"
        )

    def handle(self, *, older_than: int, dry_run: bool, **_options: Any) -> None:
        before = timezone.now() - dt.timedelta(days=older_than)
        if dry_run:
            counts = {model: rows.count() for model, rows in retention.outdated(before).items()}
        else:
            counts = retention.purge(before)
        told = "would be deleted" if dry_run else "deleted"
        for model, number in counts.items():
            if number:
                self.stdout.write(f"{model.__name__}: {number} {told}")
        if not any(counts.values()):
            self.stdout.write(f"Nothing {told}.")


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 36500:  # noqa: PLR2004 - a century
        raise argparse.ArgumentTypeError("must be from 1 to 36500")
    return days
