"""Reads the list of the pool's users, and compares it with the rows: who is disabled or not linked.

A page of 60 users is one call. Asking for each user would be 60 calls of a quota of 30 a second. A user who is missing
from the list is not treated as disabled or deleted, because the list lags behind.
"""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import Any, NamedTuple

from django.utils import timezone

from cognito_mfa.authenticator import observation
from cognito_mfa.cognito import admin_api, user_directory
from cognito_mfa.cognito.user_directory import PoolUser
from cognito_mfa.databases import atomic_for
from cognito_mfa.exceptions import Busy, CognitoMFAError, Unavailable
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pool_sync.pacing import TokenBucket
from cognito_mfa.pool_sync.plan import LIST_RATE, SHOWN, Counts, Plan
from cognito_mfa.pool_sync.writing import Writer, persistently

ATTEMPTS = 30  # for each page, a second apart, until Cognito is back
AHEAD = 2  # pages that wait to be compared
WAIT = 0.5  # seconds between two checks of whether the run is over


class Page(NamedTuple):
    """A page of the list.

    Attributes:
        asked_at: a moment before Cognito answered.
        users: on it.
        error: why there is no page; no other one follows.
        is_last: whether no other page follows.
    """

    asked_at: dt.datetime
    users: list[PoolUser]
    error: Exception | None = None
    is_last: bool = False


class Lister:
    """Reads the pages in a separate thread, which only calls Cognito."""

    def __init__(self, pace: TokenBucket | None = None) -> None:
        """Prepare, without starting the thread yet.

        Args:
            pace: of the pages, and of all other calls of ListUsers in this run.
        """
        self.pace = pace or TokenBucket(LIST_RATE)
        self._pages: Queue[Page] = Queue(AHEAD)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read_all, name="cognito-mfa-list", daemon=True)
        self.is_done = False

    def start(self) -> None:
        """Start to read pages."""
        self._thread.start()

    def page(self, *, wait: float = 0.0) -> Page | None:
        """Return the next page; None if there was none in time.

        Args:
            wait: the number of seconds.
        """
        try:
            page = self._pages.get(timeout=wait) if wait else self._pages.get_nowait()
        except Empty:
            return None
        self.is_done = page.is_last
        return page

    def close(self) -> None:
        """Stop reading pages."""
        self._closing.set()

    def _read_all(self) -> None:
        token: object = None
        page = None
        while not (self._closing.is_set() or (page is not None and page.is_last)):
            page, token = self._read(token)
            self._hand_over(page)

    def _read(self, token: object) -> tuple[Page, object]:
        try:
            return self._try(token)
        except Exception as error:  # noqa: BLE001 - handled in the calling thread
            return Page(timezone.now(), [], error, is_last=True), None

    def _try(self, token: object) -> tuple[Page, object]:
        for left in reversed(range(ATTEMPTS)):
            self.pace.acquire()
            asked_at = timezone.now()
            try:
                users, following = user_directory.page(token)
            except (Busy, Unavailable):
                self.pace.slow_down()
                if not left or self._closing.is_set():
                    raise
            else:
                return Page(asked_at, users, is_last=following is None), following
        raise AssertionError("unreachable")

    def _hand_over(self, page: Page) -> None:
        while not self._closing.is_set():
            with suppress(Full):
                self._pages.put(page, timeout=WAIT)
                return


class _Row(NamedTuple):
    pk: Any
    sub: str
    username: str
    status: str
    disabled_at: dt.datetime | None
    checked_at: dt.datetime | None


def compare(page: Page, plan: Plan, counts: Counts, writer: Writer, pace: TokenBucket) -> None:
    """Compare a page with the rows, and record which users were disabled or enabled since.

    Args:
        page: of the list.
        plan: of the run.
        counts: where users without a row are counted.
        writer: counts the changes.
        pace: of ListUsers, which is called again for some of the users.
    """
    if page.error is not None:
        _count_error(page.error, counts)
        return
    users = {user.sub: user for user in page.users}
    listed = CognitoIdentity.objects.in_pool().filter(sub__in=list(users))
    found = persistently(lambda: list(listed.values_list(*_Row._fields)))
    # Compared here, exactly, because some databases ignore case.
    rows = [row for row in map(_Row._make, found) if row.sub in users]
    counts.listed += len(users)
    linked = {row.sub for row in rows}
    for user in page.users:
        if user.sub not in linked:
            counts.not_linked += 1
            if len(counts.unlinked) < SHOWN:
                counts.unlinked.append(user.username)
    for row in rows:
        enabled = users[row.sub].enabled
        if _is_news(row, page, enabled, pace):
            _record_news(row, enabled, plan, writer)


def _count_error(error: Exception, counts: Counts) -> None:
    if not isinstance(error, CognitoMFAError):
        raise error
    counts.list_trouble = f"{error.hint or error}"


def _is_news(row: _Row, page: Page, enabled: bool, pace: TokenBucket) -> bool:
    """Return whether the row must be changed, because Cognito says ``enabled``."""
    if enabled == (row.disabled_at is None):
        return False
    is_older = row.checked_at is not None and row.checked_at > page.asked_at
    return not is_older or _is_still(row, enabled, pace)


def _record_news(row: _Row, enabled: bool, plan: Plan, writer: Writer) -> None:
    if plan.dry_run or persistently(lambda: _record(row, enabled)):
        words = (row.status, "DISABLED")
        writer.count(row.username, *(reversed(words) if enabled else words))


def _is_still(row: _Row, enabled: bool, pace: TokenBucket) -> bool:
    """Return whether Cognito still says so, because a sign-in since the page may know better.

    This run may also have checked the row, which reads factors and does not show this. If it has checked all users of
    the page, that takes a call for each of them.
    """
    pace.acquire()
    try:
        return admin_api.is_enabled(row.sub) == enabled
    except Busy:
        pace.slow_down()
    except CognitoMFAError:
        pass
    return False  # the next run sees it


def _record(row: _Row, enabled: bool) -> bool:
    with atomic_for(CognitoIdentity):
        identity = CognitoIdentity.objects.select_for_update().filter(pk=row.pk).first()
        if identity is None or identity.checked_at != row.checked_at:
            return False
        observation.record_enabled(identity, enabled=enabled)
    return True
