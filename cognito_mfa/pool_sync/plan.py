"""The plan of a run, and its results."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

# Four fifths of Cognito's quotas for UserRead, UserList, and UserResourceUpdate. The quotas are for all applications of
# the account in the Region ("Request quotas" in docs/costs.md).
RATE, LIST_RATE, UPDATE_RATE = 96.0, 24.0, 20.0
BATCH = 500  # users whose answers are written together; a killed run repeats no more
MAX_CONCURRENCY = 48  # calls at a time; below the connections that a client keeps
SHOWN = 1000  # users of each kind that Counts names


class Limiter(Protocol):
    """Paces calls of this process, and perhaps of others."""

    def acquire(self) -> object:
        """Return when another user may be checked."""


class Shard(NamedTuple):
    """Part ``number`` of ``of``: the users whose primary keys have the same remainder."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


WHOLE = Shard()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Which users to check, how fast, and what to write.

    Attributes:
        shard: the part of the users. The first one also compares the list of the pool's users with the rows.
        before: users who were checked since this moment are skipped; now, by default.
        limit: stop after this many users.
        seconds: stop after this time.
        rate: users a second, at most.
        concurrency: calls at a time; None for as many as the rate needs.
        dry_run: ask and compare, but write nothing.
        list_pool: whether to read the list of the pool's users, to find users who are disabled or not linked. Without
            it, each user is looked up separately, which is limited to ``LIST_RATE``.
        continued: whether an earlier part of the same run has read the list.
        set_preference: make Cognito ask again for the codes of authenticator apps whose preference was lost.
        finish_resets: finish interrupted resets first.
    """

    shard: Shard = WHOLE
    before: dt.datetime | None = None
    limit: int | None = None
    seconds: float | None = None
    rate: float = RATE
    concurrency: int | None = None
    dry_run: bool = False
    list_pool: bool = True
    continued: bool = False
    set_preference: bool = False
    finish_resets: bool = False

    @property
    def reads_list(self) -> bool:
        """Return whether this run reads the list of the pool's users."""
        return self.list_pool and self.shard.number == 1 and not self.continued


class Failed(NamedTuple):
    """A user about whom Cognito gave no answer. The row is unchanged."""

    username: str
    error: str


class Changed(NamedTuple):
    """A user whose row changed, or would change without ``dry_run``."""

    username: str
    before: str
    after: str


@dataclass(slots=True)
class Counts:
    """The results of a run.

    Attributes:
        total: users to check, as counted at the start.
        asked: users that Cognito answered about.
        failed: users that it did not answer about.
        overtaken: users who changed here while Cognito was asked, whose rows were left unchanged.
        changes: the number of users for each pair of old and new status, or DISABLED.
        changed: the first of them, with names.
        listed: users in the list of the pool, as far as it was read.
        list_complete: whether the list was read to its end.
        not_linked: users in that list who have no row here.
        unlinked: the first of them, with names.
        preferences: preferences that were set again.
        resets: interrupted resets that were finished.
        open_resets: those that still are not.
        trouble: why the run ended early; empty otherwise.
        list_trouble: why the list could not be read to its end; empty otherwise.
        preference_trouble: why no more preferences were set; empty otherwise.
        complete: whether every user was checked, and the list was read if the plan says so.
        stopped: whether the run was told to stop, or reached its limit.
        seconds: how long it took.
    """

    total: int = 0
    asked: int = 0
    failed: int = 0
    overtaken: int = 0
    changes: Counter[str] = field(default_factory=Counter)
    changed: list[Changed] = field(default_factory=list)
    listed: int = 0
    list_complete: bool = False
    not_linked: int = 0
    unlinked: list[str] = field(default_factory=list)
    preferences: int = 0
    resets: int = 0
    open_resets: int = 0
    trouble: str = ""
    list_trouble: str = ""
    preference_trouble: str = ""
    complete: bool = False
    stopped: bool = False
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values, for a task's result or JSON."""
        names = [name for name in self.__slots__ if name not in ("changes", "changed", "unlinked")]
        return {
            **{name: getattr(self, name) for name in names},
            "changes": dict(sorted(self.changes.items())),
            "changed": [one._asdict() for one in self.changed],
            "unlinked": list(self.unlinked),
        }


Progress = Callable[[Counts], object]
Told = Callable[[Failed | Changed], object]
