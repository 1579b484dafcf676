"""The counter of wrong codes: of one user, and not of those who had the name before; by clocks that jump; and a total that
no one but a new authenticator takes back.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from cognito_mfa.authenticator import code_attempts, reset, status
from cognito_mfa.exceptions import BadCode, Refused
from cognito_mfa.local import Behavior, LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent
from cognito_mfa.values import clocks
from tests.factories import make, reading
from tests.security.successors import Ada, leave
from tests.visitor import CLIENT_ID, POOL_ID, Visitor
from tests.ways_in import WAYS, ByApi, use_api

pytestmark = pytest.mark.django_db
Status = CognitoIdentity.Status
PEOPLE = "admin:cognito_mfa_cognitoidentity_changelist"
COUNTERS = "admin:cognito_mfa_codefailures_changelist"


@pytest.fixture
def patient(cognito: LocalCognito) -> LocalPool:
    """A pool that never locks: only ours counts."""
    behavior = Behavior(code_failures_before_lock=None)
    pool = cognito.create_pool(POOL_ID, mfa="ON", behavior=behavior)
    pool.create_client(CLIENT_ID)
    return pool


class AdaByApi(Ada, ByApi):
    """Ada with a front end."""


@pytest.fixture
def ada(
    request: pytest.FixtureRequest, patient: LocalPool, visitor: Visitor, settings: Settings
) -> Ada:
    way = getattr(request, "param", "pages")
    use_api(way, settings)
    ada = (AdaByApi if way == "api" else Ada)(patient, visitor)
    ada.come()
    ada.sign_out()
    return ada


both_ways = pytest.mark.parametrize("ada", WAYS, indirect=True)


def fail(person: Ada, times: int) -> None:
    """Enter wrong codes, and wait after each as long as must be."""
    for _ in range(times):
        person.sign_in(person.name)
        assert person.enter_code(person.wrong_code()).status_code == 200
        person.wait(code_attempts.MAX_WAIT + 1)


def counter(person: Ada) -> CodeFailures:
    return CodeFailures.objects.get(sub=person.sub)


def stop(person: Ada, number: int) -> None:
    """Make it ``number`` wrong codes, just now."""
    CodeFailures.objects.filter(sub=person.sub).update(
        failures=number, total=number, last_at=timezone.now()
    )


# ------------------------------------------------------------------------------ a name used again


def test_the_new_one_sets_up_whatever_the_old_one_got_wrong(patient: LocalPool, ada: Ada) -> None:
    """``code_attempts._counted_sub``: at a setup the name alone says nothing about the row of that name."""
    stop(ada, 12)
    leave(patient, ada)
    new = Ada(patient, ada)
    new.sign_in("ada")
    new.scan()
    assert new.confirm_setup().status_code == 302
    assert new.is_in()
    assert counter(new).failures == counter(new).total == 0
    assert counter(ada).failures == 12


def test_the_new_ones_wrong_codes_at_the_set_up_are_not_the_old_ones(
    patient: LocalPool, ada: Ada, django_capture_on_commit_callbacks: Any
) -> None:
    """``code_attempts.attempt``: no event, no mail, no failure for a row that only the name found."""
    events = ada.row.events.count()
    mail.outbox.clear()
    leave(patient, ada)
    new = Ada(patient, ada)
    new.sign_in("ada")
    new.scan()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(code_attempts.FREE_ATTEMPTS):
            new.confirm_setup(new.wrong_code())
    assert new.confirm_setup().answered == 429
    assert (counter(ada).failures, ada.row.events.count(), mail.outbox) == (0, events, [])


def test_a_predecessor_who_never_finished_holds_no_one_up_for_longer_than_the_wait(
    patient: LocalPool, visitor: Visitor
) -> None:
    """``code_attempts._reserve``, ``forgives``: no one can tell whose name it was, and no secret can be guessed there."""
    CodeFailures.objects.create(
        pool_id=POOL_ID,
        username="ada",
        failures=code_attempts.MAX_ATTEMPTS,
        total=code_attempts.MAX_ATTEMPTS,
    )
    new = Ada(patient, visitor)
    new.sign_in("ada")
    new.scan()
    assert new.confirm_setup().answered == 403
    new.wait(code_attempts.MAX_WAIT + 1)
    new.sign_in("ada")
    new.scan()
    assert new.confirm_setup().status_code == 302
    assert CodeFailures.objects.get().sub == new.sub


def test_the_new_one_who_set_up_elsewhere_goes_on_once_cognito_said_that_the_old_one_is_gone(
    patient: LocalPool, ada: Ada
) -> None:
    """``code_attempts._reserve_for``."""
    stop(ada, code_attempts.MAX_ATTEMPTS)
    leave(patient, ada)
    new = Ada(patient, ada)
    new.set_up_elsewhere(patient, friendly_name="Mine")
    new.sign_in("ada")
    assert new.enter_code(new.wrong_code()).status_code == 200
    assert ada.row.status == Status.GONE
    assert new.enter_code().status_code == 302
    assert new.is_in()
    assert counter(new).failures == 0


def test_cognito_is_asked_about_a_predecessor_once_in_a_while_and_believed_only_when_it_answers(
    patient: LocalPool, ada: Ada
) -> None:
    """``username_reuse._is_gone``: the throttle, and the error that means nothing."""
    stop(ada, 12)
    leave(patient, ada)
    new = Ada(patient, ada)
    new.set_up_elsewhere(patient, friendly_name="Mine")
    for operation in {reading(), "AdminGetUser"}:
        ada.cognito.faults.on(operation, faults.Error("AccessDeniedException", "no"))
    new.sign_in("ada")
    for _ in range(3):
        assert new.enter_code().answered == 429
    assert ada.cognito.operations().count("AdminGetUser") == 1
    assert ada.row.status == Status.ENABLED


@both_ways
def test_a_user_who_is_still_there_is_not_asked_about_at_every_refusal(
    patient: LocalPool, ada: Ada
) -> None:
    """``username_reuse._may_be_former``: the same authenticator, and known a moment ago."""
    stop(ada, 12)
    ada.cognito.forget_calls()
    ada.sign_in("ada")
    assert ada.enter_code().answered == 429
    assert reading() not in ada.cognito.operations()


def test_two_people_whose_names_differ_in_case_have_two_counters(
    cognito: LocalCognito, visitor: Visitor
) -> None:
    """``identity_lookup.by_username``, ``code_attempts._found``: exact names, in a pool that tells them apart."""
    pool = cognito.create_pool(POOL_ID, mfa="ON", case_insensitive=False)
    pool.create_client(CLIENT_ID)
    small, great = Ada(pool, visitor), Ada(pool, visitor, name="Ada")
    small.come()
    great.come()
    assert {small.row.status, great.row.status} == {Status.ENABLED}
    small.sign_out()
    small.sign_in("ada")
    for _ in range(4):
        small.enter_code(small.wrong_code())
    assert (counter(small).failures, counter(great).failures) == (4, 0)


# ------------------------------------------------------------------------------------------ clocks


@both_ways
@pytest.mark.parametrize("ahead", [20, 400 * 86400])
@pytest.mark.parametrize("failures", [0, 6])
def test_a_clock_that_is_ahead_makes_no_one_wait_longer_than_the_wait(
    patient: LocalPool, ada: Ada, ahead: int, failures: int
) -> None:
    """``code_attempts._row``: a moment in the future is now, from the first refusal on."""
    later = timezone.now() + dt.timedelta(seconds=ahead)
    CodeFailures.objects.update(failures=failures, total=failures, last_at=later)
    wait = code_attempts.wait_after(failures)
    ada.sign_in("ada")
    if wait:
        refused = ada.enter_code()
        assert refused.answered == 429
        assert int(refused.retry_after) <= wait + 1
        ada.wait(int(wait) + 1)
        ada.sign_in("ada")
    assert ada.enter_code().status_code == 302
    assert ada.is_in()


def test_an_administrator_lifts_what_a_clock_did(patient: LocalPool, ada: Ada) -> None:
    """``code_attempts.unlock``: ``last_at`` moves too."""
    later = timezone.now() + dt.timedelta(days=400)
    CodeFailures.objects.update(failures=6, total=6, last_at=later)
    status.clear_failures("ada", sub=ada.sub, actor=None, reason="x")
    assert counter(ada).last_at <= timezone.now()
    ada.sign_in("ada")
    assert ada.enter_code().status_code == 302


@pytest.mark.parametrize(
    ("offset", "age"), [(-90, 90), (20, 0), (clocks.SKEW + 5, None), (86400, None)]
)
def test_what_a_stored_moment_means(offset: int, age: float | None) -> None:
    """``clocks.seconds_since``."""
    moment = timezone.now() + dt.timedelta(seconds=offset)
    for form in (moment, moment.timestamp()):
        found = clocks.seconds_since(form)
        assert found == (None if age is None else pytest.approx(age, abs=5))
    assert clocks.seconds_since(float("nan")) is None


# ------------------------------------------------------------------------------------------- total


@pytest.fixture
def admin(patient: LocalPool, ada: Ada) -> Visitor:
    make(patient, "root", is_staff=True, is_superuser=True)
    root = Visitor(Client(), ada.cognito)
    root.set_up("root")
    return root


def clear(admin: Visitor, url: str, key: int) -> str:
    data = {"action": "clear_failures", "_selected_action": [key]}
    told = {**data, "confirmed": "yes", "reason": "Called back"}
    return admin.text(admin.client.post(reverse(url), told, follow=True))


@both_ways
def test_clearing_does_not_make_guessing_endless(
    patient: LocalPool, ada: Ada, django_capture_on_commit_callbacks: Any
) -> None:
    """``code_attempts.unlock`` leaves the total; ``code_attempts._refuse_if_too_many`` looks at it. Most of
    the rounds are written into the row: each is as the one before.
    """
    mail.outbox.clear()
    ada.cognito.forget_calls()
    with django_capture_on_commit_callbacks(execute=True):
        for round_ in range(40):
            if round_ == 2:
                CodeFailures.objects.update(total=F("total") + 80)
            ada.sign_in("ada")
            for _ in range(4):
                ada.enter_code(ada.wrong_code())
            ada.wait(960)
            try:
                status.clear_failures("ada", sub=ada.sub, actor=None, reason="x")
            except Refused:
                break
    counted = ada.cognito.operations().count("RespondToAuthChallenge")
    assert counted == code_attempts.MAX_ATTEMPTS - 80
    ada.sign_in("ada")
    assert ada.enter_code().answered == 403
    assert MFAEvent.objects.filter(kind="CODE_ENTRY_LOCKED").count() == 1
    stopped = [m for m in mail.outbox if "is locked" in m.subject]
    assert len(stopped) == 1


@pytest.mark.parametrize("url", [PEOPLE, COUNTERS])
def test_staff_are_told_that_only_a_new_authenticator_helps(
    patient: LocalPool, ada: Ada, admin: Visitor, url: str
) -> None:
    """``status.clear_failures``: refused, and no event says that it was done."""
    stop(ada, code_attempts.MAX_ATTEMPTS)
    key = ada.row.pk if url == PEOPLE else counter(ada).pk
    page = clear(admin, url, key)
    assert "Code entry stays locked for ada" in page
    assert "Unlocked code entry for" not in page
    assert counter(ada).failures == code_attempts.MAX_ATTEMPTS
    assert not MFAEvent.objects.filter(kind="FAILURES_CLEARED").exists()
    stopped = admin.text(admin.get(reverse(COUNTERS), query_params={"state": "stopped"}))
    assert ">ada</a>" in stopped


@both_ways
def test_a_reset_makes_a_new_beginning(patient: LocalPool, ada: Ada) -> None:
    """``reset._finish`` → ``code_attempts.clear``."""
    stop(ada, code_attempts.MAX_ATTEMPTS)
    reset.run(reset.request(ada.row, actor=None, reason="x"))
    assert counter(ada).failures == counter(ada).total == 0


@both_ways
def test_a_new_authenticator_makes_a_new_beginning(patient: LocalPool, ada: Ada) -> None:
    """``transitions.record_setup`` → ``code_attempts.clear``: reset in the pool, with another tool."""
    stop(ada, code_attempts.MAX_ATTEMPTS)
    user = patient.user("ada")
    user.software_token = user.preferred_factor = None
    user.enabled_factors.clear()
    ada.come()
    assert counter(ada).failures == counter(ada).total == 0


@both_ways
def test_a_right_code_takes_the_total_back(patient: LocalPool, ada: Ada) -> None:
    """``code_attempts._release``."""
    fail(ada, 3)
    status.clear_failures("ada", sub=ada.sub, actor=None, reason="x")
    assert (counter(ada).failures, counter(ada).total) == (0, 3)
    ada.sign_in("ada")
    assert ada.enter_code().status_code == 302
    assert counter(ada).total == 0


def test_clearing_the_counter_of_a_name_leaves_the_people_of_that_name_alone(
    patient: LocalPool, ada: Ada, admin: Visitor
) -> None:
    """``status.clear_failures`` by the ``sub``; a row without one is about no one who is known."""
    stop(ada, 7)
    alone = CodeFailures.objects.create(pool_id=POOL_ID, username="ada", failures=7)
    clear(admin, COUNTERS, alone.pk)
    alone.refresh_from_db()
    assert (alone.failures, counter(ada).failures) == (0, 7)


def test_what_was_counted_by_the_name_goes_along_with_the_person(
    patient: LocalPool, visitor: Visitor
) -> None:
    """``next_step.finish_with_tokens`` → ``code_attempts.move_to_sub``: no one gets a second counter by being known."""
    new = Ada(patient, visitor)
    new.set_up_elsewhere(patient)
    new.sign_in("ada")
    new.enter_code(new.wrong_code())
    assert (CodeFailures.objects.get().sub, CodeFailures.objects.get().failures) == ("", 1)
    new.enter_code()
    assert new.is_in()
    assert (CodeFailures.objects.get().sub, CodeFailures.objects.get().failures) == (new.sub, 0)


@pytest.mark.parametrize("there_is_one", [False, True])
def test_what_failed_while_a_right_code_was_on_its_way_stays_counted(there_is_one: bool) -> None:
    """``code_attempts.move_to_sub``: moved, or added."""
    if there_is_one:
        CodeFailures.objects.create(pool_id=POOL_ID, username="ada", sub="1", failures=2, total=2)
    with (
        code_attempts.count_attempt("ada"),
        pytest.raises(BadCode),
        code_attempts.count_attempt("ada"),
    ):
        raise BadCode
    code_attempts.move_to_sub("ada", "1")
    row = CodeFailures.objects.get()
    assert (row.sub, row.failures, row.total) == ("1", *[3 if there_is_one else 1] * 2)
