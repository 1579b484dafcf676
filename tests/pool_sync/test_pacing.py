"""The pace of calls: even, slower while Cognito throttles, and back at the full rate after it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pool_sync.listing import Lister, Page, compare
from cognito_mfa.pool_sync.pacing import GROUP, TokenBucket
from cognito_mfa.pool_sync.plan import Counts, Plan
from cognito_mfa.pool_sync.writing import Writer
from tests.factories import make
from tests.visitor import Visitor


class Clock:
    """A clock that moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def bucket(clock: Clock, rate: float) -> TokenBucket:
    return TokenBucket(rate, clock=clock, sleep=clock.sleep)


def seconds_of(calls: int, pace: TokenBucket, clock: Clock) -> float:
    """Return how long so many calls take."""
    began = clock.now
    for _ in range(calls):
        pace.acquire()
    return clock.now - began


def test_calls_are_spread_evenly(clock: Clock) -> None:
    pace = bucket(clock, 50)
    assert seconds_of(1, pace, clock) == 0
    assert seconds_of(50, pace, clock) == pytest.approx(1)


@pytest.mark.parametrize("rate", [7, 50, 96, 120, 600])
def test_calls_in_groups_need_one_rest_and_keep_the_rate(rate: float, clock: Clock) -> None:
    """None is early, and no second has more of them than without groups."""
    pace = TokenBucket(rate, clock=clock, sleep=clock.sleep, group=GROUP)
    rests, made = 0, []
    for number in range(int(rate * 10)):
        rests += pace.acquire()
        made.append(clock.now)
        assert 0 <= clock.now - 100 - number / rate + 1e-6 <= GROUP + 1e-3
    assert rests <= 10 / GROUP + 1
    for first in range(len(made) - int(rate)):
        assert made[first + int(rate)] - made[first] > 1 - 1e-3


def test_a_rest_after_throttling_is_not_cut_short(clock: Clock) -> None:
    pace = TokenBucket(50, clock=clock, sleep=clock.sleep, group=GROUP)
    pace.slow_down()
    assert seconds_of(1, pace, clock) >= 1 - 1e-9


def test_what_a_slow_answer_cost_is_made_up_for_but_no_more_than_a_second(clock: Clock) -> None:
    pace = bucket(clock, 50)
    pace.acquire()
    clock.now += 0.5
    assert seconds_of(26, pace, clock) == pytest.approx(0.02)
    clock.now += 60
    assert seconds_of(51, pace, clock) == pytest.approx(0)
    assert seconds_of(50, pace, clock) == pytest.approx(1)


def test_throttling_halves_the_rate_after_a_rest(clock: Clock) -> None:
    pace = bucket(clock, 96)
    pace.acquire()
    for _ in range(10):  # all calls of that moment
        pace.slow_down()
    assert pace.rate == 48
    assert seconds_of(1, pace, clock) == pytest.approx(1)


def test_throttling_for_long_leaves_one_call_a_second(clock: Clock) -> None:
    pace = bucket(clock, 96)
    for _ in range(60):
        clock.now += 1
        pace.slow_down()
    assert pace.rate == 1


def test_a_rate_below_one_is_not_raised_by_throttling(clock: Clock) -> None:
    pace = bucket(clock, 0.5)
    pace.slow_down()
    assert pace.rate == 0.5


def test_the_full_rate_is_back_within_half_a_minute(clock: Clock) -> None:
    pace = bucket(clock, 96)
    for _ in range(8):
        clock.now += 1
        pace.slow_down()
    began = clock.now
    while pace.rate < 96:
        pace.acquire()
    assert 10 < clock.now - began < 30
    assert seconds_of(96, pace, clock) == pytest.approx(1)


# -------------------------------------------------------------------------------- what is called at it


def compare_first_page(pace: TokenBucket) -> None:
    """Compare the first page of the list with rows that this run has checked since."""
    lister = Lister(pace)
    lister.start()
    page = lister.page(wait=5)
    lister.close()
    assert isinstance(page, Page)
    CognitoIdentity.objects.update(checked_at=timezone.now() + dt.timedelta(seconds=20))
    counts, plan = Counts(), Plan()
    compare(page, plan, counts, Writer(plan, counts, None, lambda: False), pace)


def test_users_of_a_page_who_are_asked_about_again_have_its_pace(
    pool: LocalPool, visitor: Visitor, clock: Clock
) -> None:
    """Each is a call of the quota of pages, which is a quarter of the one for users."""
    for name in ("ada", "bea", "cleo"):
        make(pool, name)
        pool.user(name).enabled = False
    compare_first_page(bucket(clock, 2))
    assert visitor.cognito.operations().count("ListUsers") == 1 + 3
    assert clock.now - 100 == pytest.approx(3 / 2)
    assert not CognitoIdentity.objects.filter(disabled_at=None).exists()


def test_throttling_of_such_a_call_slows_the_pages_down(
    pool: LocalPool, visitor: Visitor, clock: Clock
) -> None:
    make(pool, "ada")
    pool.user("ada").enabled = False
    visitor.cognito.faults.on("ListUsers", faults.Error("TooManyRequestsException"), skip=1)
    pace = bucket(clock, 16)
    compare_first_page(pace)
    assert pace.rate == 8
