"""End the proofs and recovery codes that a restored database brought back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cognito_mfa.authenticator import restored_database
from cognito_mfa.models import MFAExemption, MFAReset


class Command(BaseCommand):
    help = (
        "Makes all users pass MFA again and deletes all recovery codes, because used ones may be valid again. Run it "
        "after you restore an older copy of the database, and then cognito_mfa_sync. Does not contact Cognito."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be done without doing it"
        )

    def handle(self, *, dry_run: bool, **_options: Any) -> None:
        ended = restored_database.end_what_came_back(dry_run=dry_run)
        users = _count(ended.users, "user")
        codes = _count(ended.recovery_codes, "recovery code")
        if dry_run:
            self.stdout.write(f"Would make {users} pass MFA again, and delete {codes}.")
        else:
            self.stdout.write(f"Made {users} pass MFA again, and deleted {codes}.")
        exemptions = _count(MFAExemption.objects.valid().count(), "valid exemption")
        resets = _count(MFAReset.objects.unfinished().count(), "unfinished reset")
        self.stdout.write(
            f"Next: end all sessions, run cognito_mfa_sync, and review {exemptions} and {resets}."
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
