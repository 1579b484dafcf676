"""Grant, revoke, or list exemptions from MFA."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from cognito_mfa.authenticator import exemptions, permissions
from cognito_mfa.management.lookup import (
    REFUSED,
    clean_reason,
    display_name,
    find_actor,
    find_user,
    last_moment,
    local,
    require,
    table,
)


class Command(BaseCommand):
    help = "Exempts a user from MFA for a limited time, revokes exemptions, or lists them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "user", nargs="?", metavar="USER", help="username on this site or in the user pool"
        )
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--until",
            type=last_moment,
            metavar="DATE",
            help="last day, or date and time, of the exemption (ISO 8601)",
        )
        what.add_argument("--revoke", action="store_true", help="revoke all exemptions of USER")
        what.add_argument(
            "--list", action="store_true", help="list the valid exemptions of USER or of all users"
        )
        parser.add_argument("--reason", help="reason, stored with the event")
        parser.add_argument(
            "--by",
            metavar="STAFF",
            help="staff user who grants or revokes; must have the permission",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be done without doing it"
        )

    def handle(self, *, user: str | None, **options: Any) -> None:
        if options["list"]:
            self._list(user)
            return
        reason = clean_reason(options["reason"])
        if user is None or not reason:
            missing = " and ".join(
                name for name, given in (("USER", user), ("--reason", reason)) if not given
            )
            verb = "are" if " " in missing else "is"
            raise CommandError(f"{missing} {verb} required.", returncode=2)
        person = find_user(user)
        actor = find_actor(options["by"])
        right = permissions.REVOKE if options["revoke"] else permissions.GRANT
        require(right, actor, person, dry_run=options["dry_run"])
        given = {"actor": actor, "reason": reason}
        act = self._revoke if options["revoke"] else self._grant
        act(person, given, dry_run=options["dry_run"], until=options["until"])

    def _grant(
        self, person: Any, given: dict[str, Any], *, dry_run: bool, until: dt.datetime
    ) -> None:
        if until <= timezone.now():
            raise CommandError("--until must be in the future.", returncode=2)
        longest = exemptions.latest_end()
        if until > longest:
            raise CommandError(
                f"--until must not be later than {local(longest)} (GRANT_MAX_AGE).",
                returncode=2,
            )
        end = local(until)
        if dry_run:
            self.stdout.write(f"Would exempt {display_name(person)} until {end}.")
            return
        exemptions.grant(person, until=until, **given)
        self.stdout.write(f"Exempted {display_name(person)} until {end}.")

    def _revoke(self, person: Any, given: dict[str, Any], *, dry_run: bool, **_until: Any) -> None:
        found = list(exemptions.by_expiry().filter(user=person))
        if not found:
            raise CommandError(
                f"{display_name(person)} has no valid exemption.", returncode=REFUSED
            )
        if not dry_run:
            exemptions.revoke(found[-1], **given)  # and with it all others
        for exemption in found:
            end = local(exemption.expires_at)
            told = "Would revoke" if dry_run else "Revoked"
            self.stdout.write(f"{told} the exemption of {display_name(person)} until {end}.")

    def _list(self, user: str | None) -> None:
        found = exemptions.by_expiry()
        if user is not None:
            found = found.filter(user=find_user(user))
        rows = [
            (
                row.user.get_username(),
                local(row.expires_at),
                row.granted_by.get_username() if row.granted_by else "-",
                row.reason,
            )
            for row in found
        ]
        if not rows:  # an answer, not an error
            self.stdout.write("No valid exemptions.")
            return
        self.stdout.write(table(("User", "Until", "Granted by", "Reason"), rows))
