"""Writes many answers together, but none over a change since the row was read."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from django.db import InterfaceError, OperationalError, connections, router
from django.utils import timezone

from cognito_mfa.authenticator import observation
from cognito_mfa.authenticator.observation import Known, Observation
from cognito_mfa.databases import atomic_for
from cognito_mfa.models import CognitoIdentity, MFAEvent, RecoveryCode
from cognito_mfa.pool_sync.asking import Answer
from cognito_mfa.pool_sync.plan import SHOWN, Changed, Counts, Plan, Told

Status = CognitoIdentity.Status

# Tries of a query that the database refuses because of another one (a deadlock, a locked file) or a restart: for half a
# minute in all.
ATTEMPTS = 11
PAUSE = 0.2  # seconds, doubled each time
LONGEST_PAUSE = 5.0  # seconds
# Rows whose proofs end in one transaction, because each commit takes time, and sign-ins of these users wait for it.
TOGETHER = 20

_Result = TypeVar("_Result")


class Judged(NamedTuple):
    """A row as it was read, and the meaning of Cognito's answer for it.

    Attributes:
        known: the row.
        seen: what the answer means.
        enabled: whether the pool lets the user sign in; None if that was not asked.
    """

    known: Known
    seen: Observation
    enabled: bool | None

    @property
    def is_unchanged(self) -> bool:
        """Return whether the row already says the same."""
        return self.seen == (
            self.known.status,
            self.known.preferred_factor,
            self.known.unconfirmed,
        )

    @property
    def is_alone(self) -> bool:
        """Return whether the row is written separately, because proofs end or the user is disabled or enabled."""
        return observation.ends_proofs(self.known, self.seen) or self.changes_enabled

    @property
    def changes_enabled(self) -> bool:
        """Return whether the user was disabled or enabled since."""
        return self.enabled is not None and self.enabled == bool(self.known.disabled_at)


class Writer:
    """Writes answers in batches, and counts what changed."""

    def __init__(
        self,
        plan: Plan,
        counts: Counts,
        told: Told | None,
        list_may_be_incomplete: Callable[[], bool],
    ) -> None:
        """Prepare, without writing anything yet.

        Args:
            plan: of the run.
            counts: gets the changes.
            told: called for each of them.
            list_may_be_incomplete: as for ``observation.observe``.
        """
        self._plan, self._counts, self._told = plan, counts, told
        self._list_may_be_incomplete = list_may_be_incomplete

    def write(self, answers: Iterable[Answer]) -> list[Known]:
        """Write the answers.

        Returns:
            The rows that changed since they were read, which are not written.
        """
        judged = [self._judge(answer) for answer in answers]
        if self._plan.dry_run:
            written = judged
        else:
            written = persistently(lambda: _write_together([o for o in judged if not o.is_alone]))
            alone = sorted((one for one in judged if one.is_alone), key=lambda one: one.known.pk)
            for first in range(0, len(alone), TOGETHER):
                part = alone[first : first + TOGETHER]
                written += persistently(partial(_write_one_by_one, part))
        for one in written:
            self._count(one)
        kept = {one.known.pk for one in written}
        return [one.known for one in judged if one.known.pk not in kept]

    def count(self, username: str, before: str, after: str) -> None:
        """Count a change.

        Args:
            username: of the user.
            before: the status before, or DISABLED.
            after: the status after it.
        """
        self._counts.changes[f"{before} -> {after}"] += 1
        changed = Changed(username, before, after)
        if len(self._counts.changed) < SHOWN:
            self._counts.changed.append(changed)
        if self._told is not None:
            self._told(changed)

    def _judge(self, answer: Answer) -> Judged:
        known = answer.known
        seen = observation.observe(known, answer.factors, self._list_may_be_incomplete)
        enabled = True if answer.factors is None else answer.enabled
        return Judged(known, seen, enabled)

    def _count(self, one: Judged) -> None:
        self._counts.asked += 1
        was_disabled = one.known.disabled_at is not None
        is_disabled = was_disabled if one.enabled is None else not one.enabled
        before = "DISABLED" if was_disabled else str(one.known.status)
        after = "DISABLED" if is_disabled else str(one.seen.status)
        if before != after:
            self.count(one.known.username, before, after)


def persistently(work: Callable[[], _Result]) -> _Result:
    """Return what ``work`` returns.

    If the database refuses the work, because of another write or a short outage, this tries again.
    """
    connection = connections[router.db_for_write(CognitoIdentity)]
    for attempt in range(ATTEMPTS - 1):
        try:
            return work()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            connection.close_if_unusable_or_obsolete()
            time.sleep(min(PAUSE * 2**attempt, LONGEST_PAUSE))
    return work()


def _write_together(judged: Sequence[Judged]) -> list[Judged]:
    """Write rows in one transaction, and return those that had not changed since they were read."""
    if not judged:
        return []
    with atomic_for(CognitoIdentity):
        rows = CognitoIdentity.objects.filter(pk__in=[one.known.pk for one in judged])
        # In the order of the keys, so that two transactions cannot wait for each other.
        found = observation.fingerprints(rows.select_for_update().order_by("pk"))
        same = [one for one in judged if found.get(one.known.pk) == one.known.fingerprint]
        _update([one for one in same if one.is_unchanged])
        changed: dict[Observation, list[Judged]] = defaultdict(list)
        for one in same:
            if not one.is_unchanged:
                changed[one.seen].append(one)
        for seen, group in changed.items():
            _update(group, **seen._asdict())
            _record(group)
    return same


def _update(group: Sequence[Judged], **values: str) -> None:
    if group:
        keys = [one.known.pk for one in group]
        rows = CognitoIdentity.objects.filter(pk__in=keys)
        rows.update(checked_at=timezone.now(), **values)


def _record(group: Sequence[Judged]) -> None:
    """Record the events of rows whose status changed. Recovery codes end with the authenticator app."""
    moved = [one for one in group if one.seen.status != one.known.status]
    if not moved:
        return
    if moved[0].seen.status in (Status.NOT_SET_UP, Status.GONE):
        keys = [one.known.pk for one in moved]
        RecoveryCode.objects.filter(identity__in=keys).delete()
    MFAEvent.objects.record_status_changes(
        (one.known, observation.change(one.known, one.seen)) for one in moved
    )


def _write_one_by_one(judged: Sequence[Judged]) -> list[Judged]:
    """Write rows whose proofs end or whose user was disabled, and return those that had not changed."""
    with atomic_for(CognitoIdentity):
        return [one for one in judged if _write_one(one)]


def _write_one(one: Judged) -> bool:
    identity = CognitoIdentity.objects.filter(pk=one.known.pk).first()
    if identity is None or not observation.record(identity, one.known, one.seen):
        return False
    if one.changes_enabled:
        observation.record_enabled(identity, enabled=bool(one.enabled))
    return True
