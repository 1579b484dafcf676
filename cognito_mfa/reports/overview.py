"""Counts the users who have set up MFA, for the overview in the admin and the report.

Counting reads whole tables, so it happens only on request and never in a page view. It never contacts Cognito.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from cognito_mfa.authenticator.code_attempts import LOCKED
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import current_rows
from cognito_mfa.enforcement import policy, rollout
from cognito_mfa.models import (
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
    OverviewSnapshot,
    SoftwareToken,
)
from cognito_mfa.values import clocks

WEEKS = 26
STALE_AFTER = dt.timedelta(days=30)  # what Cognito said is older, or was never asked for
RECENT = dt.timedelta(days=7)
MOST_GROUPS = 100
FORMAT = 2  # of OverviewSnapshot.numbers; rows of another one are not shown

Status = CognitoIdentity.Status


@dataclass(frozen=True, slots=True)
class Share:
    """The figures of a group of users. ``missing`` is ``people`` minus ``enabled`` minus ``exempt``.

    Attributes:
        name: the name of the group; empty for other sets of users.
        people: the number of active users.
        enabled: the users with a second factor: an authenticator app, or codes by text message or email.
        exempt: the users without a second factor but with a valid exemption.
    """

    people: int
    enabled: int
    exempt: int
    name: str = ""

    @property
    def missing(self) -> int:
        return self.people - self.enabled - self.exempt

    @property
    def percent(self) -> float | None:
        """Return the percentage of enabled users, rounded down; ``None`` if the group is empty."""
        return 1000 * self.enabled // self.people / 10 if self.people else None


@dataclass(frozen=True, slots=True)
class Week:
    """The number of authenticator apps that were set up in the week from a Monday."""

    monday: dt.date
    set_up: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """All figures of the overview.

    Attributes:
        all_users: all users who may sign in.
        required: the users who must use MFA; None if the policy is a function.
        staff: None when the site's users have no such columns.
        groups: the largest ones.
        statuses: identities of this pool by status, under the names of ``CognitoIdentity.Status``.
        unlinked: users who never signed in with this pool.
        stale: identities whose status is older than ``STALE_AFTER`` or was never asked for.
        exempted: users with a valid exemption, whether they have a second factor or not.
        weeks: the last ``WEEKS`` weeks, this one included.
        wrong_codes: of the last ``RECENT``.
        locks: how often code entry was locked after too many of them, in the same time.
        locked: the users whose code entry is locked now.
        unfinished_resets: now.
        would_block: users whom the middleware would have blocked in observe mode.
        would_block_recently: those of them who were seen within ``rollout.RECENT``.
        would_block_requests: the number of requests that would have been blocked.
    """

    all_users: Share
    required: Share | None
    staff: Share | None
    groups: tuple[Share, ...]
    statuses: Mapping[str, int]
    unlinked: int
    stale: int
    exempted: int
    weeks: tuple[Week, ...]
    wrong_codes: int
    locks: int
    locked: int
    unfinished_resets: int
    would_block: int
    would_block_recently: int
    would_block_requests: int

    @property
    def weeks_with_setups(self) -> tuple[Week, ...]:
        """Return the weeks from the first one with a setup; those before say nothing about a young site."""
        return tuple(itertools.dropwhile(lambda week: not week.set_up, self.weeks))


def count() -> OverviewSnapshot:
    """Count all figures and save them for the overview."""
    return OverviewSnapshot.objects.create(numbers=to_json(measure()))


def latest() -> OverviewSnapshot | None:
    """Return the last snapshot that ``read`` understands, or None."""
    return (
        OverviewSnapshot.objects.filter(numbers__format=FORMAT).order_by("-taken_at", "-pk").first()
    )


def measure() -> Numbers:
    """Count all figures with a few queries, each over a whole table."""
    now, pool = timezone.now(), get_conf().USER_POOL_ID
    shares, statuses, unlinked = _people(pool)
    identities = CognitoIdentity.objects.in_pool()
    jumped = Q(checked_at__gt=clocks.latest())
    old = Q(checked_at=None) | Q(checked_at__lt=now - STALE_AFTER) | jumped
    recent = MFAEvent.objects.filter(at__gte=now - RECENT)
    observations = rollout.summary()
    return Numbers(
        all_users=shares["all_users"],
        required=shares.get("required"),
        staff=shares.get("staff"),
        groups=_groups(pool),
        statuses=statuses,
        unlinked=unlinked,
        stale=identities.filter(old).count(),
        exempted=MFAExemption.objects.valid().aggregate(people=Count("user", distinct=True))[
            "people"
        ],
        weeks=_weeks(),
        wrong_codes=recent.filter(kind=MFAEvent.Kind.CODE_REJECTED).count(),
        locks=recent.filter(kind=MFAEvent.Kind.CODE_ENTRY_LOCKED).count(),
        locked=CodeFailures.objects.in_pool().filter(LOCKED).count(),
        unfinished_resets=MFAReset.objects.unfinished().count(),
        would_block=observations.people,
        would_block_recently=observations.recent,
        would_block_requests=observations.requests,
    )


def to_json(numbers: Numbers) -> dict[str, Any]:
    """Return ``numbers`` as JSON data for ``OverviewSnapshot.numbers`` and the report."""
    found = asdict(numbers)
    found["weeks"] = [{**week, "monday": week["monday"].isoformat()} for week in found["weeks"]]
    return {"format": FORMAT, **found}


def read(snapshot: OverviewSnapshot) -> Numbers:
    """Return the figures of a snapshot from ``latest``."""
    kept = {name: value for name, value in snapshot.numbers.items() if name != "format"}
    shares = {
        name: Share(**kept[name]) if kept[name] else None
        for name in ("all_users", "required", "staff")
    }
    groups = tuple(Share(**group) for group in kept["groups"])
    weeks = tuple(
        Week(dt.date.fromisoformat(week["monday"]), week["set_up"]) for week in kept["weeks"]
    )
    return Numbers(**{**kept, **shares, "groups": groups, "weeks": weeks})


def _people(pool: str) -> tuple[dict[str, Share], dict[str, int], int]:
    """Count the users by every criterion in one query."""
    subsets = {
        "all_users": Q(),
        "required": policy.applicable_users(),
        "staff": policy.staff_users(),
    }
    asked: dict[str, Any] = {}
    for name, subset in subsets.items():
        if subset is not None:
            asked |= {f"{name}_{what}": found for what, found in _share(pool, subset).items()}
    linked = Q(cognito_identity__pool_id=pool)
    for status in Status:
        asked[status] = Count("pk", filter=linked & Q(cognito_identity__status=status))
    found = _users().aggregate(**asked)
    shares = {
        name: Share(*(found[f"{name}_{what}"] for what in ("people", "enabled", "exempt")))
        for name, subset in subsets.items()
        if subset is not None
    }
    statuses = {status.value: found[status] for status in Status}
    return shares, statuses, shares["all_users"].people - sum(statuses.values())


def _users() -> QuerySet[Any]:
    return current_rows(get_user_model()).filter(policy.active_users()).order_by()


def _share(pool: str, subset: Q) -> dict[str, Count]:
    """Return the aggregates of a ``Share`` for the users that ``subset`` selects."""
    enabled = Q(cognito_identity__pool_id=pool) & CognitoIdentity.with_factor("cognito_identity__")
    excused = Q(pk__in=MFAExemption.objects.valid().order_by().values("user"))
    return {
        "people": Count("pk", filter=subset),
        "enabled": Count("pk", filter=subset & enabled),
        "exempt": Count("pk", filter=subset & excused & ~enabled),
    }


def _groups(pool: str) -> tuple[Share, ...]:
    """Count the members of the largest groups; nothing where the site's users have none."""
    try:
        field = get_user_model()._meta.get_field("groups")
    except FieldDoesNotExist:
        return ()
    if field.related_model is not Group:
        return ()
    members = _users().filter(groups__isnull=False).values("groups", "groups__name")
    counted = members.annotate(**_share(pool, Q())).order_by("-people", "groups")
    return tuple(
        Share(row["people"], row["enabled"], row["exempt"], row["groups__name"])
        for row in counted[:MOST_GROUPS]
    )


def _weeks() -> tuple[Week, ...]:
    """Count setups by week in the site's time zone, with comparisons only, which every database does fast."""
    today = timezone.localdate() if settings.USE_TZ else dt.datetime.now().date()  # noqa: DTZ005
    this_week = today - dt.timedelta(days=today.weekday())
    mondays = [this_week - dt.timedelta(weeks=ago) for ago in reversed(range(-1, WEEKS))]
    begins = [_midnight(monday) for monday in mondays]
    asked = {
        f"week_{number}": Count("pk", filter=Q(verified_at__gte=begin, verified_at__lt=end))
        for number, (begin, end) in enumerate(itertools.pairwise(begins))
    }
    found = SoftwareToken.objects.filter(verified_at__gte=begins[0]).order_by().aggregate(**asked)
    return tuple(
        Week(monday, found[f"week_{number}"]) for number, monday in enumerate(mondays[:-1])
    )


def _midnight(day: dt.date) -> dt.datetime:
    begin = dt.datetime.combine(day, dt.time.min)
    return timezone.make_aware(begin) if settings.USE_TZ else begin
