"""Codes have a budget: for each person, across sessions, processes and addresses."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse

from cognito_mfa.authenticator import code_attempts
from cognito_mfa.exceptions import BadCode
from cognito_mfa.local import Behavior, LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent
from tests.threads import in_threads
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID, Visitor

pytestmark = pytest.mark.auth_flows("ADMIN_USER_PASSWORD_AUTH")


@pytest.fixture
def patient(cognito: LocalCognito) -> LocalPool:
    """A pool that never locks, as some have measured, so that only our count matters."""
    behavior = Behavior(code_failures_before_lock=None)
    pool = cognito.create_pool(POOL_ID, mfa="ON", behavior=behavior)
    pool.create_client(CLIENT_ID)
    address = {"email": "newcomer@example.com", "email_verified": "true"}
    pool.create_user("newcomer", password=PASSWORD, attributes=address)
    return pool


def at_challenge(visitor: Visitor) -> Callable[[str], Any]:
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    return visitor.enter_code


def at_set_up(visitor: Visitor) -> Callable[[str], Any]:
    visitor.sign_in()
    visitor.scan()
    return visitor.confirm_setup


def at_reauthentication(visitor: Visitor) -> Callable[[str], Any]:
    visitor.set_up()
    visitor.post(reverse("cognito_mfa:device_replace"), {"password": PASSWORD})
    return visitor.enter_code


@pytest.mark.over_api
@pytest.mark.parametrize("come_to", [at_challenge, at_set_up, at_reauthentication])
def test_five_are_free_then_the_wait_grows(
    patient: LocalPool, visitor: Visitor, come_to: Callable[[Visitor], Callable[[str], Any]]
) -> None:
    answer = come_to(visitor)
    visitor.cognito.forget_calls()
    for _ in range(code_attempts.FREE_ATTEMPTS):
        assert answer(visitor.wrong_code()).status_code == 200
    waiting = answer(visitor.code())
    assert waiting.answered == 429
    assert 25 <= int(waiting.retry_after) <= 31
    assert len(visitor.cognito.operations()) == code_attempts.FREE_ATTEMPTS

    visitor.wait(31)
    assert answer(visitor.wrong_code()).status_code == 200
    visitor.wait(31)
    assert answer(visitor.wrong_code()).answered == 429
    visitor.wait(31)
    assert answer(visitor.code()).status_code == 302
    assert visitor.is_in()
    assert CodeFailures.objects.get().failures == 0


def test_starting_again_or_from_elsewhere_does_not_start_the_count_again(
    patient: LocalPool, visitor: Visitor
) -> None:
    """The count belongs to the user, not to the session or the address."""
    visitor.set_up()
    visitor.sign_out()
    for number in range(code_attempts.FREE_ATTEMPTS):
        fresh = Visitor(Client(REMOTE_ADDR=f"192.0.2.{number}"), visitor.cognito)
        fresh.secret = visitor.secret
        fresh.sign_in()
        assert fresh.enter_code(fresh.wrong_code()).status_code == 200
    visitor.sign_in()
    assert visitor.enter_code().answered == 429


def test_a_hundred_in_a_row_stop_it_until_an_administrator_lifts_it(
    patient: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """Section 3.2.2 of NIST SP 800-63B-4 allows 100 failures in a row. Time takes nothing back.

    Those in the middle are written into the row: each of them is as the one before.
    """
    visitor.set_up()
    visitor.sign_out()
    visitor.cognito.forget_calls()
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        for attempt in range(10 + 10 + 10):
            if attempt == 10:
                number = code_attempts.MAX_ATTEMPTS - 10
                CodeFailures.objects.update(failures=number, total=number)
            visitor.sign_in()
            visitor.enter_code(visitor.wrong_code())
            visitor.wait(code_attempts.MAX_WAIT + 1)
    assert visitor.cognito.operations().count("RespondToAuthChallenge") == 10 + 10
    visitor.wait(365 * 86400)
    visitor.sign_in()
    stopped = visitor.enter_code()
    assert stopped.answered == 403
    assert "code entry is locked" in visitor.text(stopped)
    assert not visitor.is_in()
    assert [m.subject for m in mail.outbox] == [
        "Example Ltd: Wrong codes were entered for your account",
        "Example Ltd: Code entry is locked for your account",
    ]
    assert MFAEvent.objects.filter(kind="CODE_ENTRY_LOCKED").count() == 1

    code_attempts.clear("newcomer")
    visitor.sign_in()
    visitor.enter_code()
    assert visitor.is_in()


def test_a_stranger_without_the_password_cannot_lock_anyone(
    patient: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up()
    visitor.sign_out()
    stranger = Visitor(Client(), visitor.cognito)
    for _ in range(20):
        stranger.sign_in("newcomer", "Wrong-Horse-7")
        stranger.enter_code("123456")
    assert CodeFailures.objects.get().failures == 0


@pytest.mark.over_api
@pytest.mark.parametrize(
    "fault",
    [
        faults.Unreachable(),
        faults.Timeout(executed=True),
        faults.Error("TooManyRequestsException"),
        faults.Error("NotAuthorizedException", "Invalid session for the user, session is expired."),
        faults.Error("InternalErrorException", "", 500),
    ],
    ids=str,
)
def test_what_was_no_guess_is_not_counted(
    patient: LocalPool, visitor: Visitor, fault: faults.Fault
) -> None:
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in()
    visitor.cognito.faults.on("RespondToAuthChallenge", fault, times=1)
    visitor.enter_code()
    assert CodeFailures.objects.get().failures == 0


def test_the_waits() -> None:
    waits = [code_attempts.wait_after(count) for count in (0, 4, 5, 6, 7, 11, 12, 13, 99)]
    assert waits == [0, 0, 30, 60, 120, 1920, 3600, 3600, 3600]


def test_a_success_does_not_take_back_what_failed_after_it_started(db: None) -> None:
    with code_attempts.count_attempt("somebody"):
        for _ in range(2):
            with pytest.raises(BadCode), code_attempts.count_attempt("somebody"):
                raise BadCode
    assert code_attempts.failures("somebody") == 2


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="needs PostgreSQL: SQLite has one writer at a time"
)
class TestAtOnce:
    """What many threads do at once."""

    def test_fifty_with_the_same_right_code_one_gets_in(
        self, patient: LocalPool, visitor: Visitor
    ) -> None:
        visitor.set_up()
        visitor.sign_out()
        people = [Visitor(Client(), visitor.cognito) for _ in range(50)]
        for person in people:
            person.sign_in()
        code = visitor.code()
        waiting = iter(people)
        taking = threading.Lock()

        def enter() -> None:
            with taking:
                person = next(waiting)
            person.enter_code(code)

        in_threads(50, enter)
        assert sum(person.is_in() for person in people) == 1

    def test_two_hundred_wrong_ones_never_more_than_the_limit_reach_cognito(
        self, patient: LocalPool, visitor: Visitor
    ) -> None:
        visitor.set_up()
        visitor.sign_out()
        people = [Visitor(Client(), visitor.cognito) for _ in range(200)]
        for person in people:
            person.sign_in()
        visitor.cognito.forget_calls()
        wrong = visitor.wrong_code()
        waiting = iter(people)
        taking = threading.Lock()

        def enter() -> None:
            with taking:
                person = next(waiting)
            assert person.enter_code(wrong).answered in (200, 429)

        in_threads(200, enter)
        assert (
            visitor.cognito.operations() == ["RespondToAuthChallenge"] * code_attempts.FREE_ATTEMPTS
        )
        assert [m.subject for m in mail.outbox].count(
            "Example Ltd: Wrong codes were entered for your account"
        ) == 1
        assert CodeFailures.objects.get().failures == code_attempts.FREE_ATTEMPTS
        assert CognitoIdentity.objects.get().code_failures == code_attempts.FREE_ATTEMPTS
