"""How long calls may take as a whole, and the threads that carry them."""

from __future__ import annotations

import contextvars
import os
import select
import socket
import socketserver
import subprocess
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from cognito_mfa.cognito import clients, deadline
from cognito_mfa.cognito.call_failures import Failure
from cognito_mfa.cognito.clients import client_for, make_client
from cognito_mfa.cognito.deadline import CallThread, begin, run_within_deadline
from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import BadCredentials, Misconfigured, Unavailable
from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.wire.messages import WireResponse
from tests.visitor import CLIENT_ID, PASSWORD, POOL_ID

pytestmark = pytest.mark.usefixtures("pool")
SECRETS = {"USERNAME": "ada", "PASSWORD": PASSWORD}
LONG = (
    60.0  # seconds, after which a test fails instead of waiting; a busy machine needs some of them
)


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """No idle threads at first, and those of the test are forgotten."""
    monkeypatch.setattr(deadline, "_idle", [])
    monkeypatch.setattr(deadline, "_alive", set())


@pytest.fixture
def over_http(
    cognito: LocalCognito, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[object]]:
    """The local Cognito behind a socket; the list has an item for each connection that was made."""
    accepted: list[object] = []
    accept = socketserver.TCPServer.get_request

    def accept_counted(server: socketserver.TCPServer) -> Any:
        connection, address = accept(server)
        accepted.append(address)
        return connection, address

    monkeypatch.setattr(socketserver.TCPServer, "get_request", accept_counted)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    with cognito.serve() as server:
        settings.COGNITO_MFA = {
            **settings.COGNITO_MFA,
            "CLIENT_FACTORY": make_client,
            "ENDPOINT_URL": server.url,
        }
        yield accepted


def ask() -> str:
    answer = call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
    return str(answer["MfaConfiguration"])


def begin_sign_in() -> str:
    """Make a call that is sent directly, where a client of the app's own makes it."""
    given = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": CLIENT_ID, "AuthParameters": SECRETS}
    with pytest.raises(BadCredentials):
        call("InitiateAuth", given)
    return "ON"


EACH_WAY = pytest.mark.parametrize("ask", [ask, begin_sign_in])


def hang_until(released: threading.Event) -> Callable[[], threading.Thread]:
    def work() -> threading.Thread:
        released.wait(LONG)
        return threading.current_thread()

    return work


@dataclass(frozen=True)
class Hang:
    """No answer before ``released`` is set."""

    released: threading.Event
    name: str = "Hang"

    def play(self, execute: faults.Execute) -> WireResponse:
        self.released.wait(LONG)
        return execute().response()


# -------------------------------------------------------------------------------------- the time


def test_a_late_reply_is_cut_at_the_deadline(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The number only: waiting twelve seconds in a test would prove no more.
    monkeypatch.setattr(deadline, "DEADLINE", 0.2)
    released = threading.Event()
    cognito.faults.on("GetUserPoolMfaConfig", Hang(released))
    with pytest.raises(Unavailable) as raised:
        ask()
    released.set()
    assert (raised.value.sent, raised.value.reason) == ("unknown", "deadline_exceeded")


@EACH_WAY
@pytest.mark.usefixtures("over_http")
def test_a_reply_that_arrives_byte_by_byte_is_cut_at_the_deadline(
    ask: Callable[[], str], cognito: LocalCognito
) -> None:
    ask()
    cognito.faults.on("*", faults.Drip(3))
    with deadline.within(1), pytest.raises(Unavailable) as raised:
        ask()
    assert (raised.value.sent, raised.value.reason) == ("unknown", "deadline_exceeded")


@EACH_WAY
@pytest.mark.usefixtures("over_http")
def test_a_hung_dns_lookup_is_cut_at_the_deadline(
    ask: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for operation in ("GetUserPoolMfaConfig", "InitiateAuth"):
        client_for(operation)  # made before, so that the time is that of the lookup
    released = threading.Event()

    def hang(*_args: object, **_kwargs: object) -> None:
        released.wait(LONG)
        raise socket.gaierror

    with monkeypatch.context() as broken:
        broken.setattr(socket, "getaddrinfo", hang)
        with deadline.within(0.1), pytest.raises(Unavailable) as raised:
            ask()
        assert raised.value.reason == "deadline_exceeded"
        released.set()
    assert ask() == "ON"


def test_calls_made_together_take_no_longer_than_they_may(cognito: LocalCognito) -> None:
    """Nothing is waited for once the time is over."""
    with deadline.within(0.0), pytest.raises(Unavailable) as caught:
        ask()
    assert caught.value.reason == "deadline_exceeded"
    assert ask() == "ON"


# -------------------------------------------------------------------------------------- the threads


@pytest.mark.usefixtures("no_threads")
def test_one_thread_carries_the_calls_that_come_one_by_one() -> None:
    threads = {run_within_deadline(threading.current_thread) for _ in range(50)}
    (thread,) = threads
    assert isinstance(thread, CallThread)
    assert thread is not threading.current_thread()


def give_up(released: threading.Event) -> Failure:
    """Make a call that hangs until it is released, and do not wait for it."""
    with deadline.within(0.05):  # on a busy machine less may be over before the call begins
        late = run_within_deadline(hang_until(released))
    assert isinstance(late, Failure)
    return late


def end_threads(released: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Release what hangs, and wait for its threads: else they would come back in a later test."""
    monkeypatch.setattr(deadline, "IDLE", 0.0)
    hanging = deadline._alive.difference(deadline._idle)
    released.set()
    for thread in hanging:
        thread.join(LONG)


@pytest.mark.usefixtures("no_threads")
def test_calls_that_were_given_up_make_no_other_call_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "_places", threading.Semaphore(3))
    monkeypatch.setattr(deadline, "QUEUE", 0.0)
    released = threading.Event()
    assert {give_up(released).reason for _ in range(6)} == {"deadline_exceeded"}
    assert ask() == "ON"
    end_threads(released, monkeypatch)


@pytest.mark.usefixtures("no_threads")
def test_threads_are_limited_whatever_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call without a thread is refused at once, and nothing of it was sent."""
    monkeypatch.setattr(deadline, "THREADS", 6)
    released = threading.Event()
    while len(deadline._alive) < 6:
        assert give_up(released).reason == "deadline_exceeded"
    refused = run_within_deadline(hang_until(released))
    assert isinstance(refused, Failure)
    assert (refused.reason, len(deadline._alive)) == ("too_many_calls", 6)
    with pytest.raises(Unavailable) as raised:
        ask()
    assert (raised.value.reason, raised.value.sent) == ("too_many_calls", "no")
    end_threads(released, monkeypatch)
    assert ask() == "ON"


@pytest.mark.usefixtures("no_threads")
def test_a_call_waits_for_a_place_but_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "_places", threading.Semaphore(1))
    holds, released = threading.Event(), threading.Event()

    def hold() -> None:
        holds.set()
        released.wait(LONG)

    with ThreadPoolExecutor(2) as callers:
        first = callers.submit(run_within_deadline, hold)
        assert holds.wait(LONG)
        monkeypatch.setattr(deadline, "QUEUE", 0.01)
        with pytest.raises(Unavailable) as raised:
            ask()
        monkeypatch.setattr(deadline, "QUEUE", LONG)
        second = callers.submit(ask)
        released.set()
        assert second.result(LONG) == "ON"
        first.result(LONG)
    assert (raised.value.reason, raised.value.sent) == ("too_many_calls", "no")


@EACH_WAY
@pytest.mark.usefixtures("no_threads")
def test_many_calls_at_once_have_few_threads_and_connections(
    ask: Callable[[], str], over_http: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "_places", threading.Semaphore(3))
    monkeypatch.setattr(deadline, "QUEUE", LONG)
    ask()
    with ThreadPoolExecutor(40) as callers:
        assert set(callers.map(lambda _: ask(), range(120))) == {"ON"}
    assert len(deadline._alive) <= 3
    assert len(over_http) <= 3


@pytest.mark.usefixtures("no_threads")
def test_a_late_answer_is_no_other_calls_answer() -> None:
    released, ended = threading.Event(), threading.Event()

    def late() -> str:
        released.wait(LONG)
        ended.set()
        return "late"

    with deadline.within(0.3):
        run_within_deadline(late)
    released.set()
    assert ended.wait(LONG)
    assert [run_within_deadline(lambda: "in time") for _ in range(20)] == ["in time"] * 20


@pytest.mark.usefixtures("no_threads")
def test_an_idle_thread_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "IDLE", 0.01)
    thread = run_within_deadline(threading.current_thread)
    assert isinstance(thread, CallThread)
    thread.join(LONG)
    assert not thread.is_alive()
    assert deadline._idle == []
    assert deadline._alive == set()
    assert run_within_deadline(threading.current_thread) is not thread


def test_a_call_that_comes_as_its_thread_is_about_to_end_is_carried() -> None:
    job = deadline._Job(contextvars.copy_context(), lambda: 1, SimpleQueue().put)

    class Late(SimpleQueue[deadline._Job]):
        def get(self, block: bool = True, timeout: float | None = None) -> deadline._Job:
            if timeout is None:
                return super().get(block)
            self.put(job)
            raise Empty

    thread = CallThread()
    thread.jobs = Late()
    assert thread._next_job() is job


@pytest.mark.usefixtures("no_threads")
def test_a_thread_survives_whatever_is_raised_in_it() -> None:
    def leave() -> None:
        raise SystemExit

    thread = run_within_deadline(threading.current_thread)
    assert run_within_deadline(leave) == Failure("reply", "SystemExit")
    assert run_within_deadline(threading.current_thread) is thread


@pytest.mark.usefixtures("no_threads")
def test_an_idle_thread_holds_nothing_of_its_last_call() -> None:
    """Error reports show the frames of all threads."""

    class Held:
        pass

    given, answered = threading.Event(), threading.Event()

    def work(held: Held) -> Held:
        answer = Held()
        weakref.finalize(held, given.set)
        weakref.finalize(answer, answered.set)
        return answer

    def carry() -> None:
        held = Held()
        assert isinstance(run_within_deadline(lambda: work(held)), Held)

    carry()
    assert given.wait(LONG)
    assert answered.wait(LONG)


@pytest.mark.usefixtures("no_threads")
def test_each_call_has_the_context_of_its_caller() -> None:
    var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="nothing")

    def read_and_set() -> str:
        seen = var.get()
        var.set("of the call before")
        return seen

    assert run_within_deadline(read_and_set) == "nothing"
    token = var.set("the caller's")
    assert run_within_deadline(read_and_set) == "the caller's"
    var.reset(token)
    assert run_within_deadline(read_and_set) == "nothing"


def test_a_machine_without_threads_is_the_operators_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    class NoThreads(list[CallThread]):
        """Never holds a thread: one that hung in an earlier test may come back only now."""

        def append(self, thread: CallThread) -> None:
            """Forget ``thread``."""

    monkeypatch.setattr(deadline, "_idle", NoThreads())
    monkeypatch.setattr(deadline, "_alive", set())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(Misconfigured) as raised:
        ask()
    assert (raised.value.error, raised.value.sent) == ("RuntimeError", "no")
    assert deadline._alive == set()


def test_threads_do_not_delay_the_end_of_the_process() -> None:
    program = """
import threading
from cognito_mfa.cognito import deadline
from cognito_mfa.cognito.deadline import run_within_deadline, within
deadline.IDLE = 3600
run_within_deadline(lambda: 1)
with within(0.01):
    run_within_deadline(threading.Event().wait)
print([thread.name for thread in threading.enumerate()])
"""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=LONG
    )
    assert "cognito-mfa-call" in done.stdout
    assert not done.stderr


@pytest.fixture
def silent_server(settings: Settings) -> Iterator[None]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        settings.COGNITO_MFA = {
            **settings.COGNITO_MFA,
            "CLIENT_FACTORY": make_client,
            "ENDPOINT_URL": f"http://127.0.0.1:{server.getsockname()[1]}",
        }
        yield


@pytest.mark.usefixtures("no_threads", "silent_server")
def test_many_sign_ins_while_cognito_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are told that they have to wait, and there are no more threads and connections than allowed."""
    monkeypatch.setattr(deadline, "_places", threading.Semaphore(4))
    monkeypatch.setattr(deadline, "THREADS", 8)
    monkeypatch.setattr(deadline, "QUEUE", 0.05)
    monkeypatch.setattr(deadline, "DEADLINE", 0.2)
    monkeypatch.setattr(deadline, "ENOUGH", 0.0)  # so that these late answers say something
    monkeypatch.setattr(deadline, "IDLE", 0.0)
    sign_in = {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "x"}
    client_for("InitiateAuth")
    files = len(list(Path("/dev/fd").iterdir()))

    def reason_of(_number: int) -> str:
        with pytest.raises(Unavailable) as raised:
            call("InitiateAuth", sign_in)
        return str(raised.value.reason)

    with ThreadPoolExecutor(60) as callers:
        reasons = set(callers.map(reason_of, range(500)))
    assert reasons <= {"deadline_exceeded", "too_many_calls", "circuit_open"}
    assert {"deadline_exceeded", "circuit_open"} <= reasons
    assert len(deadline._alive) <= 8
    assert len(list(Path("/dev/fd").iterdir())) - files <= 8


# -------------------------------------------------------------------------------------- connections


@EACH_WAY
def test_calls_share_a_connection(ask: Callable[[], str], over_http: list[object]) -> None:
    assert {ask() for _ in range(20)} == {"ON"}
    assert len(over_http) == 1


@EACH_WAY
def test_a_forked_child_has_threads_and_connections_of_its_own(
    ask: Callable[[], str], over_http: list[object]
) -> None:
    assert ask() == "ON"
    reading_end, writing_end = os.pipe()
    places = [deadline._places.acquire() for _ in range(deadline.CALLS)]
    with warnings.catch_warnings(), deadline._lock, clients._lock:
        warnings.simplefilter("ignore")  # Python's own, that threads and forks are hard
        child = os.fork()
        if not child:
            try:
                os.write(writing_end, ask().encode())
            finally:
                os._exit(0)
    try:
        ready, _, _ = select.select([reading_end], [], [], LONG)
        answer = os.read(reading_end, 10) if ready else b"nothing came"
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(reading_end)
        os.close(writing_end)
    for _ in places:
        deadline._places.release()
    assert answer == b"ON"
    assert len(over_http) == 2
    assert ask() == "ON"
    assert len(over_http) == 2, "the child did not close the parent's"


def test_a_factorys_database_connection_is_closed_in_the_thread_of_a_call(
    settings: Settings, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[threading.Thread] = []
    monkeypatch.setattr(
        type(connections["default"]),
        "close",
        lambda _self: closed.append(threading.current_thread()),
    )

    def reads_database(**kwargs: Any) -> Any:
        _its_connection = connections["default"]
        return make_client(**kwargs)

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": reads_database}
    client_for("InitiateAuth")
    assert closed == [], "in a thread of the site's, they belong to its request"
    assert not isinstance(run_within_deadline(lambda: client_for("AdminGetUser")), Failure)
    assert [type(thread) for thread in closed] == [CallThread]


@pytest.mark.django_db
def test_a_connection_that_was_open_before_the_factory_stays(
    settings: Settings, cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = connections["default"]
    main.ensure_connection()
    closed: list[object] = []

    def close(self: object) -> None:  # an SQLite database in memory is never really closed
        closed.append(self)

    monkeypatch.setattr(type(main), "close", close)

    def make_with_it() -> None:
        main.inc_thread_sharing()
        connections["default"] = main
        try:
            client_for("AdminGetUser")
        finally:
            del connections["default"]
            main.dec_thread_sharing()

    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "CLIENT_FACTORY": cognito.client}
    assert run_within_deadline(make_with_it) is None
    assert closed == []


@pytest.mark.usefixtures("no_threads")
def test_calls_of_work_in_a_thread_need_no_other_thread() -> None:
    delivered: SimpleQueue[tuple[object, object]] = SimpleQueue()
    work = threading.current_thread
    assert begin(lambda: (work(), run_within_deadline(work)), delivered.put) is None
    outer, inner = delivered.get(timeout=LONG)
    assert isinstance(outer, CallThread)
    assert inner is outer


@pytest.mark.usefixtures("no_threads")
def test_a_call_within_a_call_has_a_thread_of_its_own() -> None:
    """What is closed in that thread, as after making a client, is never what the outer call holds."""
    work = threading.current_thread
    found: list[object] = []
    run_within_deadline(lambda: found.extend((work(), run_within_deadline(work))))
    outer, inner = found
    assert isinstance(outer, CallThread)
    assert isinstance(inner, CallThread)
    assert inner is not outer


@pytest.mark.usefixtures("no_threads")
def test_work_in_a_thread_keeps_its_place_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else work that hangs and was given up would open ever more connections."""
    monkeypatch.setattr(deadline, "_places", threading.Semaphore(1))
    released, delivered = threading.Event(), SimpleQueue[object]()
    assert begin(hang_until(released), delivered.put) is None
    refused = begin(threading.current_thread, delivered.put)
    assert refused is not None
    assert (refused.reason, refused.sent) == ("too_many_calls", "no")
    end_threads(released, monkeypatch)
    assert begin(threading.current_thread, delivered.put) is None
