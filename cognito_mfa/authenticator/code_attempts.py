"""Counts each user's wrong codes, and limits the attempts: waits, and in the end a lock.

Cognito's own lock lets an attacker who knows the password try about 1,000 codes a day, without an end, and none is
documented for the setup ("Wrong codes" in ``docs/cognito-behavior.md``). This module counts failures in a row across
sessions, processes, and addresses, at the challenge, the setup, and the re-authentication together. Only a right code
or an administrator resets the counter. Time does not.

Administrators cannot reset the second counter, the total: after 100 wrong codes without a right one, the user must
set up a new authenticator app, as NIST SP 800-63B-4 section 3.2.2 requires.

Failures are counted by the ``sub``, and by username only while the ``sub`` is unknown: a username may be given
to another user later. No stranger can use up the attempts: Cognito asks for a code only after it has accepted
the password.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import NamedTuple

from django.db import IntegrityError
from django.db.models import F, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.utils import timezone

from cognito_mfa import signals
from cognito_mfa.authenticator import (
    emails,
    identity_lookup,
    username_reuse,
    wrong_code_alerts,
)
from cognito_mfa.authenticator.identity_lookup import ChallengedUser, ExpectedIdentity
from cognito_mfa.cognito.types import MFA_SETUP
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for
from cognito_mfa.exceptions import BadCode, Busy, BusyReason, CodeAttemptsLocked
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent
from cognito_mfa.monitoring import log_events
from cognito_mfa.values import clocks

FREE_ATTEMPTS = 5  # wrong codes without a wait
FIRST_WAIT = 30  # seconds, after the last free one; then twice as long each time
MAX_WAIT = 3600
MAX_ATTEMPTS = 100  # NIST SP 800-63B-4 §3.2.2
# Selects the counters at which no more codes are accepted.
LOCKED = Q(failures__gte=MAX_ATTEMPTS) | Q(total__gte=MAX_ATTEMPTS)
_MAX_RACES = 1000  # updates that one attempt may lose, each to another attempt


class Attempt(NamedTuple):
    """An attempt at a code, which counts as a failure until it is known not to be one.

    Attributes:
        counter: selects the counter: its key, or the ``sub`` where it was not read.
        failures: which failure in a row this is, if it is one; no two attempts at once get the same.
        total: likewise, whatever an administrator cleared.
        is_by_name: whether it is counted by the username.
    """

    counter: Q
    failures: int
    total: int
    is_by_name: bool

    @property
    def is_last(self) -> bool:
        """Whether no more codes are accepted after this one, if it is wrong."""
        return max(self.failures, self.total) == MAX_ATTEMPTS


@contextmanager
def attempt(request: HttpRequest, *, user: ChallengedUser, method: str) -> Generator[Attempt]:
    """Count an attempt, let the block send one code, and record it if it was wrong.

    Args:
        request: the request that carries the code.
        user: whose code it is.
        method: Cognito's name of the challenge.

    Raises:
        Busy: too soon after a wrong code; nothing was sent.
        CodeAttemptsLocked: too many wrong codes; nothing was sent.
    """
    user, count = _reserve_for(user, method)
    with sending(request, count, whose=lambda: user, method=method):
        yield count


def count_expected(expected: ExpectedIdentity) -> Attempt | None:
    """Count an attempt if nothing is counted, and ``expected`` has not changed since the password.

    One statement. The caller sends the code inside ``sending``.

    Returns:
        The attempt; None where one of the two is not so, and ``attempt`` must find out which.
    """
    sub = expected.sub
    counted = _count_first(sub, expected.is_current)
    return Attempt(_of_sub(sub), 1, 1, is_by_name=False) if counted else None


@contextmanager
def sending(
    request: HttpRequest, count: Attempt, *, whose: Callable[[], ChallengedUser], method: str
) -> Generator[Attempt]:
    """Send one code inside, which was counted before; it is recorded if it was wrong.

    Args:
        request: the request that carries the code.
        count: the attempt.
        whose: returns whose code it is; asked only about a wrong one.
        method: Cognito's name of the challenge.
    """
    try:
        with _counted(count):
            yield count
    except BadCode:
        _record_wrong_code(request, _identity_to_record(whose(), method), method, count)
        raise


@contextmanager
def count_attempt(
    username: str, *, sub: str = "", secret_was_shown: bool = False
) -> Generator[Attempt]:
    """Count the block as one attempt at a code.

    A wrong code stays counted. A right one takes back what was counted up to it, not what failed
    in the meantime. Anything else (throttled, unreachable, expired) was no guess, and is not counted.

    Args:
        username: the pool's own name of the user.
        sub: the user's, where it is known.
        secret_was_shown: whether the page showed the secret, as in a setup, so that nothing can be guessed.

    Raises:
        Busy: too soon after the last wrong code; Cognito is not asked.
        CodeAttemptsLocked: too many wrong codes; only an administrator unlocks them.
    """
    count = _reserve(username, sub, forgives=secret_was_shown and not sub)
    with _counted(count):
        yield count


@contextmanager
def _counted(count: Attempt) -> Generator[None]:
    """Take ``count`` back, unless the code inside was wrong."""
    try:
        yield
    except BadCode:
        raise
    except BaseException:
        _release(count, 1, 1)
        raise
    _release(count, count.failures, count.total)


class Counts(NamedTuple):
    """A user's counters: ``failures`` in a row, and ``total``, which administrators cannot reset."""

    failures: int
    total: int
    last_at: dt.datetime | None


def counts(username: str, *, sub: str = "") -> Counts:
    """Return the highest counts that may belong to a user, by ``sub`` or, until it is known, by username.

    Args:
        username: the pool's own name of the user.
        sub: the user's, where it is known.
    """
    rows = list(CodeFailures.objects.filter(pk__in=_keys(username, sub)))
    return Counts(
        max((row.failures for row in rows), default=0),
        max((row.total for row in rows), default=0),
        max((row.last_at for row in rows), default=None),
    )


def failures(username: str, *, sub: str = "") -> int:
    """Return how many codes in a row were wrong.

    Args:
        username: the pool's own name of the user.
        sub: the user's; without one the counter of the username is read.
    """
    row = _found(username, sub)
    return row.failures if row else 0


def unlock(username: str, *, sub: str = "") -> bool:
    """Accept codes again at once, and leave the total as it is.

    Args:
        username: the pool's own name of the user.
        sub: the user's, where it is known.

    Returns:
        False where the total is reached, so that only a new authenticator helps.
    """
    rows = CodeFailures.objects.filter(pk__in=_keys(username, sub))
    rows.filter(total__lt=MAX_ATTEMPTS).update(failures=0, last_at=timezone.now())
    return not rows.filter(total__gte=MAX_ATTEMPTS).exists()


def clear(username: str, *, sub: str = "") -> None:
    """Reset all counters of a user whose authenticator app is gone.

    Args:
        username: the pool's own name of the user.
        sub: by default that of the user who has the name now.
    """
    if not sub:
        current = identity_lookup.by_username(username)
        sub = current.sub if current else ""
    CodeFailures.objects.filter(pk__in=_keys(username, sub)).update(
        failures=0, total=0, last_at=timezone.now()
    )


def move_to_sub(username: str, sub: str) -> None:
    """Move what was counted by the username to the counter of the ``sub``.

    After a right code, that is what failed in the meantime.

    Args:
        username: the user's, from Cognito's tokens.
        sub: the user's, from the same tokens.
    """
    by_name = _found(username, "")
    if by_name is None:
        return
    rows = CodeFailures.objects.filter(pk=by_name.pk)
    try:
        with atomic_for(CodeFailures):
            rows.update(sub=sub)
    except IntegrityError:  # there is one already
        with atomic_for(CodeFailures):
            left = rows.select_for_update().first()
            if left is not None:
                CodeFailures.objects.filter(pool_id=left.pool_id, sub=sub).update(
                    failures=F("failures") + left.failures, total=F("total") + left.total
                )
                left.delete()


def wait_after(count: int) -> float:
    """Return the seconds to wait after ``count`` failures in a row."""
    if count < FREE_ATTEMPTS:
        return 0.0
    return float(min(FIRST_WAIT * 2 ** min(count - FREE_ATTEMPTS, 20), MAX_WAIT))


def _found(username: str, sub: str) -> CodeFailures | None:
    """Return the counter of ``sub``; without one the counter of the username."""
    rows = CodeFailures.objects.in_pool().filter(sub=sub)
    if sub:
        return next((row for row in rows if row.sub == sub), None)
    return next((row for row in rows.filter(username=username) if row.username == username), None)


def _keys(username: str, sub: str) -> list[int]:
    """Return the keys of all counters that may be of ``sub``; without one that of the username.

    Setups are counted by username even for known users, because their challenge tells nothing else.
    """
    current = identity_lookup.by_username(username) if sub else None
    rows = [_found(username, sub)]
    if current is not None and current.sub == sub:
        rows.append(_found(username, ""))
    return [row.pk for row in rows if row is not None]


def _row(username: str, sub: str) -> CodeFailures:
    named = {"username": username}
    keys = {"sub": sub, "defaults": named} if sub else {"sub": "", **named}
    row, _made = CodeFailures.objects.get_or_create(pool_id=get_conf().USER_POOL_ID, **keys)
    return row


def _with_plausible_time(row: CodeFailures) -> CodeFailures:
    now = timezone.now()
    if row.last_at > now:
        # By a clock that is ahead of ours. The wait begins now; else it would end when that clock says.
        CodeFailures.objects.filter(pk=row.pk, last_at=row.last_at).update(last_at=now)
        row.last_at = now
    return row


def _reserve_for(user: ChallengedUser, method: str) -> tuple[ChallengedUser, Attempt]:
    """Count one attempt of ``user``, before it is made.

    An identity that was found by username may be a former user's. Cognito is asked whether that ``sub`` is gone
    only when its counter refuses the code.

    Args:
        user: whose code it is.
        method: Cognito's name of the challenge.

    Returns:
        Whose code it is, without a former user's identity, and the attempt.
    """
    was_shown = method == MFA_SETUP
    sub = _counted_sub(user, method)
    try:
        return user, _reserve(user.username, sub, forgives=was_shown and not sub)
    except (Busy, CodeAttemptsLocked):
        found_by_name = None if user.sub or was_shown else user.identity
        if not found_by_name or not username_reuse.belongs_to_former_user(user, found_by_name):
            raise
    user = identity_lookup.challenged_user(user.username, user.device)
    return user, _reserve(user.username, _counted_sub(user, method), forgives=False)


def _reserve(username: str, sub: str, *, forgives: bool) -> Attempt:
    """Count one attempt before it is made, so that many at once cannot all slip through."""
    if sub and _count_first(sub):
        return Attempt(_of_sub(sub), 1, 1, is_by_name=False)
    for _try in range(_MAX_RACES):
        row = _with_plausible_time(_row(username, sub))
        # Only if the row is still as it was read: a lock would be held while Cognito answers.
        unchanged = CodeFailures.objects.filter(
            pk=row.pk, failures=row.failures, total=row.total, last_at=row.last_at
        )
        if forgives and _waited(row) > MAX_WAIT:
            row.failures = row.total = 0  # maybe those of a former user of that name
        _refuse_if_too_many(row)
        mine = Attempt(Q(pk=row.pk), row.failures + 1, row.total + 1, is_by_name=not sub)
        if unchanged.update(failures=mine.failures, total=mine.total, last_at=timezone.now()):
            return mine
    raise Busy(reason=BusyReason.TOO_MANY_AT_ONCE)


def _count_first(sub: str, *conditions: RawSQL) -> bool:
    """Count an attempt of ``sub`` if nothing is counted, and return whether that was so.

    It is so at most sign-ins. The SQL in ``conditions`` must hold, too.

    No wait applies then, so nothing needs to be read.
    """
    untouched = CodeFailures.objects.filter(_of_sub(sub), *conditions, failures=0, total=0)
    return bool(untouched.update(failures=1, total=1, last_at=timezone.now()))


def _of_sub(sub: str) -> Q:
    return Q(pool_id=get_conf().USER_POOL_ID, sub=sub)


def _waited(row: CodeFailures) -> float:
    return clocks.seconds_since(row.last_at) or 0.0


def _refuse_if_too_many(row: CodeFailures) -> None:
    if max(row.failures, row.total) >= MAX_ATTEMPTS:
        raise CodeAttemptsLocked
    left = wait_after(row.failures) - _waited(row)
    if left > 0:
        raise Busy(reason=BusyReason.TOO_MANY_FAILURES, retry_after=int(left) + 1)


def _release(attempt: Attempt, in_a_row: int, in_total: int) -> None:
    """Subtract failures, but not below zero, because an administrator may have cleared them."""
    untouched = CodeFailures.objects.filter(
        attempt.counter, failures=attempt.failures, total=attempt.total
    )
    # Nearly always so, and Django builds SQL faster from plain numbers.
    left = {"failures": attempt.failures - in_a_row, "total": attempt.total - in_total}
    if untouched.update(**left):
        return
    CodeFailures.objects.filter(attempt.counter).update(
        failures=Greatest(F("failures") - in_a_row, 0), total=Greatest(F("total") - in_total, 0)
    )


def _counted_sub(user: ChallengedUser, method: str) -> str:
    """Return the ``sub`` whose counter it is; empty for that of the username.

    In a setup whose user is known by username alone, an identity of that name may be a former user's, whose
    wrong codes must not count here. A counter of its own loses nothing: the page shows the secret.
    """
    if user.sub or method == MFA_SETUP or user.identity is None:
        return user.sub
    return user.identity.sub


def _identity_to_record(user: ChallengedUser, method: str) -> CognitoIdentity | None:
    """Return the identity that a wrong code is recorded with; None where it is a former user's.

    By username alone, a former user of that name would be written to. Where the site may not ask Cognito
    whether they are gone, a warning too many does less harm than one too few.
    """
    identity = user.identity
    if user.sub or identity is None:
        return identity
    if method == MFA_SETUP or username_reuse.belongs_to_former_user(user, identity):
        return None
    return identity


def _record_wrong_code(
    request: HttpRequest, identity: CognitoIdentity | None, method: str, count: Attempt
) -> None:
    if identity is not None:
        wrong_code_alerts.record(
            request, identity, method, is_last_free=count.failures == FREE_ATTEMPTS
        )
        if count.is_last:
            with atomic_for(MFAEvent):
                MFAEvent.objects.record(MFAEvent.Kind.CODE_ENTRY_LOCKED, identity)
                emails.send("code_entry_locked", identity)
    log_events.write("code_rejected", user=identity.user_id if identity else None, method=method)
    signals.send(signals.code_rejected, request=request, identity=identity, method=method)
