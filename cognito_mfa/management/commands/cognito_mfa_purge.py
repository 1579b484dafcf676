"""Delete events, and other rows that are over, after so many days."""

from __future__ import annotations

import argparse
import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from cognito_mfa.reports import retention


class Command(BaseCommand):
    help = (
        "Deletes events older than so many days, with the resets, exemptions and censuses that were over by then. "
        "Unfinished resets, open exemptions and the last census stay."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--older-than", type=_days, required=True, metavar="DAYS")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")

    def handle(self, *, older_than: int, dry_run: bool, **_options: Any) -> None:
        before = timezone.now() - dt.timedelta(days=older_than)
        if dry_run:
            counts = {model: rows.count() for model, rows in retention.outdated(before).items()}
        else:
            counts = retention.purge(before)
        told = "would be deleted" if dry_run else "deleted"
        for model, number in counts.items():
            self.stdout.write(f"{model.__name__}: {number} {told}")


def _days(text: str) -> int:
    days = int(text)
    if not 1 <= days <= 36500:  # noqa: PLR2004 - a century
        raise argparse.ArgumentTypeError("give at least one day")
    return days
