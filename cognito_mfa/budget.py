"""How many codes a person may get wrong: counted for each person, wherever they try.

Cognito's own lock lets somebody who knows the password try about a thousand codes a day for ever, and
none is documented for the set-up (facts §8.3). Ours counts failures in a row across sessions,
processes and addresses, at the challenge, the set-up and the re-authentication alike. Only a right
code or an administrator takes them back; time does not.

A stranger cannot reach it: no code is asked for before Cognito has accepted the password.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

from django.db.models import F
from django.utils import timezone

from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import BadCode, Busy, CodesStopped
from cognito_mfa.models import CodeFailures

FREE = 5  # failures without a wait
FIRST_WAIT = 30  # seconds, after the last free one; then twice as long each time
LONGEST_WAIT = 3600
HARD_STOP = 100  # NIST SP 800-63B-4 §3.2.2
_TRIES = 1000  # races for the row that one attempt may lose; each means somebody else's went ahead


class _Attempt(NamedTuple):
    """One code on its way to Cognito; counted as a failure until it is known to be none."""

    row: int
    number: int


@contextmanager
def counted(username: str) -> Generator[int]:
    """Count what happens inside as one attempt at a code of ``username``, the pool's own name.

    A wrong code stays counted. A right one takes back what was counted up to it, not what failed
    meanwhile. Anything else (throttled, unreachable, expired) was no guess, and is not counted.

    Yields:
        which failure in a row this is, if it is one; no two attempts at once get the same.

    Raises:
        Busy: too soon after the last wrong code; Cognito is not asked.
        CodesStopped: too many wrong codes; only an administrator lifts it.
    """
    attempt = _take(username)
    try:
        yield attempt.number
    except BadCode:
        raise
    except BaseException:
        _give_back(attempt, 1)
        raise
    _give_back(attempt, attempt.number)


def failures(username: str) -> int:
    """Return how many codes in a row were wrong."""
    return _row(username).failures


def clear(username: str) -> None:
    """Forget the wrong codes of ``username``."""
    CodeFailures.objects.filter(pool_id=get_conf().USER_POOL_ID, username=username).update(
        failures=0
    )


def wait_after(count: int) -> float:
    """Return the seconds to wait after ``count`` failures in a row."""
    if count < FREE:
        return 0.0
    return float(min(FIRST_WAIT * 2 ** min(count - FREE, 20), LONGEST_WAIT))


def _row(username: str) -> CodeFailures:
    row, _made = CodeFailures.objects.get_or_create(
        pool_id=get_conf().USER_POOL_ID, username=username
    )
    return row


def _take(username: str) -> _Attempt:
    """Count one attempt before it is made, so that many at once cannot all slip through."""
    for _try in range(_TRIES):
        row = _row(username)
        now = timezone.now()
        _refuse_if_too_many(row, now)
        # Only if the row is still as it was read: a lock would be held while Cognito answers.
        unchanged = CodeFailures.objects.filter(
            pk=row.pk, failures=row.failures, last_at=row.last_at
        )
        if unchanged.update(failures=F("failures") + 1, last_at=now):
            return _Attempt(row.pk, row.failures + 1)
    raise Busy("code", "TooManyAtOnce")


def _refuse_if_too_many(row: CodeFailures, now: dt.datetime) -> None:
    if row.failures >= HARD_STOP:
        raise CodesStopped("code", "TooManyFailures")
    waited = (now - row.last_at).total_seconds()
    left = wait_after(row.failures) - waited
    if left > 0:
        raise Busy("code", "TooManyFailures", retry_after=int(left) + 1)


def _give_back(attempt: _Attempt, count: int) -> None:
    """Take back ``count`` failures, but none below zero: an administrator may have cleared them."""
    rows = CodeFailures.objects.filter(pk=attempt.row)
    if not rows.filter(failures__gte=count).update(failures=F("failures") - count):
        rows.update(failures=0)
