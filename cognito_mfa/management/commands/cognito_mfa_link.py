"""Link users of the site to users of the pool, move such links, or end them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cognito_mfa.authenticator import links, permissions, pool_change
from cognito_mfa.authenticator.links import Change, Plan
from cognito_mfa.authenticator.permissions import ActionDenied
from cognito_mfa.authenticator.pool_change import Match, Proposal
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for, roll_back
from cognito_mfa.exceptions import CognitoMFAError, LinkRefused, Misconfigured
from cognito_mfa.exceptions import LinkRefusedReason as Reason
from cognito_mfa.management import link_file, link_preview
from cognito_mfa.management.link_file import Row
from cognito_mfa.management.link_texts import Job, failure, told, why
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


class Command(BaseCommand):
    help = (
        "Links a user of this site to a user of the user pool, moves or ends such a link, for one user, for those of a "
        "CSV file, or for all after a change of pools. Cognito is asked who the user is. Staff and superusers are linked "
        "with this command, too."
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
        parser.add_argument(
            "--from-pool",
            metavar="POOL_ID",
            help="relink all users who are linked in a former user pool, as --match says",
        )
        parser.add_argument(
            "--match",
            choices=[match.value for match in Match],
            help="what users have in both pools: an address that both verified, or the username",
        )
        parser.add_argument(
            "--unlink", action="store_true", help="end the link of USER, of FILE, or of the pool"
        )
        parser.add_argument(
            "--move", action="store_true", help="move or end a link that is in the way"
        )
        parser.add_argument(
            "--atomic", action="store_true", help="do nothing unless every row of FILE can be done"
        )
        parser.add_argument(
            "--preview",
            action="store_true",
            help="read all users of the pool, and say whom of this site USER_RESOLVER would link them to; changes nothing",
        )
        parser.add_argument(
            "--format", choices=link_preview.FORMATS, default="table", help="of --preview"
        )
        parser.add_argument(
            "--reason",
            help="why; kept for good; required with --move, --unlink, --from-pool, and --by",
        )
        parser.add_argument(
            "--by", metavar="STAFF", help="who links: their permission and the admin's rules hold"
        )
        parser.add_argument("--no-email", action="store_true", help="send no email to the users")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")

    def handle(self, *, user: str | None, **options: Any) -> None:
        self.options = options
        modes = [user is not None, options["preview"]]
        modes += [options[name] is not None for name in ("csv", "from_pool")]
        if sum(modes) != 1:
            raise CommandError("Give one of USER, --csv, --from-pool, and --preview.", returncode=2)
        if options["preview"]:
            self._preview(options["format"])
            return
        self.reason = clean_reason(options["reason"])
        changes = ("move", "unlink", "from_pool", "by")
        if not self.reason and any(options[name] for name in changes):
            raise CommandError("Give a --reason.", returncode=2)
        self.actor = find_actor(options["by"])
        self.counts: Counter[str] = Counter()
        self.seen: dict[object, int] = {}
        self.failures = 0
        self.cognito_failed = False
        if user is not None:
            self._one(link_file.row(0, {**options, link_file.USER: user}))
        elif options["csv"] is not None:
            self._file(options["csv"])
        else:
            self._from_pool(options["from_pool"].strip())

    # ------------------------------------------------------------------------------------ one user

    def _one(self, row: Row) -> None:
        if self.options["unlink"] == row.names_pool_user:
            raise CommandError(
                "Give --username, --email, or --sub, or else --unlink.", returncode=2
            )
        try:
            self.stdout.write(self._perform(self._prepare(row)))
        except CognitoMFAError as error:
            raise CommandError(failure(error), returncode=NOT_DONE) from None

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
            return self._checked(planned)
        except LinkRefused as refused:
            raise CommandError(why(refused, planned), returncode=REFUSED) from None

    def _checked(self, planned: Plan) -> Plan:
        """Return the plan, which is allowed.

        Raises:
            CommandError: the rules of the admin forbid it.
            LinkRefused: a link is in the way.
        """
        try:
            links.check(planned, actor=self.actor, move=self._moves(planned))
        except ActionDenied as denied:
            raise refusal(denied, dry_run=self.options["dry_run"]) from None
        return planned

    def _moves(self, planned: Plan) -> bool:
        """Return whether a link that is in the way may be moved; that of the former pool is meant by --from-pool."""
        former = planned.own is not None and planned.own.pool_id == self.options["from_pool"]
        return self.options["move"] or (former and planned.change is Change.CHANGE_POOL)

    def _linked(self, name: str) -> CognitoIdentity:
        user = find_user(name)
        identity = identity_of(user)
        if identity is None:
            raise CommandError(f"{display_name(user)} is not linked.", returncode=REFUSED)
        require(permissions.LINK, self.actor, identity, dry_run=self.options["dry_run"])
        try:
            links.check_resets(identity)
        except LinkRefused as refused:
            raise CommandError(why(refused, None), returncode=REFUSED) from None
        return identity

    def _perform(self, job: Job) -> str:
        """Do it, unless this is a dry run, and return what was done.

        Raises:
            CommandError: something changed since it was prepared; nothing was done.
        """
        text = told(job, dry_run=self.options["dry_run"])
        if self.options["dry_run"]:
            return text
        given = {
            "actor": self.actor,
            "reason": self.reason,
            # A change of pools is announced by the site: it concerns everybody.
            "notify": not (self.options["no_email"] or self.options["from_pool"]),
        }
        try:
            if isinstance(job, Plan):
                links.link(job.user, job.pool_user, move=self._moves(job), **given)
            else:
                links.unlink(job, **given)
        except LinkRefused as refused:
            planned = job if isinstance(job, Plan) else None
            raise CommandError(why(refused, planned), returncode=REFUSED) from None
        except ActionDenied as denied:
            raise refusal(denied) from None
        return text

    def _preview(self, style: str) -> None:
        try:
            link_preview.write(self.stdout, style)
        except CognitoMFAError as error:
            raise CommandError(failure(error), returncode=NOT_DONE) from None

    # ---------------------------------------------------------------------------------- a CSV file

    def _file(self, path: str) -> None:
        rows = link_file.read(path, needs_pool_user=not self.options["unlink"])
        if self.options["atomic"]:
            self._all_or_nothing(rows)
        else:
            for row in self._until_hopeless(rows):
                with self._reporting(f"line {row.line}"):
                    self._report(f"line {row.line}", self._prepare_once(row))
        self._sum_up(len(rows))

    def _all_or_nothing(self, rows: list[Row]) -> None:
        jobs: list[tuple[Row, Job]] = []
        for row in self._until_hopeless(rows):
            with self._reporting(f"line {row.line}"):
                jobs.append((row, self._prepare_once(row)))
        if len(jobs) < len(rows):
            return
        with atomic_for(CognitoIdentity):
            for row, job in jobs:
                with self._reporting(f"line {row.line}"):
                    self._report(f"line {row.line}", job)
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

    def _report(self, label: str, job: Job) -> None:
        self.stdout.write(f"{label}: {self._perform(job)}")
        self.counts[job.change.value if isinstance(job, Plan) else "unlinked"] += 1

    @contextmanager
    def _reporting(self, label: str) -> Generator[None]:
        """Report what is wrong with one link, so that the next one has its turn."""
        try:
            yield
        except CommandError as error:
            self.stderr.write(f"{label}: {error}")
            self.failures = 0
        except CognitoMFAError as error:
            self.stderr.write(f"{label}: {failure(error)}")
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

    # -------------------------------------------------------------------------- a change of pools

    def _from_pool(self, pool_id: str) -> None:
        rows = CognitoIdentity.objects.filter(pool_id=pool_id).order_by("pk")
        number = 0 if pool_id == get_conf().USER_POOL_ID else rows.count()
        if not number:
            raise CommandError(_nobody_in(pool_id), returncode=REFUSED)
        if self.options["unlink"]:
            for key in list(rows.values_list("pk", flat=True)):
                if (identity := rows.select_related("user").filter(pk=key).first()) is not None:
                    self._end_of_former(identity)
        elif self.options["match"] is None:
            raise CommandError("Give --match or --unlink.", returncode=2)
        else:
            self._relink(pool_id, Match(self.options["match"]))
        self._sum_up(number)

    def _end_of_former(self, identity: CognitoIdentity) -> None:
        with self._reporting(display_name(identity.user)):
            require(permissions.LINK, self.actor, identity, dry_run=self.options["dry_run"])
            self._report(display_name(identity.user), identity)

    def _relink(self, pool_id: str, match: Match) -> None:
        try:
            for proposal in pool_change.propose(pool_id, match):
                label = display_name(proposal.identity.user)
                with self._reporting(label):
                    self._report(label, self._proposed(proposal))
        except (
            CognitoMFAError
        ) as error:  # while all users of the pool are read, before the first change
            raise CommandError(failure(error), returncode=NOT_DONE) from None

    def _proposed(self, proposal: Proposal) -> Plan:
        """Return what is to be done with a link of the former pool.

        Raises:
            CommandError: it is not clear whose it is, or not allowed.
        """
        if proposal.pool_user is None:
            unclear = LinkRefused(proposal.refusal or Reason.NOT_IN_POOL)
            raise CommandError(why(unclear, None), returncode=REFUSED)
        planned = None
        try:
            planned = links.plan(proposal.identity.user, proposal.pool_user)
            return self._checked(planned)
        except LinkRefused as refused:
            raise CommandError(why(refused, planned), returncode=REFUSED) from None

    def _sum_up(self, number: int) -> None:
        done = sum(self.counts.values())
        sums = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        would = "Would be: " if self.options["dry_run"] and sums else ""
        self.stdout.write(f"{would}{sums or 'Nothing done'}.")
        if done < number:
            left = number - done
            text = "1 user was not done." if left == 1 else f"{left} users were not done."
            raise CommandError(text, returncode=NOT_DONE if self.cognito_failed else REFUSED)


def _nobody_in(pool_id: str) -> str:
    if pool_id == get_conf().USER_POOL_ID:
        return "This is the user pool that the settings name. Give the id of the former one."
    former = pool_change.former_pools()
    others = ", ".join(f"{visible(name)} ({count})" for name, count in sorted(former.items()))
    text = f"No user is linked in the user pool {visible(pool_id)}."
    return f"{text} There are links in {others}." if others else text
