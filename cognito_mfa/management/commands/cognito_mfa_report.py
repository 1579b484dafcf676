"""Count the users who have set up MFA, and print the figures. It only reads the database."""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import rollout
from cognito_mfa.management.lookup import REFUSED, first_moment, local, table
from cognito_mfa.reports import overview, unlinked
from cognito_mfa.reports.escaping import csv_cell, visible
from cognito_mfa.reports.overview import Numbers, Share

UNLINKED_COLUMNS = ("user", "email", "link", "rights")
HEADINGS = ("group", "users", "enabled", "percent", "exempt", "missing")


class Command(BaseCommand):
    help = (
        "Counts the users who must use MFA and those who have set it up, saves the figures for the admin overview, and "
        "prints them. Does not contact Cognito."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--format",
            choices=("table", "csv", "json"),
            default="table",
            help="output format (default: %(default)s)",
        )
        parser.add_argument(
            "--last",
            action="store_true",
            help="print the last saved figures instead of counting again",
        )
        parser.add_argument("--dry-run", action="store_true", help="do not save the figures")
        parser.add_argument(
            "--fail-under",
            type=float,
            metavar="PERCENT",
            help="exit with 1 if a smaller percentage of the required users have set up MFA or are exempt",
        )

        parser.add_argument(
            "--preview",
            action="store_true",
            help="list the users who would have to set up MFA today, regardless of ENFORCEMENT; with json, one object per "
            "line",
        )
        parser.add_argument(
            "--at",
            type=first_moment,
            metavar="DATE",
            help="with --preview, the day, or date and time, to use instead of now (ISO 8601)",
        )

        parser.add_argument(
            "--unlinked",
            action="store_true",
            help="list the active users who are not linked to a user pool user; cognito_mfa_link reads the CSV",
        )

    def handle(self, *, format: str, **options: Any) -> None:  # noqa: A002 - the option's name
        if options["unlinked"]:
            self._unlinked(format)
            return
        if options["preview"]:
            self._preview(format, options["at"])
            return
        if options["at"] is not None:
            raise CommandError("--at requires --preview.", returncode=2)
        numbers = _numbers(last=options["last"], dry_run=options["dry_run"])
        {"table": self._table, "csv": self._csv, "json": self._json}[format](numbers)
        if options["fail_under"] is not None:
            _require_share(numbers, options["fail_under"])

    def _preview(self, style: str, at: dt.datetime | None) -> None:
        """Print the users one by one, because they may not all fit into memory."""
        write = {"table": self._name, "csv": self._name_in_csv, "json": self._name_in_json}[style]
        number, later = 0, Later()
        for user, until in rollout.forecast(at=at):
            if until is None:
                number += 1
                write(str(user.pk), user.get_username())
            else:
                later.add(until)
        if style == "table":
            users = "1 user" if number == 1 else f"{number} users"
            self.stdout.write(f"{users} would have to set up MFA.")
            for line in (later.text(), "" if number else _why_none()):
                if line:
                    self.stdout.write(line)

    def _unlinked(self, style: str) -> None:
        """Print the active users who are not linked, one by one."""
        writer = csv.writer(self.stdout, lineterminator="\n")
        if style == "csv":
            writer.writerow(UNLINKED_COLUMNS)
        number = 0
        for number, one in enumerate(unlinked.users(), start=1):  # noqa: B007 - used after the loop
            cells = (one.user.get_username(), one.email, str(one.link), one.rights)
            if style == "csv":
                writer.writerow(map(csv_cell, cells))
            elif style == "json":
                named = dict(zip(UNLINKED_COLUMNS, cells, strict=True))
                self.stdout.write(json.dumps({**named, "key": str(one.user.pk)}))
            else:
                self.stdout.write(visible("  ".join(filter(None, (*cells[:2], *_notes(one))))))
        if style == "table":
            self.stdout.write(
                "1 user is not linked." if number == 1 else f"{number} users are not linked."
            )

    def _name(self, _key: str, username: str) -> None:
        self.stdout.write(visible(username))

    def _name_in_csv(self, key: str, username: str) -> None:
        csv.writer(self.stdout, lineterminator="\n").writerow((csv_cell(key), csv_cell(username)))

    def _name_in_json(self, key: str, username: str) -> None:
        self.stdout.write(json.dumps({"user": key, "username": username}))

    def _table(self, numbers: Numbers) -> None:
        """Print the tables without rows that would only say 0, and a sentence instead of an empty one."""
        if not numbers.all_users.people:
            self.stdout.write("There are no active users.")
        else:
            rows = _share_rows(numbers)
            self.stdout.write(table(HEADINGS, (row for row in rows if row[0] != "staff" or row[1])))
        self.stdout.write("")
        counts = [row for row in _counts(numbers) if row[1]]
        if counts:
            self.stdout.write(table(("what", "number"), counts))
        self.stdout.write("All other counts are 0." if counts else "All counts are 0.")
        self.stdout.write("")
        weeks = [(week.monday.isoformat(), week.set_up) for week in numbers.weeks_with_setups]
        if weeks:
            self.stdout.write(table(("week of", "set up"), weeks))
        else:
            self.stdout.write(
                f"No authenticator app was set up in the last {overview.WEEKS} weeks."
            )

    def _csv(self, numbers: Numbers) -> None:
        """Print only the shares, because a CSV file has one table."""
        writer = csv.writer(self.stdout, lineterminator="\n")
        writer.writerow(HEADINGS)
        writer.writerows(map(csv_cell, row) for row in _share_rows(numbers))

    def _json(self, numbers: Numbers) -> None:
        self.stdout.write(json.dumps(overview.to_json(numbers), indent=2))


def _notes(one: unlinked.Unlinked) -> list[str]:
    link = "" if one.link is unlinked.Link.NONE else f"linked to a user who is {one.link}"
    if one.link is unlinked.Link.ANOTHER_POOL:
        link = "linked to another user pool"
    return [f"({note})" for note in (one.rights, link) if note]


class Later:
    """The number of users who still have time, and until when."""

    def __init__(self) -> None:
        self.number = 0
        self.first: dt.datetime | None = None
        self.last: dt.datetime | None = None

    def add(self, until: dt.datetime) -> None:
        """Count a user who has time ``until`` this moment."""
        self.number += 1
        self.first = min(self.first or until, until)
        self.last = max(self.last or until, until)

    def text(self) -> str:
        """Return the sentences of a preview about these users; empty if there are none."""
        if self.first is None or self.last is None:
            return ""
        span = local(self.first)
        if self.first != self.last:
            span = f"{span} to {local(self.last)}"
        who = "1 more user has" if self.number == 1 else f"{self.number} more users have"
        return (
            f"{who} time left (REQUIRED_FROM, GRACE_PERIOD), until {span}. "
            f"To include them: --at {self.last.isoformat(timespec='seconds')}"
        )


def _why_none() -> str:
    if get_conf().REQUIRED is False:
        return "COGNITO_MFA['REQUIRED'] is False, so the policy applies to no user."
    return ""


def _numbers(*, last: bool, dry_run: bool) -> Numbers:
    if dry_run and not last:
        return overview.measure()
    kept = overview.latest() if last else overview.count()
    if kept is None:
        raise CommandError("No figures have been saved yet.", returncode=REFUSED)
    return overview.read(kept)


def _require_share(numbers: Numbers, wanted: float) -> None:
    share = numbers.required
    if share is None:
        raise CommandError(
            "Required users cannot be counted because COGNITO_MFA['REQUIRED'] is a function.",
            returncode=REFUSED,
        )
    covered = 100 * (share.people - share.missing) / share.people if share.people else 100.0
    if covered < wanted:
        raise CommandError(f"{covered:.1f}% is below {wanted:g}%.", returncode=REFUSED)


def _share_rows(numbers: Numbers) -> Iterator[tuple[object, ...]]:
    named = [
        ("required", numbers.required),
        ("all", numbers.all_users),
        ("staff", numbers.staff),
        *((f"group {group.name}", group) for group in numbers.groups),
    ]
    return (_share_row(name, share) for name, share in named if share is not None)


def _share_row(name: str, share: Share) -> tuple[object, ...]:
    percent = "" if share.percent is None else f"{share.percent:.1f}"
    return (name, share.people, share.enabled, percent, share.exempt, share.missing)


def _counts(numbers: Numbers) -> list[tuple[str, int]]:
    return [
        *((f"status {status}", number) for status, number in numbers.statuses.items()),
        ("never signed in with this pool", numbers.unlinked),
        (f"status older than {overview.STALE_AFTER.days} days", numbers.stale),
        ("valid exemptions", numbers.exempted),
        (f"wrong codes in {overview.RECENT.days} days", numbers.wrong_codes),
        (f"locked in {overview.RECENT.days} days", numbers.locks),
        ("locked now", numbers.locked),
        ("unfinished resets", numbers.unfinished_resets),
        ("would have been blocked in observe mode", numbers.would_block),
    ]
