"""How many codes a person may get wrong: counted for each person, wherever they try.

Cognito's own lock lets somebody who knows the password try about a thousand codes a day for ever, and
none is documented for the set-up (facts §8.3). Ours counts failures in a row across sessions,
processes and addresses, at the challenge, the set-up and the re-authentication alike. Only a right
code or an administrator takes them back; time does not.

A second number, the total, is the one that no administrator takes back: at a hundred wrong codes without
a right one the authenticator must be set up anew (NIST SP 800-63B-4 §3.2.2: bind a new one, not go on).

Counted is by the ``sub``. By a name alone, which may be given again, only while the ``sub`` is unknown.

A stranger cannot reach it: no code is asked for before Cognito has accepted the password.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils import timezone

from cognito_mfa.authenticator import people
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import BadCode, Busy, BusyReason, CodeAttemptsLocked
from cognito_mfa.models import CodeFailures
from cognito_mfa.values import clocks

FREE_ATTEMPTS = 5  # failures without a wait
FIRST_WAIT = 30  # seconds, after the last free one; then twice as long each time
MAX_WAIT = 3600
MAX_ATTEMPTS = 100  # NIST SP 800-63B-4 §3.2.2
# Rows at which no more codes are accepted.
LOCKED = Q(failures__gte=MAX_ATTEMPTS) | Q(total__gte=MAX_ATTEMPTS)
_TRIES = 1000  # races for the row that one attempt may lose; each means somebody else's went ahead


class Attempt(NamedTuple):
    """One code on its way to Cognito; counted as a failure until it is known to be none.

    Attributes:
        row: key of the counter.
        failures: which failure in a row this is, if it is one; no two attempts at once get the same.
        total: likewise, whatever an administrator cleared.
    """

    row: int
    failures: int
    total: int

    @property
    def is_last(self) -> bool:
        """Tell whether no more codes are accepted after this one, if it is wrong."""
        return max(self.failures, self.total) == MAX_ATTEMPTS


@contextmanager
def count_attempt(
    username: str, *, sub: str = "", shown_secret: bool = False
) -> Generator[Attempt]:
    """Count what happens inside as one attempt at a code.

    A wrong code stays counted. A right one takes back what was counted up to it, not what failed
    meanwhile. Anything else (throttled, unreachable, expired) was no guess, and is not counted.

    Args:
        username: the pool's own name of whose code it is.
        sub: the person's, where it is known.
        shown_secret: whether who enters it was shown the secret on the page, so that nothing is guessed.

    Raises:
        Busy: too soon after the last wrong code; Cognito is not asked.
        CodeAttemptsLocked: too many wrong codes; only an administrator lifts it.
    """
    attempt = _reserve(username, sub, forgives=shown_secret and not sub)
    try:
        yield attempt
    except BadCode:
        raise
    except BaseException:
        _release(attempt, 1, 1)
        raise
    _release(attempt, attempt.failures, attempt.total)


def ensure_allowed(username: str, *, sub: str = "") -> None:
    """Refuse what ``count_attempt`` would refuse, and count nothing.

    Raises:
        Busy, CodeAttemptsLocked: likewise.
    """
    row = _found(username, sub)
    if row is not None:
        _refuse_if_too_many(row)


def failures(username: str, *, sub: str = "") -> int:
    """Return how many codes in a row were wrong."""
    row = _found(username, sub)
    return row.failures if row else 0


def unlock(username: str, *, sub: str = "") -> bool:
    """Let codes be tried again at once, as an administrator may, and leave the total as it is.

    Returns:
        False where the total is reached, and nothing but a new authenticator helps.
    """
    rows = CodeFailures.objects.filter(pk__in=_keys(username, sub))
    rows.filter(total__lt=MAX_ATTEMPTS).update(failures=0, last_at=timezone.now())
    return not rows.filter(total__gte=MAX_ATTEMPTS).exists()


def clear(username: str, *, sub: str = "") -> None:
    """Forget all wrong codes: the authenticator that they were about is no more.

    Args:
        username: the pool's own name.
        sub: by default that of whoever has the name now.
    """
    if not sub:
        live = people.live_named(username)
        sub = live.sub if live else ""
    CodeFailures.objects.filter(pk__in=_keys(username, sub)).update(
        failures=0, total=0, last_at=timezone.now()
    )


def move_to_sub(username: str, sub: str) -> None:
    """Count by the ``sub`` from now on, which tokens told; what was counted by the name goes along.

    After a right code, that is what failed meanwhile.
    """
    by_name = _found(username, "")
    if by_name is None:
        return
    rows = CodeFailures.objects.filter(pk=by_name.pk)
    try:
        with transaction.atomic():
            rows.update(sub=sub)
    except IntegrityError:  # there is one already
        with transaction.atomic():
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
    """Return the counter of ``sub``; without one the counter of the name alone."""
    rows = CodeFailures.objects.filter(pool_id=get_conf().USER_POOL_ID, sub=sub)
    if sub:
        return next((row for row in rows if row.sub == sub), None)
    return next((row for row in rows.filter(username=username) if row.username == username), None)


def _keys(username: str, sub: str) -> list[int]:
    """Return the keys of all that may be counted for ``sub``; without one of what is for the name alone.

    Set-ups are counted by the name, also of people who are known: a challenge tells no more of them.
    """
    live = people.live_named(username) if sub else None
    rows = [_found(username, sub)]
    if live is not None and live.sub == sub:
        rows.append(_found(username, ""))
    return [row.pk for row in rows if row is not None]


def _row(username: str, sub: str) -> CodeFailures:
    named = {"username": username}
    keys = {"sub": sub, "defaults": named} if sub else {"sub": "", **named}
    row, _made = CodeFailures.objects.get_or_create(pool_id=get_conf().USER_POOL_ID, **keys)
    now = timezone.now()
    if row.last_at > now:
        # By a clock that is ahead of ours. The wait begins now; else it would end when that clock says.
        CodeFailures.objects.filter(pk=row.pk, last_at=row.last_at).update(last_at=now)
        row.last_at = now
    return row


def _reserve(username: str, sub: str, *, forgives: bool) -> Attempt:
    """Count one attempt before it is made, so that many at once cannot all slip through."""
    for _try in range(_TRIES):
        row = _row(username, sub)
        # Only if the row is still as it was read: a lock would be held while Cognito answers.
        unchanged = CodeFailures.objects.filter(
            pk=row.pk, failures=row.failures, total=row.total, last_at=row.last_at
        )
        if forgives and _waited(row) > MAX_WAIT:
            row.failures = row.total = 0  # somebody else's of the same name, for all we know
        _refuse_if_too_many(row)
        attempt = Attempt(row.pk, row.failures + 1, row.total + 1)
        if unchanged.update(failures=attempt.failures, total=attempt.total, last_at=timezone.now()):
            return attempt
    raise Busy(reason=BusyReason.TOO_MANY_AT_ONCE)


def _waited(row: CodeFailures) -> float:
    return clocks.seconds_since(row.last_at) or 0.0


def _refuse_if_too_many(row: CodeFailures) -> None:
    if max(row.failures, row.total) >= MAX_ATTEMPTS:
        raise CodeAttemptsLocked
    left = wait_after(row.failures) - _waited(row)
    if left > 0:
        raise Busy(reason=BusyReason.TOO_MANY_FAILURES, retry_after=int(left) + 1)


def _release(attempt: Attempt, in_a_row: int, in_total: int) -> None:
    """Take failures back, but none below zero: an administrator may have cleared them."""
    CodeFailures.objects.filter(pk=attempt.row).update(
        failures=Greatest(F("failures") - in_a_row, 0), total=Greatest(F("total") - in_total, 0)
    )
