"""Link users of the site to users of the pool, move such links, or end them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cognito_mfa.authenticator import links, permissions
from cognito_mfa.authenticator.links import Change, Plan
from cognito_mfa.authenticator.permissions import ActionDenied
from cognito_mfa.cognito.user_directory import PoolUser
from cognito_mfa.databases import atomic_for, roll_back
from cognito_mfa.exceptions import (
    CognitoMFAError,
    LinkRefused,
    LinkRefusedReason,
    Misconfigured,
)
from cognito_mfa.management import link_file
from cognito_mfa.management.link_file import Row
from cognito_mfa.management.lookup import (
    NOT_DONE,
    REFUSED,
    clean_reason,
    display_name,
    find_actor,
    find_site_user,
    find_user,
    refusal,
    require,
)
from cognito_mfa.models import CognitoIdentity, identity_of
from cognito_mfa.reports.escaping import visible

GIVE_UP_AFTER = 10  # failures in a row: then Cognito or the network is the cause
Reason = LinkRefusedReason
Job = Plan | CognitoIdentity  # to be linked, or unlinked


class Command(BaseCommand):
    help = (
        "Links a user of this site to a user of the user pool, moves or ends such a link, for one user or for those of a "
        "CSV file. Cognito is asked who the user is. Staff and superusers are linked with this command."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", nargs="?", metavar="USER", help="username on this site")
        parser.add_argument("--username", metavar="NAME", help="who it is in the pool, by username")
        parser.add_argument(
            "--email", metavar="ADDRESS", help="likewise, by an address that the pool has verified"
        )
        parser.add_argument("--sub", help="likewise, by the sub")
        parser.add_argument(
            "--csv",
            metavar="FILE",
            help="link the users of a file with the columns user and username, email, or sub; - is standard input",
        )
        parser.add_argument("--unlink", action="store_true", help="end the link of USER or of FILE")
        parser.add_argument(
            "--move", action="store_true", help="move or end a link that is in the way"
        )
        parser.add_argument(
            "--atomic", action="store_true", help="do nothing unless every row of FILE can be done"
        )
        parser.add_argument("--reason", help="why; kept for good")
        parser.add_argument(
            "--by", metavar="STAFF", help="who links: their permission and the admin's rules hold"
        )
        parser.add_argument("--no-email", action="store_true", help="send no email to the users")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *, user: str | None, **options: Any) -> None:
        self.options = options
        self.reason = clean_reason(options["reason"])
        if (user is None) == (options["csv"] is None):
            raise CommandError("Give either USER or --csv.", returncode=2)
        if not self.reason:
            raise CommandError("Give a --reason.", returncode=2)
        self.actor = find_actor(options["by"])
        self.cognito_failed = False
        if user is None:
            self._file(options["csv"])
            return
        self._one(link_file.row(0, {**options, link_file.USER: user}))

    # ------------------------------------------------------------------------------------ one user

    def _one(self, row: Row) -> None:
        if self.options["unlink"] == row.names_pool_user:
            raise CommandError(
                "Give --username, --email, or --sub, or else --unlink.", returncode=2
            )
        try:
            self.stdout.write(self._perform(self._prepare(row)))
        except CognitoMFAError as error:
            raise CommandError(_failure(error), returncode=NOT_DONE) from None

    def _prepare(self, row: Row) -> Job:
        """Return what is to be done, which is possible and allowed; Cognito is asked who the pool's user is.

        Raises:
            CommandError: it is not.
            CognitoMFAError: Cognito did not answer.
        """
        if self.options["unlink"]:
            return self._linked(row.user)
        user, planned = find_site_user(row.user), None
        try:
            pool_user = links.find_in_pool(username=row.username, email=row.email, sub=row.sub)
            planned = links.plan(user, pool_user)
            links.check(planned, actor=self.actor, move=self.options["move"])
        except LinkRefused as refused:
            raise CommandError(_why(refused, planned), returncode=REFUSED) from None
        except ActionDenied as denied:
            raise refusal(denied, dry_run=self.options["dry_run"]) from None
        return planned

    def _linked(self, name: str) -> CognitoIdentity:
        user = find_user(name)
        identity = identity_of(user)
        if identity is None:
            raise CommandError(f"{display_name(user)} is not linked.", returncode=REFUSED)
        require(permissions.LINK, self.actor, identity, dry_run=self.options["dry_run"])
        return identity

    def _perform(self, job: Job) -> str:
        """Do it, unless this is a dry run, and return what was done.

        Raises:
            CommandError: something changed since it was prepared; nothing was done.
        """
        told = _told(job, dry_run=self.options["dry_run"])
        if self.options["dry_run"]:
            return told
        given = {
            "actor": self.actor,
            "reason": self.reason,
            "notify": not self.options["no_email"],
        }
        try:
            if isinstance(job, Plan):
                links.link(job.user, job.pool_user, move=self.options["move"], **given)
            else:
                links.unlink(job, **given)
        except LinkRefused as refused:
            planned = job if isinstance(job, Plan) else None
            raise CommandError(_why(refused, planned), returncode=REFUSED) from None
        except ActionDenied as denied:
            raise refusal(denied) from None
        return told

    # ---------------------------------------------------------------------------------- a CSV file

    def _file(self, path: str) -> None:
        rows = link_file.read(path, needs_pool_user=not self.options["unlink"])
        self.counts: Counter[str] = Counter()
        self.seen: dict[object, int] = {}
        self.failures = 0
        if self.options["atomic"]:
            self._all_or_nothing(rows)
        else:
            for row in self._until_hopeless(rows):
                with self._reporting(row):
                    self._report(row, self._prepare_once(row))
        self._sum_up(len(rows))

    def _all_or_nothing(self, rows: list[Row]) -> None:
        jobs: list[tuple[Row, Job]] = []
        for row in self._until_hopeless(rows):
            with self._reporting(row):
                jobs.append((row, self._prepare_once(row)))
        if len(jobs) < len(rows):
            return
        with atomic_for(CognitoIdentity):
            for row, job in jobs:
                with self._reporting(row):
                    self._report(row, job)
            if sum(self.counts.values()) < len(rows):
                roll_back(CognitoIdentity)
                self.counts.clear()

    def _prepare_once(self, row: Row) -> Job:
        """Prepare a row, unless an earlier one is about the same user here or in the pool."""
        job = self._prepare(row)
        keys: list[object] = [("user", job.user.pk)]
        keys += [job.pool_user.sub] if isinstance(job, Plan) else []
        for key in keys:
            if key in self.seen:
                text = f"This user is in line {self.seen[key]} already."
                raise CommandError(text, returncode=REFUSED)
        self.seen |= dict.fromkeys(keys, row.line)
        return job

    def _report(self, row: Row, job: Job) -> None:
        self.stdout.write(f"line {row.line}: {self._perform(job)}")
        self.counts[job.change.value if isinstance(job, Plan) else "unlinked"] += 1

    @contextmanager
    def _reporting(self, row: Row) -> Generator[None]:
        """Report what is wrong with one row, so that the next one has its turn."""
        try:
            yield
        except CommandError as error:
            self.stderr.write(f"line {row.line}: {error}")
            self.failures = 0
        except CognitoMFAError as error:
            self.stderr.write(f"line {row.line}: {_failure(error)}")
            hopeless = isinstance(error, Misconfigured)
            self.failures = GIVE_UP_AFTER if hopeless else self.failures + 1
            self.cognito_failed = True
        else:
            self.failures = 0

    def _until_hopeless(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield row after row, and end when Cognito can do nothing for the next ones either."""
        for row in rows:
            if self.failures >= GIVE_UP_AFTER:
                self.stderr.write(f"line {row.line}: not tried, and none after it.")
                return
            yield row

    def _sum_up(self, number: int) -> None:
        done = sum(self.counts.values())
        told = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        would = "Would be: " if self.options["dry_run"] and told else ""
        self.stdout.write(f"{would}{told or 'Nothing done'}.")
        if done < number:
            left = number - done
            text = f"{left} row was not done." if left == 1 else f"{left} rows were not done."
            raise CommandError(text, returncode=NOT_DONE if self.cognito_failed else REFUSED)


def _told(job: Job, *, dry_run: bool) -> str:
    if isinstance(job, CognitoIdentity):
        return (
            f"{'Would unlink' if dry_run else 'Unlinked'} {_name(job.user)} from {_of_pool(job)}."
        )
    user, pool_user, own, theirs = _name(job.user), _of_pool(job.pool_user), job.own, job.theirs
    if job.change is Change.NONE:
        return f"{user} is linked to {pool_user} already."
    told = f"{'Would link' if dry_run else 'Linked'} {user} to {pool_user}"
    if theirs is not None:
        told += f", until now linked to {_name(theirs.user)}"
    if own is not None:
        told += f", instead of {_of_pool(own)}"
    return f"{told}."


def _why(refused: LinkRefused, planned: Plan | None) -> str:
    """Return why a user cannot be linked, and what to do."""
    reason = LinkRefusedReason(str(refused.reason))
    if planned is not None and reason is planned.obstacle:
        return _in_the_way(planned)
    return {
        Reason.NOT_IN_POOL: "The user pool has no such user. Write the username or sub exactly as the pool has it.",
        Reason.SEVERAL_IN_POOL: "Several users of the pool have this address. Give the username or the sub.",
        Reason.EMAIL_NOT_VERIFIED: "The pool has not verified this address. Give the username or the sub.",
        Reason.POOL_USERS_DIFFER: "Username, address, and sub are not of one user of the pool, or the address is not verified.",
        Reason.FEDERATED: "This user of the pool signs in with another identity provider and cannot be linked.",
        Reason.OVERTAKEN: "A sign-in or another administrator changed this link at the same moment. Run the command again.",
    }.get(reason, f"This is not possible: {reason}.")


def _in_the_way(planned: Plan) -> str:
    user, own, theirs = _name(planned.user), planned.own, planned.theirs
    if theirs is not None:
        text = f"{_of_pool(theirs)} is linked to {_name(theirs.user)}"
    elif own is not None:
        gone = ", who is no longer in the pool" if own.status == CognitoIdentity.Status.GONE else ""
        text = f"{user} is linked to {_of_pool(own)}{gone}"
    return f"{text}. Add --move to link {user} to {_of_pool(planned.pool_user)} instead."


def _name(user: Any) -> str:
    note = " (a superuser)" if getattr(user, "is_superuser", False) else ""
    return f"{display_name(user)}{note}"


def _of_pool(one: CognitoIdentity | PoolUser) -> str:
    """Return the username and the ``sub``, and the pool where it is a former one."""
    pool = ""
    if isinstance(one, CognitoIdentity) and not one.in_this_pool:
        pool = f" of the pool {visible(one.pool_id)}"
    return f"{visible(one.username)} ({visible(one.sub)}){pool}"


def _failure(error: CognitoMFAError) -> str:
    return f"{error}. {error.hint}".strip()
