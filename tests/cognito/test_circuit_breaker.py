"""Calls while Cognito does not respond, and how the process finds out that it does again."""

from __future__ import annotations

import logging
import os
import select
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import override_settings
from pytest_django import Settings

from cognito_mfa.cognito import circuit_breaker, clients, deadline
from cognito_mfa.cognito.call_failures import Failure
from cognito_mfa.cognito.circuit_breaker import LATE, OVERDUE, PAUSE, WINDOW, CircuitBreaker, Ticket
from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import CognitoMFAError, Unavailable, UnavailableReason
from cognito_mfa.local import LocalCognito, faults
from tests.visitor import CLIENT_ID, POOL_ID

pytestmark = pytest.mark.usefixtures("pool")
LONG = 20.0  # seconds, after which a test fails instead of waiting
DOWN = faults.Unreachable()
SIGN_IN = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": CLIENT_ID}


class MovableClock:
    """The clock of the process, which stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    clock = MovableClock()
    monkeypatch.setattr("cognito_mfa.values.clocks.monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def threshold(settings: Settings) -> int:
    number = settings.COGNITO_MFA.get("CIRCUIT_BREAKER", 5)
    assert isinstance(number, int)
    return number


def ask() -> str:
    """Make a call that any process makes, whose answer is known."""
    answer = call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
    return str(answer["MfaConfiguration"])


def outcome_of(make_call: Callable[[], object] = ask) -> str:
    """Return ``works``, or why the call failed."""
    try:
        make_call()
    except Unavailable as error:
        return error.reason or error.error
    except CognitoMFAError as error:
        return error.error
    return "works"


def sign_in() -> object:
    """Make a call that consumes something; the parameters that are missing are refused by Cognito."""
    return call("InitiateAuth", SIGN_IN)


def fail(cognito: LocalCognito, times: int, fault: faults.Fault = DOWN) -> list[str]:
    """Make calls that fail as ``fault`` says."""
    cognito.faults.on("*", fault)
    try:
        return [outcome_of(sign_in) for _ in range(times)]
    finally:
        cognito.faults.clear()


@pytest.fixture
def opened(cognito: LocalCognito, clock: MovableClock, threshold: int) -> MovableClock:
    """The clock at the moment at which the circuit opens."""
    fail(cognito, threshold)
    assert circuit_breaker.state() == "open"
    cognito.forget_calls()
    return clock


# -------------------------------------------------------------------------------------- opening


def test_after_failures_in_a_row_calls_fail_at_once_and_nothing_is_sent(
    cognito: LocalCognito, clock: MovableClock, threshold: int
) -> None:
    outcomes = fail(cognito, threshold + 2)
    assert outcomes == ["EndpointConnectionError"] * threshold + ["circuit_open"] * 2
    cognito.forget_calls()
    with pytest.raises(Unavailable) as raised:
        ask()
    assert (raised.value.sent, raised.value.is_definite) == ("no", True)
    assert cognito.operations() == []


@pytest.mark.parametrize(
    "fault",
    [
        faults.Unreachable(),
        faults.Timeout(executed=True),
        faults.Reset(executed=False),
        faults.Error("InternalErrorException", "oh", 500),
        faults.Body(b"<html>busy</html>", 503),
        faults.Body(b"", 502),
    ],
    ids=["unreachable", "timeout", "reset", "internal error", "503 page", "502 page"],
)
def test_what_the_service_does_opens_the_circuit(
    cognito: LocalCognito, threshold: int, fault: faults.Fault
) -> None:
    fail(cognito, threshold, fault)
    assert outcome_of() == "circuit_open"


@pytest.mark.parametrize(
    "fault",
    [
        faults.Error("NotAuthorizedException", "Incorrect username or password."),
        faults.Error("UserNotFoundException", "User does not exist."),
        faults.Error("CodeMismatchException", "Invalid code"),
        faults.Error("InvalidParameterException", "no"),
        faults.Error("UnexpectedLambdaException", "PreAuthentication failed"),
        faults.Error("TooManyRequestsException", "Rate exceeded"),
        faults.Error("AccessDeniedException", "no"),
        faults.Body(b"<html>blocked</html>", 403),
    ],
    ids=lambda fault: getattr(fault, "code", "firewall"),
)
def test_what_users_send_never_opens_it(
    cognito: LocalCognito, threshold: int, fault: faults.Fault
) -> None:
    fail(cognito, 3 * threshold, fault)
    assert outcome_of() == "works"


def test_an_answer_in_between_starts_the_count_anew(cognito: LocalCognito, threshold: int) -> None:
    for _ in range(3):
        fail(cognito, threshold - 1)
        assert outcome_of() == "works"


def test_failures_long_ago_do_not_count(
    cognito: LocalCognito, clock: MovableClock, threshold: int
) -> None:
    for _ in range(2):
        fail(cognito, threshold - 1)
        clock.advance(WINDOW + 1)
    assert outcome_of() == "works"


def test_a_deadline_shorter_than_usual_says_nothing(cognito: LocalCognito, threshold: int) -> None:
    with deadline.within(0.0):
        assert {outcome_of() for _ in range(threshold)} == {"deadline_exceeded"}
    late = Failure("transport", "", reason=UnavailableReason.DEADLINE_EXCEEDED)
    with deadline.within(deadline.ENOUGH - 1):
        for _ in range(threshold):
            circuit_breaker.run(lambda: late)
    assert outcome_of() == "works"


def test_a_deadline_of_the_usual_length_counts(
    cognito: LocalCognito, clock: MovableClock, threshold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the call itself uses up shortens nothing."""
    monkeypatch.setattr(deadline, "DEADLINE", 12.0)

    def run_late() -> Failure:
        clock.advance(deadline.DEADLINE)
        return Failure("transport", "", reason=UnavailableReason.DEADLINE_EXCEEDED)

    for _ in range(threshold):
        with deadline.within(deadline.DEADLINE):
            circuit_breaker.run(run_late)
    assert outcome_of() == "circuit_open"


def test_what_this_machine_lacks_says_nothing(
    cognito: LocalCognito, threshold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(deadline, "THREADS", 0)
        broken.setattr(deadline, "_idle", [])
        assert {outcome_of() for _ in range(threshold)} == {"too_many_calls"}
    assert outcome_of() == "works"


def test_calls_that_waited_for_a_place_are_not_sent_once_it_is_open(
    cognito: LocalCognito, threshold: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each of them would hang in turn."""
    monkeypatch.setattr(deadline, "_places", threading.Semaphore(1))
    monkeypatch.setattr(deadline, "QUEUE", LONG)
    cognito.faults.on("*", DOWN)
    with ThreadPoolExecutor(20) as callers:
        outcomes = [
            caller.result(LONG) for caller in [callers.submit(outcome_of) for _ in range(20)]
        ]
    assert outcomes.count("EndpointConnectionError") == threshold
    assert outcomes.count("circuit_open") == 20 - threshold


# ------------------------------------------------------------------------------- calls that hang


def admitted(breaker: CircuitBreaker) -> Ticket:
    ticket = breaker.admit()
    assert ticket is not None
    return ticket


def test_calls_that_hang_open_it_before_they_fail(
    cognito: LocalCognito, clock: MovableClock, threshold: int
) -> None:
    """Each holds a thread of the web server. Those under way go on, and may still be answered."""
    all_ask, released = threading.Barrier(threshold + 1), threading.Event()

    def hang() -> str:
        all_ask.wait(LONG)
        released.wait(LONG)
        return "answer"

    with ThreadPoolExecutor(threshold) as callers:
        waiting = [callers.submit(circuit_breaker.run, hang) for _ in range(threshold)]
        all_ask.wait(LONG)
        assert outcome_of() == "works"
        cognito.forget_calls()
        clock.advance(OVERDUE)
        assert outcome_of() == "circuit_open"
        assert cognito.operations() == []
        released.set()
        assert [call.result(LONG) for call in waiting] == ["answer"] * threshold
    assert circuit_breaker.state() == "closed", "Cognito answered"


def test_slow_calls_do_not_open_it_while_others_are_answered(clock: MovableClock) -> None:
    breaker = CircuitBreaker(2)
    for _ in range(5):
        admitted(breaker)
    answered = admitted(breaker)
    clock.advance(OVERDUE - 0.5)
    breaker.report(answered, works=True)
    clock.advance(OVERDUE - 0.5)
    late = admitted(breaker)
    assert str(breaker.state) == "closed"
    clock.advance(OVERDUE)
    assert breaker.admit() is None
    breaker.report(late, works=False)
    assert str(breaker.state) == "open"


def test_fewer_calls_that_hang_than_failures_are_needed_do_not_open_it(
    clock: MovableClock,
) -> None:
    breaker = CircuitBreaker(3)
    for _ in range(2):
        admitted(breaker)
    clock.advance(OVERDUE)
    assert breaker.admit() is not None


def test_failures_and_calls_that_hang_count_together(clock: MovableClock) -> None:
    breaker = CircuitBreaker(3)
    failing, _hanging = admitted(breaker), admitted(breaker)
    breaker.report(failing, works=False)
    breaker.report(admitted(breaker), works=False)
    clock.advance(OVERDUE - 0.5)
    breaker.report(admitted(breaker), works=None)
    clock.advance(0.5)
    assert breaker.admit() is None


def test_when_one_call_hangs_later_ones_count_as_soon_as_they_are_late(
    clock: MovableClock,
) -> None:
    """At two sign-ins a second, the fifth that hangs would be overdue when the web server has no thread left."""
    breaker = CircuitBreaker(3)
    admitted(breaker)
    clock.advance(OVERDUE)
    admitted(breaker)
    admitted(breaker)
    assert breaker.admit() is not None
    clock.advance(LATE)
    assert breaker.admit() is None


def test_calls_after_a_quiet_time_have_theirs_to_answer(clock: MovableClock) -> None:
    """A service that was not asked for a while may be slow at first."""
    breaker = CircuitBreaker(2)
    breaker.report(admitted(breaker), works=True)
    clock.advance(3600)
    for _ in range(5):
        admitted(breaker)
    clock.advance(OVERDUE - 0.1)
    assert breaker.admit() is not None


def test_calls_that_ended_do_not_hang(clock: MovableClock) -> None:
    breaker = CircuitBreaker(1)
    for works in (True, None):
        breaker.report(admitted(breaker), works=works)
        clock.advance(OVERDUE)
    assert breaker.admit() is not None


# -------------------------------------------------------------------------------------- closing


def test_it_stays_open_for_a_while(opened: MovableClock, cognito: LocalCognito) -> None:
    opened.advance(PAUSE - 0.1)
    assert circuit_breaker.seconds_to_wait() == pytest.approx(0.1)
    assert outcome_of() == "circuit_open"
    assert cognito.operations() == []


def test_one_call_that_works_closes_it(opened: MovableClock, cognito: LocalCognito) -> None:
    opened.advance(PAUSE)
    assert circuit_breaker.state() == "half_open"
    assert outcome_of() == "works"
    assert circuit_breaker.state() == "closed"
    assert [outcome_of() for _ in range(3)] == ["works"] * 3


def test_a_wrong_password_closes_it_because_cognito_answered(
    opened: MovableClock, cognito: LocalCognito
) -> None:
    opened.advance(PAUSE)
    fail(cognito, 1, faults.Error("NotAuthorizedException", "Incorrect username or password."))
    assert circuit_breaker.state() == "closed"


def test_the_call_that_is_let_through_is_sent_once(
    opened: MovableClock, cognito: LocalCognito
) -> None:
    opened.advance(PAUSE)
    fail(cognito, 3, faults.Timeout(executed=True))
    assert cognito.operations() == ["InitiateAuth"]
    assert circuit_breaker.state() == "open"


def test_one_call_at_a_time_is_let_through(
    opened: MovableClock, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, released = threading.Event(), threading.Event()

    def hang() -> str:
        asked.set()
        released.wait(LONG)
        return "answer"

    opened.advance(PAUSE)
    with ThreadPoolExecutor(1) as callers:
        probe = callers.submit(circuit_breaker.run, hang)
        assert asked.wait(LONG)
        opened.advance(2 * PAUSE)
        assert circuit_breaker.state() == "open"
        assert [outcome_of() for _ in range(20)] == ["circuit_open"] * 20
        released.set()
        assert probe.result(LONG) == "answer"
    assert outcome_of() == "works"


def test_where_calls_hang_the_next_is_let_through_as_soon_as_one_has_failed(
    opened: MovableClock, cognito: LocalCognito
) -> None:
    """So that the circuit closes one deadline after Cognito is back, and not a pause later."""
    opened.advance(PAUSE)

    def hang() -> Failure:
        opened.advance(deadline.DEADLINE)
        return Failure("transport", "ReadTimeoutError")

    assert isinstance(circuit_breaker.run(hang), Failure)
    assert circuit_breaker.state() == "half_open"
    assert outcome_of() == "works"


def test_a_call_that_says_nothing_leaves_it_open_for_the_next_one(
    opened: MovableClock, cognito: LocalCognito
) -> None:
    opened.advance(PAUSE)
    with deadline.within(0.0):
        assert outcome_of() == "deadline_exceeded"
    assert circuit_breaker.state() == "open"
    opened.advance(PAUSE)
    assert outcome_of() == "works"


def test_a_caller_that_is_stopped_does_not_keep_it_open(
    opened: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_send: object) -> None:
        raise SystemExit

    opened.advance(PAUSE)
    with monkeypatch.context() as stopped:
        stopped.setattr(deadline, "run_within_deadline", stop)
        with pytest.raises(SystemExit):
            ask()
    opened.advance(PAUSE)
    assert outcome_of() == "works"


def test_a_failure_from_before_does_not_open_it_again(clock: MovableClock) -> None:
    """It may end long after Cognito is back."""
    breaker = CircuitBreaker(1)
    late, failing = (admitted(breaker) for _ in range(2))
    breaker.report(failing, works=False)
    clock.advance(PAUSE)
    probe = admitted(breaker)
    assert probe.is_probe
    breaker.report(probe, works=True)
    breaker.report(late, works=False)
    assert breaker.state == "closed"


def test_an_answer_to_a_call_from_before_closes_it(clock: MovableClock) -> None:
    """Such as where a Lambda trigger takes four seconds, and several users sign in at once after a quiet time."""
    breaker = CircuitBreaker(5)
    slow = [admitted(breaker) for _ in range(5)]
    clock.advance(OVERDUE)
    assert breaker.admit() is None
    assert str(breaker.state) == "open"
    clock.advance(1.0)
    breaker.report(slow[0], works=True)
    assert str(breaker.state) == "closed"
    for ticket in slow[1:]:
        breaker.report(ticket, works=True)


def test_a_probe_that_outlasts_the_next_opening_is_not_waited_for(clock: MovableClock) -> None:
    breaker = CircuitBreaker(1)
    late, failing = (admitted(breaker) for _ in range(2))
    breaker.report(failing, works=False)
    clock.advance(PAUSE)
    probe = admitted(breaker)
    breaker.report(late, works=True)
    breaker.report(admitted(breaker), works=False)
    clock.advance(PAUSE)
    assert admitted(breaker).is_probe
    breaker.report(probe, works=False)
    assert breaker.admit() is None, "one at a time"


# -------------------------------------------------------------------------------------- processes


def test_other_settings_start_with_a_closed_circuit(
    opened: MovableClock, settings: Settings
) -> None:
    with override_settings(COGNITO_MFA=dict(settings.COGNITO_MFA)):
        assert circuit_breaker.state() == "closed"


def test_new_clients_start_with_a_closed_circuit(opened: MovableClock) -> None:
    clients.forget_clients()
    assert outcome_of() == "works"


def test_it_can_be_turned_off(settings: Settings, cognito: LocalCognito) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CIRCUIT_BREAKER": None}
    assert set(fail(cognito, 20)) == {"EndpointConnectionError"}
    assert (circuit_breaker.state(), circuit_breaker.seconds_to_wait()) == ("off", 0.0)


def test_the_number_of_failures_is_the_sites(settings: Settings, cognito: LocalCognito) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CIRCUIT_BREAKER": 2}
    assert fail(cognito, 3) == ["EndpointConnectionError"] * 2 + ["circuit_open"]


def test_operators_call_whatever_the_state(opened: MovableClock, cognito: LocalCognito) -> None:
    with circuit_breaker.bypassed():
        assert outcome_of() == "works"
    assert outcome_of() == "circuit_open", "the sites' own calls decide"


def test_a_forked_child_starts_with_a_closed_circuit(opened: MovableClock) -> None:
    breaker = circuit_breaker._current()
    assert breaker is not None
    reading_end, writing_end = os.pipe()
    with warnings.catch_warnings(), breaker._lock:
        warnings.simplefilter("ignore")  # Python's own, that threads and forks are hard
        child = os.fork()
        if not child:
            try:
                os.write(writing_end, outcome_of().encode())
            finally:
                os._exit(0)
    try:
        ready, _, _ = select.select([reading_end], [], [], LONG)
        assert ready
        assert os.read(reading_end, 100) == b"works"
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reading_end)
        os.close(writing_end)
    assert circuit_breaker.state() == "open"


def test_it_is_logged_once_each_time(
    cognito: LocalCognito, clock: MovableClock, threshold: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="cognito_mfa"):
        fail(cognito, 2 * threshold)
        clock.advance(PAUSE)
        fail(cognito, 1)
        clock.advance(PAUSE)
        ask()
    ours = [record.getMessage() for record in caplog.records if "circuit" in record.getMessage()]
    assert ours == [
        f"circuit_opened: failures {threshold}, overdue 0",
        "circuit_closed: after 10 seconds",
    ]


# -------------------------------------------------------------------------------------- throttling


@pytest.fixture
def throttled(cognito: LocalCognito) -> Iterator[LocalCognito]:
    cognito.faults.on("*", faults.Error("TooManyRequestsException", "Rate exceeded"))
    yield cognito
    cognito.faults.clear()


def test_throttled_calls_are_repeated_only_while_repeats_help(throttled: LocalCognito) -> None:
    """Cognito that throttles for minutes is not asked twice as often."""
    for _ in range(50):
        assert outcome_of(sign_in) == "TooManyRequestsException"
    assert len(throttled.operations()) == 60, "ten repeats, and no more"
    throttled.forget_calls()
    throttled.faults.clear()
    for _ in range(20):
        outcome_of(sign_in)
    throttled.faults.on("*", faults.Error("TooManyRequestsException"), times=1)
    throttled.forget_calls()
    assert outcome_of(sign_in) != "TooManyRequestsException"
    assert len(throttled.operations()) == 2


def test_repeats_that_succeed_cost_nothing(throttled: LocalCognito) -> None:
    throttled.faults.clear()
    for _ in range(30):
        throttled.faults.on("*", faults.Error("TooManyRequestsException"), times=1)
        assert outcome_of(sign_in) != "TooManyRequestsException"
    assert len(throttled.operations()) == 60


def test_one_operation_does_not_use_up_the_repeats_of_another(throttled: LocalCognito) -> None:
    for _ in range(20):
        outcome_of(sign_in)
    throttled.forget_calls()
    answer = {"ClientId": CLIENT_ID, "ChallengeName": "SOFTWARE_TOKEN_MFA"}
    outcome_of(lambda: call("RespondToAuthChallenge", answer))
    assert len(throttled.operations()) == 2
