"""Hands emails over to the site's email backend, and keeps the outcome of each.

A backend may take any time: a mail server that drops packets blocks for minutes where ``EMAIL_TIMEOUT`` is unset, and
a backend of the site's own may have no limit at all. So the emails are handed over by a few threads, and a request
waits for all of its emails for ``WAIT`` seconds at most, and not at all while another email is already late.
"""

from __future__ import annotations

import atexit
import enum
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Any

import django
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connections

from cognito_mfa.monitoring import log_events

logger = logging.getLogger(__name__)

WAIT = 1.0  # seconds that a request waits for its emails
TIMEOUT = 10  # seconds for each answer of a mail server where EMAIL_TIMEOUT is unset
MAX_THREADS = 4  # of a process
MAX_WAITING = 1000  # emails; each holds two short texts
AT_EXIT = 10.0  # seconds in which an ending process, such as a command, hands over what is left

_ADDRESS = re.compile(r"\S*@\S*")


class State(enum.Enum):
    """The outcome of an email."""

    OFF = "off"  # the site sends none: NOTIFY
    NO_ADDRESS = "no address"
    TOO_MANY = "too many"  # about this user, today
    PENDING = "pending"  # the transaction is open, or the backend has not answered yet
    SENT = "sent"  # the backend accepted it for one address at least
    FAILED = "failed"


class Delivery:
    """The outcome of one email to a user; a pending one changes when the backend answers."""

    def __init__(self, kind: str, user_id: Any, recipients: Sequence[str] = ()) -> None:
        """Start with nothing handed over.

        Args:
            kind: one of ``emails.KINDS``.
            user_id: of the user whom the email is about.
            recipients: the addresses, each of which gets an email of its own.
        """
        self.kind = kind
        self.user_id = user_id
        self._recipients = tuple(recipients)
        self._accepted: tuple[str, ...] = ()
        self._outcome = State.PENDING

    def __repr__(self) -> str:
        return f"<Delivery of {self.kind} to user {self.user_id}: {self.state.value}>"

    @property
    def state(self) -> State:
        """Return what became of it by now."""
        return State.SENT if self._accepted else self._outcome

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return, masked, the addresses that the backend accepted; while it is pending, all of them."""
        shown = self._accepted if self.state is State.SENT else self._recipients
        return tuple(masked(address) for address in shown)

    def accepted_for(self, recipient: str) -> None:
        """Record that the backend accepted the email for ``recipient``."""
        self._accepted = (*self._accepted, recipient)

    def end(self, state: State) -> None:
        """Record that nothing more happens; ``state`` applies where no address was accepted."""
        self._outcome = state

    def log_failure(self, reason: str) -> None:
        """Log why no email was sent; no address appears in it."""
        reason = _ADDRESS.sub("(address)", " ".join(reason.split()))
        text = f"{self.kind} to user {self.user_id}, {reason}"
        log_events.write("email_not_sent", text, user=self.user_id, email=self.kind)


# Seconds left in ``waiting_once``; None outside of it, where each email is waited for.
_patience: ContextVar[float | None] = ContextVar("cognito_mfa_patience", default=None)
_collectors: ContextVar[tuple[list[Delivery], ...]] = ContextVar(
    "cognito_mfa_deliveries", default=()
)


@contextmanager
def collect() -> Iterator[list[Delivery]]:
    """Collect the deliveries of all emails that the block sends, in order.

    A page that mentions an email asks its delivery whether it was sent.
    """
    found: list[Delivery] = []
    token = _collectors.set((*_collectors.get(), found))
    try:
        yield found
    finally:
        _collectors.reset(token)


@contextmanager
def waiting_once() -> Iterator[None]:
    """Let all emails that the block sends share the patience with one: a bulk action may send a hundred."""
    token = _patience.set(WAIT)
    try:
        yield
    finally:
        _patience.reset(token)


def announce(delivery: Delivery) -> None:
    """Add ``delivery`` to what ``collect`` yields."""
    for found in _collectors.get():
        found.append(delivery)


def masked(address: str) -> str:
    """Return ``address`` as pages show it: ``in…@example.com``."""
    local, _at, domain = address.rpartition("@")
    return f"{local[:2] if local[2:] else local[:1]}…@{domain}"


def hand_over(
    messages: Sequence[EmailMessage],
    delivery: Delivery,
    enqueue: Callable[[], bool] | None = None,
) -> None:
    """Hand ``messages`` over to the backend, and wait a moment for its answer.

    It never raises: whatever the email is about has happened.

    Args:
        messages: one for each address.
        delivery: what learns the outcome; it stays pending where a worker sends the email.
        enqueue: hands the email over to a worker, and returns whether one will send it.
    """
    job = _Job(partial(_enqueue_or_send, enqueue, messages, delivery), delivery)
    try:
        _threads.add(job)
    except queue.Full:
        delivery.log_failure("too many emails are waiting")
        delivery.end(State.FAILED)
        return
    except RuntimeError as error:  # the process ends, or has no more threads
        delivery.log_failure(str(error))
        delivery.end(State.FAILED)
        return
    if not _threads.wait(job):
        logger.warning("email_delayed: %s to user %s", delivery.kind, delivery.user_id)


def _enqueue_or_send(
    enqueue: Callable[[], bool] | None, messages: Sequence[EmailMessage], delivery: Delivery
) -> None:
    # In a thread, because a broker may hang like a mail server.
    if enqueue is None or not enqueue():
        send_now(messages, delivery)


def send_now(messages: Sequence[EmailMessage], delivery: Delivery) -> None:
    """Hand ``messages`` over to the backend in this thread, however long that takes.

    Args:
        messages: one for each address.
        delivery: what learns the outcome.
    """
    for message in messages:
        try:
            # Each with a connection of its own: what one address did to it must not keep the email from another.
            sent = _connection().send_messages([message])
        except Exception as error:  # noqa: BLE001 - a site's backend may fail in any way
            delivery.log_failure(f"{type(error).__name__}: {error}")
            continue
        if sent == 0:  # some return None, which says nothing
            delivery.log_failure("the email backend sent nothing")
        else:
            delivery.accepted_for(message.to[0])
    delivery.end(State.FAILED)


def _connection() -> Any:
    found: Any = mail  # Django 6.1 has ``mailers``, and deprecates ``get_connection``
    connection = found.mailers.default if django.VERSION >= (6, 1) else found.get_connection()
    if getattr(connection, "timeout", 0) is None:
        connection.timeout = TIMEOUT
    return connection


class _Job:
    """What a thread does once, in the context of the request: logs and traces belong to it."""

    def __init__(self, act: Callable[[], None], delivery: Delivery) -> None:
        self._act = act
        self.delivery = delivery
        self._context = copy_context()
        self.done = threading.Event()
        self.is_late = False

    def run(self) -> None:
        self._context.run(self._act)


class _Threads:
    """A few threads, which exist while there is something to do."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: queue.Queue[_Job] = queue.Queue(MAX_WAITING)
        self._threads: set[threading.Thread] = set()
        self._unfinished: set[_Job] = set()
        self._late = 0

    def add(self, job: _Job) -> None:
        with self._lock:
            if len(self._threads) < MAX_THREADS:
                # A daemon: a backend that hangs must not keep a process from ending.
                thread = threading.Thread(target=self._work, args=(job,), daemon=True)
                thread.start()  # it waits for the lock before it leaves
                self._threads.add(thread)
            else:
                self._jobs.put_nowait(job)
            self._unfinished.add(job)

    def wait(self, job: _Job) -> bool:
        """Return whether ``job`` is done, after a moment at most."""
        left, began = _patience.get(), time.monotonic()
        in_time = job.done.wait(0 if self._late else WAIT if left is None else left)
        if left is not None:
            _patience.set(max(0.0, left - (time.monotonic() - began)))
        if in_time:
            return True
        with self._lock:
            if not job.done.is_set():
                job.is_late = True
                self._late += 1
        return job.done.is_set()

    def wait_for_all(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for thread in list(self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))

    def end(self, seconds: float) -> None:
        """Wait for what is left, and log what is lost with the process."""
        self.wait_for_all(seconds)
        with self._lock:
            lost, self._unfinished = self._unfinished, set()
        for job in lost:
            job.delivery.log_failure("the process ended before the email backend answered")

    def _work(self, job: _Job | None) -> None:
        try:
            while job is not None:
                try:
                    job.run()
                finally:
                    self._finish(job)
                job = self._next()
        finally:
            connections.close_all()  # a backend may keep its emails in the database
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _finish(self, job: _Job) -> None:
        with self._lock:
            job.done.set()
            self._unfinished.discard(job)
            self._late -= job.is_late

    def _next(self) -> _Job | None:
        with self._lock:
            try:
                return self._jobs.get_nowait()
            except queue.Empty:
                self._threads.discard(threading.current_thread())
                return None


_threads = _Threads()


def _start_anew() -> None:
    """Forget the threads of the parent process: none of them exists in this one."""
    global _threads
    _threads = _Threads()


os.register_at_fork(after_in_child=_start_anew)
atexit.register(lambda: _threads.end(AT_EXIT))
