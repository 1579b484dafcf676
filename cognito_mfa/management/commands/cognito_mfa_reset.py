"""Reset a user's authenticator app, or finish interrupted resets."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cognito_mfa.authenticator import permissions, reset
from cognito_mfa.management.lookup import (
    NOT_DONE,
    clean_reason,
    display_name,
    find_actor,
    find_identity,
    require,
)
from cognito_mfa.models import CognitoIdentity, MFAReset
from cognito_mfa.reports.escaping import visible

GIVE_UP_AFTER = 3  # failures in a row; Cognito or the AWS permissions are the likely cause


class Command(BaseCommand):
    help = (
        "Removes a user's authenticator app in Cognito and ends all their sessions. They set up a new one at the next "
        "sign-in. With --unfinished, finishes interrupted resets."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "user", nargs="?", metavar="USER", help="username on this site or in the user pool"
        )
        parser.add_argument("--reason", help="reason, stored with the event")
        parser.add_argument(
            "--by", metavar="STAFF", help="staff user who resets; must have the permission"
        )
        parser.add_argument(
            "--unfinished", action="store_true", help="finish all interrupted resets"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be done without doing it"
        )

    def handle(self, *, user: str | None, unfinished: bool, **options: Any) -> None:
        if unfinished == (user is not None):
            raise CommandError("Specify either USER or --unfinished.", returncode=2)
        if unfinished:
            self._finish(by=options["by"], dry_run=options["dry_run"])
        else:
            self._reset(str(user), **options)

    def _reset(
        self, name: str, *, reason: str | None, by: str | None, dry_run: bool, **_options: Any
    ) -> None:
        reason = clean_reason(reason)
        if not reason:
            raise CommandError("--reason is required.", returncode=2)
        identity = find_identity(name)
        actor = find_actor(by)
        require(permissions.RESET, actor, identity, dry_run=dry_run)
        if dry_run:
            self.stdout.write(f"Would reset {_label(identity)}.")
            return
        row = reset.run(reset.request(identity, actor=actor, reason=reason))
        if row.finished_at is None:
            raise CommandError(
                f"{display_name(identity.user)}: not finished. {_trouble(row)}. All sessions on this site have ended. "
                "Run the command again with --unfinished after you fix this.",
                returncode=NOT_DONE,
            )
        self.stdout.write(f"Reset {_label(identity)}.")

    def _finish(self, *, by: str | None, dry_run: bool) -> None:
        actor = find_actor(by)
        require(permissions.FINISH, actor, dry_run=dry_run)
        waiting = MFAReset.objects.unfinished().select_related("identity__user", "actor")
        left = in_a_row = 0
        for row in waiting:
            if dry_run or in_a_row == GIVE_UP_AFTER:
                self.stdout.write(f"Not finished: {_label(row.identity)}.")
            elif refusal := _refusal(row, actor):  # Cognito was not called
                self.stderr.write(f"{_label(row.identity)}: {visible(refusal)}.")
            elif reset.run_again(row, actor=actor).finished_at is not None:
                self.stdout.write(f"Finished {_label(row.identity)}.")
                in_a_row = 0
                continue
            else:
                self.stderr.write(f"{_label(row.identity)}: {_trouble(row)}.")
                in_a_row += 1
            left += 1
        if not waiting:
            self.stdout.write("No unfinished resets.")
        if left and not dry_run:
            resets = "1 reset is" if left == 1 else f"{left} resets are"
            raise CommandError(f"{resets} not finished.", returncode=NOT_DONE)


def _refusal(row: MFAReset, actor: Any) -> str:
    """Return why ``row`` may not be finished; empty if it may."""
    try:
        require(permissions.FINISH, actor, row)
    except CommandError as error:
        return str(error).rstrip(".")
    return "" if row.identity.in_this_pool else row.trouble or "belongs to another user pool"


def _trouble(row: MFAReset) -> str:
    return visible(row.trouble).rstrip(".")


def _label(identity: CognitoIdentity) -> str:
    note = ", a superuser" if getattr(identity.user, "is_superuser", False) else ""
    return f"{display_name(identity.user)} ({visible(identity.username)} in the user pool{note})"
