"""End the proofs and recovery codes that a restored database brought back."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cognito_mfa.authenticator import recovery, restored_database
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
        users, codes = _count(ended.users, "user"), ""
        if ended.recovery_codes or recovery.is_offered():
            deleted = _count(ended.recovery_codes, "recovery code")
            codes = f", and {'delete' if dry_run else 'deleted'} {deleted}"
        made = "Would make" if dry_run else "Made"
        self.stdout.write(f"{made} {users} pass MFA again{codes}.")
        self.stdout.write(_next_steps())


def _next_steps() -> str:
    """Return what is left to do, which depends on what the site has."""
    counts = {
        "valid exemption": MFAExemption.objects.valid().count(),
        "unfinished reset": MFAReset.objects.unfinished().count(),
    }
    left = [_count(number, noun) for noun, number in counts.items() if number]
    if not left:
        return "Next: end all sessions, and run cognito_mfa_sync."
    return f"Next: end all sessions, run cognito_mfa_sync, and review {' and '.join(left)}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
