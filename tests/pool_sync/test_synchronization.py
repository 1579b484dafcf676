"""A run over the pool: what it keeps, what it writes and with how many queries, and where it continues."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from cognito_mfa.authenticator import reset
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import (
    CognitoIdentity,
    MFAEvent,
    MFAReset,
    RecoveryCode,
    SoftwareToken,
)
from cognito_mfa.pool_sync import keys, writing
from cognito_mfa.pool_sync.plan import Failed, Plan, Shard
from cognito_mfa.pool_sync.synchronization import synchronize
from tests.factories import delete_token, make, reading
from tests.visitor import Visitor

Status = CognitoIdentity.Status
FAST = 1000.0


def plan(**values: object) -> Plan:
    return Plan(**{"rate": FAST, **values})  # type: ignore[arg-type]


def make_many(pool: LocalPool, number: int) -> list[CognitoIdentity]:
    return [make(pool, f"person-{one}") for one in range(number)]


def statuses() -> dict[str, str]:
    return dict(CognitoIdentity.objects.values_list("username", "status"))


class Before:
    """A limiter that lets something happen once, after the rows were read and before Cognito is asked."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act
        self.done = False

    def acquire(self) -> None:
        if not self.done:
            self.done = True
            self.act()


# --------------------------------------------------------------------- what people do at that time


def test_what_a_user_does_while_cognito_is_asked_stays(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    """Cognito's answer is of a moment before the user finished the setup."""
    ada = make(optional_pool, "ada")
    visitor.cognito.faults.on(
        reading(), faults.Edit(lambda told: {"Username": told["Username"]}), times=1
    )
    counts = synchronize(plan(), limiter=Before(lambda: visitor.set_up("ada")))
    assert statuses()["ada"] == Status.ENABLED
    assert visitor.is_in()
    assert counts.changes == {}
    events = MFAEvent.objects.filter(identity=ada, kind="STATUS_CHANGED")
    assert not events


def test_a_user_who_is_reset_while_cognito_is_asked_is_asked_about_again(
    pool: LocalPool, visitor: Visitor
) -> None:
    """The generation alone has changed, so the row is still due."""
    ada = make(pool, "ada")
    visitor.set_up("ada")
    CognitoIdentity.objects.update(checked_at=None)
    request = Before(lambda: reset.request(ada, actor=None, reason="Lost"))
    visitor.cognito.forget_calls()
    counts = synchronize(plan(), limiter=request)
    assert visitor.cognito.operations().count(reading()) == 2
    assert (counts.asked, counts.overtaken) == (1, 0)
    ada.refresh_from_db()
    assert ada.checked_at is not None
    assert ada.generation > 1
    assert not visitor.is_in()


def test_a_user_who_is_deleted_while_cognito_is_asked(pool: LocalPool, visitor: Visitor) -> None:
    ada = make(pool, "ada")
    make(pool, "ben")
    counts = synchronize(plan(), limiter=Before(ada.user.delete))
    assert set(statuses()) == {"ben"}
    assert (counts.asked, counts.overtaken, counts.complete) == (1, 1, True)


def test_an_app_that_was_replaced_while_cognito_is_asked_stays(
    pool: LocalPool, visitor: Visitor
) -> None:
    """Only the key of the active software token says that it is another one."""
    ada = make(pool, "ada")
    visitor.set_up("ada")
    CognitoIdentity.objects.update(checked_at=None)
    delete_token(visitor, "ada")
    pool.state.mfa = "OPTIONAL"

    def replace() -> None:
        SoftwareToken.activate(ada, friendly_name="New phone")
        pool.register_software_token("ada")

    gone = faults.Edit(lambda told: {"Username": told["Username"]})
    visitor.cognito.faults.on(reading(), gone, times=1)
    synchronize(plan(), limiter=Before(replace))
    assert ada.software_token is not None
    assert statuses()["ada"] == Status.ENABLED


# ------------------------------------------------------------------------------------- who is disabled


def test_a_user_who_is_not_in_the_list_is_not_taken_for_disabled_or_gone(
    pool: LocalPool, visitor: Visitor
) -> None:
    make(pool, "ada")
    visitor.set_up("ada")
    CognitoIdentity.objects.update(checked_at=None)
    visitor.cognito.faults.on("ListUsers", faults.Reply({"Users": []}))
    assert synchronize(plan()).complete
    assert visitor.is_in()
    assert statuses() == {"ada": Status.ENABLED}


def test_a_disabled_user_who_is_not_in_the_list_stays_disabled(
    pool: LocalPool, visitor: Visitor
) -> None:
    make(pool, "ada")
    CognitoIdentity.objects.update(disabled_at=timezone.now())
    visitor.cognito.faults.on("ListUsers", faults.Reply({"Users": []}))
    synchronize(plan())
    assert CognitoIdentity.objects.get().disabled_at is not None


def test_a_user_who_signs_in_after_the_page_was_read_is_not_disabled(
    pool: LocalPool, visitor: Visitor
) -> None:
    make(pool, "ada")

    def disabled(told: dict[str, Any]) -> dict[str, Any]:
        return {"Users": [{**user, "Enabled": False} for user in told["Users"]]}

    visitor.cognito.faults.on("ListUsers", faults.Edit(disabled), times=1)
    soon = timezone.now() + dt.timedelta(seconds=20)
    CognitoIdentity.objects.update(checked_at=soon)
    synchronize(plan())
    assert CognitoIdentity.objects.get().disabled_at is None
    assert visitor.cognito.operations().count("ListUsers") == 2


@pytest.mark.parametrize("down", [False, True])
def test_a_user_whom_this_run_checked_after_the_page_was_read_is_disabled(
    pool: LocalPool, visitor: Visitor, down: bool
) -> None:
    """Factors tell nothing of that. If Cognito does not respond, the next run sees it."""
    make(pool, "ada")
    pool.user("ada").enabled = False
    if down:
        visitor.cognito.faults.on("ListUsers", faults.Error("InternalErrorException"), skip=1)
    soon = timezone.now() + dt.timedelta(seconds=20)
    CognitoIdentity.objects.update(checked_at=soon)
    assert synchronize(plan()).complete
    assert (CognitoIdentity.objects.get().disabled_at is None) == down


@pytest.mark.parametrize("limit", [None, 5])
def test_who_is_disabled_and_enabled_again(
    pool: LocalPool, visitor: Visitor, limit: int | None
) -> None:
    """With the list of the pool, and for each user on its own."""
    make(pool, "ada")
    visitor.set_up("ada")
    what = {"limit": limit, "list_pool": limit is None}
    CognitoIdentity.objects.update(checked_at=None)
    pool.user("ada").enabled = False
    assert synchronize(plan(**what)).changes == {"ENABLED -> DISABLED": 1}
    assert not visitor.is_in()
    pool.user("ada").enabled = True
    assert synchronize(plan(**what)).changes == {"DISABLED -> ENABLED": 1}
    assert [e.kind for e in MFAEvent.objects.order_by("pk")][-2:] == ["DISABLED", "STATUS_CHANGED"]


def test_the_list_is_read_to_its_end_in_pages(pool: LocalPool, visitor: Visitor) -> None:
    make(pool, "ada")
    for number in range(130):
        pool.create_user(f"other-{number}")
    visitor.cognito.forget_calls()
    counts = synchronize(plan())
    assert visitor.cognito.operations().count("ListUsers") == 3
    assert (counts.listed, counts.not_linked) == (132, 131)
    assert "other-5" in counts.unlinked


def test_the_list_is_read_once_for_all_shards(pool: LocalPool, visitor: Visitor) -> None:
    make(pool, "ada")
    visitor.cognito.forget_calls()
    assert synchronize(plan(shard=Shard(2, 2))).listed == 0
    assert "ListUsers" not in visitor.cognito.operations()


def test_a_list_that_cannot_be_read_stops_no_other_work(pool: LocalPool, visitor: Visitor) -> None:
    make(pool, "ada")
    visitor.cognito.faults.on("ListUsers", faults.Error("AccessDeniedException"))
    counts = synchronize(plan())
    assert counts.asked == 1
    assert "permissions" in counts.list_trouble
    assert not counts.complete


def test_the_list_is_read_although_cognito_fails_for_a_while(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cognito_mfa.pool_sync.pacing.time.sleep", lambda _seconds: None)
    monkeypatch.setattr("cognito_mfa.cognito.circuit_breaker.PAUSE", 0.0)
    visitor.cognito.faults.on("ListUsers", faults.Unreachable(), times=20)
    counts = synchronize(plan())
    assert (counts.listed, counts.list_trouble, counts.complete) == (1, "", True)


# --------------------------------------------------------------------------------------- the queries


def test_unchanged_rows_cost_one_write_for_all_of_them(
    pool: LocalPool, visitor: Visitor, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_many(pool, 30)
    synchronize(plan())
    with django_assert_num_queries(9) as captured:  # savepoints are two of them
        assert synchronize(plan(shard=Shard(1, 1), list_pool=True)).asked == 30
    written = [q["sql"] for q in captured.captured_queries if q["sql"].startswith("UPDATE")]
    assert len(written) == 1
    assert '"checked_at"' in written[0]
    assert '"status" =' not in written[0]


def test_changed_rows_are_written_together(
    pool: LocalPool, visitor: Visitor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    people = make_many(pool, 30)
    for one in people[:10]:
        pool.register_software_token(one.username)
    with django_assert_max_num_queries(14) as captured:
        counts = synchronize(plan())
    assert counts.changes == {"UNKNOWN -> ENABLED": 10, "UNKNOWN -> NOT_SET_UP": 20}
    written = [q["sql"].split()[0] for q in captured.captured_queries]
    assert (written.count("UPDATE"), written.count("INSERT")) == (2, 2)
    assert MFAEvent.objects.filter(kind="STATUS_CHANGED").count() == 30
    event = MFAEvent.objects.get(identity=people[0])
    assert (event.detail, event.sub) == ("UNKNOWN → ENABLED", people[0].sub)


def test_recovery_codes_end_with_an_app_that_is_known_to_cognito_alone(
    optional_pool: LocalPool, visitor: Visitor
) -> None:
    ada = make(optional_pool, "ada")
    CognitoIdentity.objects.update(status=Status.ENABLED)
    RecoveryCode.objects.create(identity=ada, position=1, digest="x")
    synchronize(plan())
    assert statuses()["ada"] == Status.NOT_SET_UP
    assert not RecoveryCode.objects.exists()


def test_a_write_that_the_database_refuses_for_a_moment_is_tried_again(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("cognito_mfa.pool_sync.writing.time.sleep", waits.append)
    monkeypatch.setattr(
        writing,
        "connections",
        {
            "default": type(
                "Connection",
                (),
                {"in_atomic_block": False, "close_if_unusable_or_obsolete": lambda _: None},
            )()
        },
    )
    left = [OperationalError("database is locked"), OperationalError("deadlock detected")]

    def work() -> str:
        if left:
            raise left.pop()
        return "written"

    assert writing.persistently(work) == "written"
    assert len(waits) == 2
    left[:] = [OperationalError("gone")] * writing.ATTEMPTS
    with pytest.raises(OperationalError):
        writing.persistently(work)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("failures", [1, 2])
def test_a_database_that_is_away_for_a_moment_costs_nothing(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    """Whatever the query is that meets it: the next keys, the rows, a page of the list, a write."""
    make_many(pool, 6)
    monkeypatch.setattr(keys, "WINDOW", 2)
    monkeypatch.setattr(keys, "FEWEST", 1)
    monkeypatch.setattr("cognito_mfa.pool_sync.writing.time.sleep", lambda _seconds: None)
    met: dict[str, int] = {}

    def fail(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        kind = f"{sql.split(maxsplit=1)[0]} {'COUNT' in sql} {len(sql)}"
        met[kind] = met.get(kind, 0) + 1
        if "COUNT" not in sql and not sql.startswith("SAVEPOINT") and met[kind] <= failures:
            raise OperationalError("the database system is starting up")
        return execute(sql, *arguments)

    with connection.execute_wrapper(fail):
        counts = synchronize(plan(concurrency=1))
    assert (counts.asked, counts.failed, counts.complete) == (6, 0, True)
    assert len(met) > 5


# ------------------------------------------------------------------------------------------- clocks


class Jump:
    """A limiter after whose first calls the clock shows another time; more calls than make sense fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, by: dt.timedelta, *, after: int) -> None:
        self.calls, self.after, self.by = 0, after, by
        now = timezone.now
        monkeypatch.setattr(
            timezone, "now", lambda: now() + (by if self.calls > after else dt.timedelta())
        )

    def acquire(self) -> None:
        self.calls += 1
        assert self.calls <= 100, "the same users are asked about again and again"


@pytest.mark.parametrize("seconds", [-3600, -10, 3600])
def test_a_clock_that_jumps_lets_no_one_be_asked_about_for_ever(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setattr(keys, "WINDOW", 4)
    monkeypatch.setattr("cognito_mfa.pool_sync.synchronization.BATCH", 2)
    make_many(pool, 12)
    jump = Jump(monkeypatch, dt.timedelta(seconds=seconds), after=5)
    counts = synchronize(plan(concurrency=1), limiter=jump)
    assert counts.complete
    assert jump.calls <= 12 + 6, "only who was checked before the jump may be asked about again"
    assert not CognitoIdentity.objects.filter(checked_at=None).exists()


def test_a_worker_whose_clock_is_behind_asks_about_everyone_once(
    pool: LocalPool, visitor: Visitor
) -> None:
    """The run began at a moment that is in the future by this machine's clock."""
    make_many(pool, 6)
    visitor.cognito.forget_calls()
    began = timezone.now() + dt.timedelta(minutes=5)
    assert synchronize(plan(before=began)).asked == 6
    assert visitor.cognito.operations().count(reading()) == 6


# -------------------------------------------------------------------------------- order and shards


def test_least_recently_checked_users_come_first_in_windows(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "WINDOW", 2)
    monkeypatch.setattr(keys, "FEWEST", 1)
    people = make_many(pool, 7)
    now = timezone.now()
    for age, one in enumerate(people[2:5]):
        CognitoIdentity.objects.filter(pk=one.pk).update(
            checked_at=now - dt.timedelta(days=age + 1)
        )
    CognitoIdentity.objects.filter(pk=people[5].pk).update(
        checked_at=CognitoIdentity.objects.get(pk=people[4].pk).checked_at
    )
    names = [known.username for known in keys.stream(Plan(), lambda: now)]
    assert names == [f"person-{number}" for number in (0, 1, 6, 4, 5, 3, 2)]


def test_no_user_is_met_twice_while_rows_are_written(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "WINDOW", 2)
    make_many(pool, 9)
    visitor.cognito.faults.on(reading(), faults.Error("InvalidParameterException"), times=2)
    visitor.cognito.forget_calls()
    counts = synchronize(plan(concurrency=1))
    assert (counts.asked, counts.failed) == (7, 2)
    assert visitor.cognito.operations().count(reading()) == 9


@pytest.mark.parametrize("parts", [2, 3])
def test_shards_are_disjoint_and_together_everyone(
    pool: LocalPool, visitor: Visitor, parts: int
) -> None:
    make_many(pool, 10)
    now = timezone.now()
    found = [
        [known.pk for known in keys.stream(Plan(shard=Shard(one, parts)), lambda: now)]
        for one in range(1, parts + 1)
    ]
    everyone = sorted(CognitoIdentity.objects.values_list("pk", flat=True))
    assert sorted(key for part in found for key in part) == everyone
    assert all(abs(len(one) - 10 / parts) < 1.1 for one in found)


# --------------------------------------------------------------------------------- ends and bounds


def test_a_stop_keeps_what_was_answered(pool: LocalPool, visitor: Visitor) -> None:
    make_many(pool, 20)
    stop = threading.Event()

    class AfterFive:
        asked = 0

        def acquire(self) -> None:
            self.asked += 1
            if self.asked == 5:
                stop.set()

    counts = synchronize(plan(), limiter=AfterFive(), stop=stop.is_set)
    assert (counts.asked, counts.stopped, counts.complete) == (5, True, False)
    assert CognitoIdentity.objects.exclude(checked_at=None).count() == 5


def test_a_bound_of_time(pool: LocalPool, visitor: Visitor) -> None:
    make_many(pool, 3)
    counts = synchronize(plan(seconds=0.0))
    assert (counts.asked, counts.stopped) == (0, True)


def test_a_low_rate_does_not_keep_a_run_from_ending(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_many(pool, 3)
    slept: list[float] = []
    monkeypatch.setattr("cognito_mfa.pool_sync.synchronization.time.sleep", slept.append)
    counts = synchronize(plan(rate=0.001, list_pool=False), stop=lambda: len(slept) == 3)
    assert (counts.asked, counts.stopped) == (1, True)
    assert max(slept) <= 0.1


def test_resets_and_preferences_do_not_keep_a_run_from_ending(
    optional_pool: LocalPool, unlisted: Visitor
) -> None:
    """Who is left is met by the run that continues this one."""
    ada = CognitoIdentity.objects.get()
    ben = make(optional_pool, "ben")
    reset.request(ben, actor=None, reason="Lost")
    counts = synchronize(plan(finish_resets=True), stop=lambda: True)
    assert (counts.resets, counts.open_resets, counts.stopped) == (0, 1, True)
    ben.user.delete()
    began, asked = timezone.now(), threading.Event()
    limiter = Before(asked.set)
    counts = synchronize(
        plan(set_preference=True, before=began, list_pool=False),
        limiter=limiter,
        stop=asked.is_set,
    )
    assert (counts.preferences, counts.stopped) == (0, True)
    assert synchronize(plan(set_preference=True, before=began)).preferences == 1
    ada.refresh_from_db()
    assert ada.software_token is not None


def test_the_same_moment_continues_a_run(pool: LocalPool, visitor: Visitor) -> None:
    make_many(pool, 6)
    began = timezone.now()
    assert not synchronize(plan(before=began, limit=4)).complete
    counts = synchronize(plan(before=began))
    assert (counts.asked, counts.complete) == (2, True)
    assert synchronize(plan(before=began)).asked == 0


def test_progress_and_failures_are_told(pool: LocalPool, visitor: Visitor) -> None:
    make_many(pool, 3)
    visitor.cognito.faults.on(reading(), faults.Error("InvalidParameterException"), times=1)
    seen: list[int] = []
    told: list[object] = []
    counts = synchronize(
        plan(), progress=lambda so_far: seen.append(so_far.asked), told=told.append
    )
    assert seen[-1] == 2
    assert counts.total == 3
    assert sum(isinstance(one, Failed) for one in told) == 1
    assert isinstance(counts.as_dict()["changes"], dict)


def test_cognito_that_is_back_after_a_moment_costs_no_answer(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The circuit opens after five failures, and what is not sent is no failure of a user. Who failed is asked about again."""
    moment = [1000.0]

    def sleep(seconds: float) -> None:
        moment[0] += seconds

    monkeypatch.setattr("cognito_mfa.values.clocks.monotonic", lambda: moment[0])
    monkeypatch.setattr("cognito_mfa.pool_sync.pacing.time.sleep", sleep)
    make_many(pool, 20)
    # The last of the six calls is the one that is let through to see whether Cognito is back.
    visitor.cognito.faults.on(reading(), faults.Error("InternalErrorException"), times=6)
    counts = synchronize(plan(concurrency=1, list_pool=False))
    assert (counts.failed, counts.asked, counts.trouble) == (0, 20, "")
    assert moment[0] >= 1010, "two pauses of the circuit breaker"


def test_cognito_that_throttles_every_call_for_long_ends_the_run(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no user's failure, so none is counted."""
    monkeypatch.setattr("cognito_mfa.pool_sync.synchronization.THROTTLED_MINUTES", 0)
    make_many(pool, 3)
    visitor.cognito.faults.on(reading(), faults.Error("TooManyRequestsException"))
    counts = synchronize(plan(concurrency=1, list_pool=False))
    assert counts.trouble == "Cognito throttled every call for 0 minutes."
    assert (counts.failed, counts.asked) == (0, 0)


# ------------------------------------------------------------------------------------------ repairs


def lose_preference(pool: LocalPool, name: str) -> None:
    """Let Cognito know the app and not ask for its codes, as after a setup whose last call was lost."""
    user = pool.user(name)
    user.preferred_factor = None
    user.enabled_factors.clear()


@pytest.fixture
def unlisted(optional_pool: LocalPool, visitor: Visitor) -> Visitor:
    make(optional_pool, "ada")
    visitor.set_up("ada")
    lose_preference(optional_pool, "ada")
    CognitoIdentity.objects.update(checked_at=None)
    visitor.cognito.forget_calls()
    return visitor


def test_a_lost_preference_is_set_where_asked_to(
    optional_pool: LocalPool, unlisted: Visitor
) -> None:
    assert synchronize(plan(dry_run=True, set_preference=True)).preferences == 0
    assert synchronize(plan()).preferences == 0
    assert optional_pool.user("ada").preferred_factor is None
    assert synchronize(plan(set_preference=True)).preferences == 1
    assert optional_pool.user("ada").preferred_factor == "SOFTWARE_TOKEN_MFA"
    ada = CognitoIdentity.objects.get()
    assert (ada.status, ada.preferred_factor) == (Status.ENABLED, "SOFTWARE_TOKEN_MFA")
    assert MFAEvent.objects.filter(identity=ada, detail="switched on").count() == 1
    assert synchronize(plan(set_preference=True)).preferences == 0


def test_an_app_whose_preference_is_set_again_is_not_ended_first(
    optional_pool: LocalPool, unlisted: Visitor
) -> None:
    """AdminGetUser alone does not know the app, so that its answer reads as if there were none."""
    unlisted.cognito.faults.on("AdminGetUserAuthFactors", faults.Error("AccessDeniedException"))
    assert synchronize(plan(set_preference=True)).preferences == 1
    ada = CognitoIdentity.objects.get()
    assert (ada.status, ada.software_token is not None) == (Status.ENABLED, True)


@pytest.mark.parametrize("why", ["reset", "removal", "retired"])
def test_an_app_that_must_not_come_back_is_not_turned_on(
    optional_pool: LocalPool, unlisted: Visitor, why: str
) -> None:
    ada = CognitoIdentity.objects.get()
    if why == "reset":
        MFAReset.objects.create(identity=ada, reason="Lost")
    elif why == "removal":
        CognitoIdentity.objects.update(unconfirmed=CognitoIdentity.Unconfirmed.REMOVAL)
    else:
        ada.retire_token(SoftwareToken.Retired.RESET)
    assert synchronize(plan(set_preference=True)).preferences == 0
    assert "AdminSetUserMFAPreference" not in unlisted.cognito.operations()
    assert optional_pool.user("ada").preferred_factor is None


@pytest.mark.parametrize("error", ["InvalidParameterException", "AccessDeniedException"])
def test_a_preference_that_cognito_refuses_is_left(
    optional_pool: LocalPool, unlisted: Visitor, error: str
) -> None:
    unlisted.cognito.faults.on("AdminSetUserMFAPreference", faults.Error(error))
    counts = synchronize(plan(set_preference=True))
    assert (counts.asked, counts.preferences) == (1, 0)
    # No such app is an answer about one user; a missing permission concerns all of them.
    assert bool(counts.preference_trouble) is (error == "AccessDeniedException")


def test_interrupted_resets_are_finished_where_asked_to(pool: LocalPool, visitor: Visitor) -> None:
    people = make_many(pool, 3)
    for one in people:
        pool.register_software_token(one.username)
        reset.request(one, actor=None, reason="Lost")
    CognitoIdentity.objects.filter(pk=people[2].pk).update(pool_id="us-east-1_Other0000")
    counts = synchronize(plan())
    assert (counts.resets, counts.open_resets) == (0, 0)
    counts = synchronize(plan(finish_resets=True, dry_run=True))
    assert (counts.resets, counts.open_resets) == (0, 2)
    counts = synchronize(plan(finish_resets=True))
    assert (counts.resets, counts.open_resets) == (2, 0)
    assert MFAReset.objects.unfinished().count() == 1, "of a user of another pool"


def test_resets_that_fail_stop_after_three(pool: LocalPool, visitor: Visitor) -> None:
    for one in make_many(pool, 5):
        reset.request(one, actor=None, reason="Lost")
    visitor.cognito.faults.on("AdminDeleteSoftwareToken", faults.Error("AccessDeniedException"))
    visitor.cognito.faults.on("AdminSetUserMFAPreference", faults.Error("AccessDeniedException"))
    visitor.cognito.forget_calls()
    counts = synchronize(plan(finish_resets=True))
    assert (counts.resets, counts.open_resets) == (0, 5)
    # Asked in each of them, to see whether turning the app off would do instead.
    assert visitor.cognito.operations().count("GetUserPoolMfaConfig") == 3
