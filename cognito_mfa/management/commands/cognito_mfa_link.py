"""Link users of the site to users of the user pool, move such links, or remove them."""

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
from cognito_mfa.pool_sync.pacing import TokenBucket
from cognito_mfa.pool_sync.plan import LIST_RATE
from cognito_mfa.reports.escaping import visible

GIVE_UP_AFTER = 10  # failures in a row; Cognito or the network is the likely cause


class Command(BaseCommand):
    help = (
        "Links users of this site to users of the user pool, or moves or removes such links: one user, the users in a CSV "
        "file, or all users after a change of user pools. Looks the users up in Cognito. Can also link staff and superusers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("user", nargs="?", metavar="USER", help="username on this site")
        parser.add_argument("--username", metavar="NAME", help="username in the user pool")
        parser.add_argument(
            "--email", metavar="ADDRESS", help="verified email address in the user pool"
        )
        parser.add_argument("--sub", help="sub in the user pool")
        parser.add_argument(
            "--csv",
            metavar="FILE",
            help="link the users in a file with the columns user and username, email, or sub (- for standard input)",
        )
        parser.add_argument(
            "--from-pool",
            metavar="POOL_ID",
            help="relink all users linked to a former user pool (see --match)",
        )
        parser.add_argument(
            "--match",
            choices=[match.value for match in Match],
            help="what identifies users in both pools: an address verified by both, or the username",
        )
        parser.add_argument(
            "--unlink",
            action="store_true",
            help="remove the link of USER, of the users in FILE, or of all users of POOL_ID",
        )
        parser.add_argument(
            "--move", action="store_true", help="replace an existing link of either user"
        )
        parser.add_argument(
            "--atomic",
            action="store_true",
            help="change nothing unless every row of FILE can be linked",
        )
        parser.add_argument(
            "--preview",
            action="store_true",
            help="list all users of the user pool and whom USER_RESOLVER would link them to, without changing anything",
        )
        parser.add_argument(
            "--format",
            choices=link_preview.FORMATS,
            default="table",
            help="output format of --preview (default: %(default)s)",
        )
        parser.add_argument(
            "--reason",
            help="reason, stored with the event; required with --move, --unlink, --from-pool, and --by",
        )
        parser.add_argument(
            "--by", metavar="STAFF", help="staff user who links; must have the permission"
        )
        parser.add_argument(
            "--no-email", action="store_true", help="do not notify the users by email"
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="show what would be done without doing it"
        )

    def handle(self, *, user: str | None, **options: Any) -> None:
        self.options = options
        modes = [user is not None, options["preview"]]
        modes += [options[name] is not None for name in ("csv", "from_pool")]
        if sum(modes) != 1:
            raise CommandError(
                "Specify one of USER, --csv, --from-pool, or --preview.", returncode=2
            )
        if options["preview"]:
            self._preview(options["format"])
            return
        self.reason = clean_reason(options["reason"])
        changes = ("move", "unlink", "from_pool", "by")
        if not self.reason and any(options[name] for name in changes):
            raise CommandError("--reason is required.", returncode=2)
        self.actor = find_actor(options["by"])
        self.counts: Counter[str] = Counter()
        self.pace = TokenBucket(LIST_RATE)
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
                "Specify --username, --email, or --sub, or else --unlink.", returncode=2
            )
        try:
            self.stdout.write(self._perform(self._prepare(row)))
        except CognitoMFAError as error:
            raise CommandError(failure(error), returncode=NOT_DONE) from None

    def _prepare(self, row: Row) -> Job:
        """Return the change for a row, after checking that it is possible and allowed.

        Raises:
            CommandError: it is not possible or not allowed.
            CognitoMFAError: Cognito did not respond.
        """
        if self.options["unlink"]:
            return self._linked(row.user)
        user, planned = find_site_user(row.user), None
        try:
            pool_user = links.find_in_pool(username=row.username, email=row.email, sub=row.sub)
            planned = links.plan(user, pool_user)
            return self._checked(planned)
        except LinkRefused as refused:
            raise CommandError(why(refused, planned, row), returncode=REFUSED) from None

    def _checked(self, planned: Plan) -> Plan:
        """Return the plan, after checking that it is allowed.

        Raises:
            CommandError: the actor may not do it.
            LinkRefused: another link exists.
        """
        try:
            links.check(planned, actor=self.actor, move=self._moves(planned))
        except ActionDenied as denied:
            raise refusal(denied, dry_run=self.options["dry_run"]) from None
        return planned

    def _moves(self, planned: Plan) -> bool:
        """Return whether an existing link may be replaced, as --move and --from-pool allow."""
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
        """Apply the change, unless this is a dry run, and return a sentence about it.

        Raises:
            CommandError: something has changed since the job was prepared; nothing was done.
        """
        text = told(job, dry_run=self.options["dry_run"])
        if self.options["dry_run"]:
            return text
        given = {
            "actor": self.actor,
            "reason": self.reason,
            # A change of user pools concerns all users, so the site announces it itself.
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
        """Prepare a row, unless an earlier row is about the same user on either side."""
        if not self.options["unlink"]:
            self.pace.acquire()  # each row reads the pool's list
        job = self._prepare(row)
        keys: list[object] = [("user", job.user.pk)]
        keys += [job.pool_user.sub] if isinstance(job, Plan) else []
        for key in keys:
            if key in self.seen:
                text = f"This user is already in line {self.seen[key]}."
                raise CommandError(text, returncode=REFUSED)
        self.seen |= dict.fromkeys(keys, row.line)
        return job

    def _report(self, label: str, job: Job) -> None:
        self.stdout.write(f"{label}: {self._perform(job)}")
        self.counts[job.change.value if isinstance(job, Plan) else "unlinked"] += 1

    @contextmanager
    def _reporting(self, label: str) -> Generator[None]:
        """Report an error about one link, and continue with the next."""
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
        """Yield the rows, and stop when Cognito would fail for the remaining ones too."""
        for row in rows:
            if self.failures >= GIVE_UP_AFTER:
                self.stderr.write(f"line {row.line}: Skipped, with all following lines.")
                return
            yield row

    # -------------------------------------------------------------------------- a change of pools

    def _from_pool(self, pool_id: str) -> None:
        rows = CognitoIdentity.objects.filter(pool_id=pool_id).order_by("pk")
        number = 0 if pool_id == get_conf().USER_POOL_ID else rows.count()
        if not number:
            raise CommandError(_no_links(pool_id), returncode=REFUSED)
        if self.options["unlink"]:
            for key in list(rows.values_list("pk", flat=True)):
                if (identity := rows.select_related("user").filter(pk=key).first()) is not None:
                    self._end_of_former(identity)
        elif self.options["match"] is None:
            raise CommandError("Specify --match or --unlink.", returncode=2)
        else:
            self._relink(pool_id, Match(self.options["match"]))
        self._sum_up(number)

    def _end_of_former(self, identity: CognitoIdentity) -> None:
        with self._reporting(display_name(identity.user)):
            require(permissions.LINK, self.actor, identity, dry_run=self.options["dry_run"])
            self._report(display_name(identity.user), identity)

    def _relink(self, pool_id: str, match: Match) -> None:
        try:
            for proposal in pool_change.propose(pool_id, match, pace=self.pace.acquire):
                label = display_name(proposal.identity.user)
                with self._reporting(label):
                    self._report(label, self._proposed(proposal))
        except (
            CognitoMFAError
        ) as error:  # while all users of the pool are read, before the first change
            raise CommandError(failure(error), returncode=NOT_DONE) from None

    def _proposed(self, proposal: Proposal) -> Plan:
        """Return the change for a link to the former pool.

        Raises:
            CommandError: the user of the new pool is unclear, or the change is not allowed.
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
        self.stdout.write(f"{would}{sums or 'No changes'}.")
        if done < number:
            left = number - done
            text = "1 user was not changed." if left == 1 else f"{left} users were not changed."
            raise CommandError(text, returncode=NOT_DONE if self.cognito_failed else REFUSED)


def _no_links(pool_id: str) -> str:
    if pool_id == get_conf().USER_POOL_ID:
        return "This is the current USER_POOL_ID. Specify the id of the former user pool."
    former = pool_change.former_pools()
    others = ", ".join(f"{visible(name)} ({count})" for name, count in sorted(former.items()))
    text = f"No users are linked to the user pool {visible(pool_id)}."
    return f"{text} There are links to {others}." if others else text
