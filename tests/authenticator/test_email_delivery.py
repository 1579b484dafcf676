"""Emails and the site's email backend: it may refuse, fail in any way, or never answer; no request is kept waiting."""

from __future__ import annotations

import logging
import smtplib
import threading
import time
from collections.abc import Iterator
from typing import Any

import django
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend as SMTPBackend
from django.test import AsyncClient, Client
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator import email_delivery, emails
from cognito_mfa.authenticator.email_delivery import State
from cognito_mfa.databases import atomic_for
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CodeFailures, CognitoIdentity
from tests.factories import make
from tests.visitor import Visitor

HERE = __name__
REFUSED = "blocked@example.net"


class Refusing(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError(111, "Connection refused")


class Talkative(BaseEmailBackend):
    """Refuses one address, and names it, as mail servers do."""

    def send_messages(self, email_messages: Any) -> int:
        (message,) = email_messages
        if message.to == [REFUSED]:
            raise smtplib.SMTPRecipientsRefused(
                {REFUSED: (550, b"no such user " + REFUSED.encode())}
            )
        mail.outbox.append(message)
        return 1


class Idle(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> int:
        return 0


class Silent(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> Any:
        mail.outbox.extend(email_messages)


class Slow:
    """An email that takes 0.6 seconds by a clock of its own, as far as ``_Threads.wait`` can see."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waited: list[float] = []
        self.done = self
        self.is_late = False

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> bool:
        self.waited.append(seconds)
        self.now += min(seconds, 0.6)
        return seconds >= 0.6

    def is_set(self) -> bool:
        return True


class Unusable(BaseEmailBackend):
    def __init__(self, **_kwargs: Any) -> None:
        raise RuntimeError("no key for user@example.com")


class Hanging(BaseEmailBackend):
    """Answers nothing before ``answer`` is set."""

    answer = threading.Event()
    asked = threading.Semaphore(0)

    def send_messages(self, email_messages: Any) -> int:
        self.asked.release()
        self.answer.wait(60)
        mail.outbox.extend(email_messages)
        return len(email_messages)


@pytest.fixture
def identity(optional_pool: LocalPool, db: None) -> CognitoIdentity:
    return make(optional_pool, "ada")


@pytest.fixture(autouse=True)
def commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what waits for a commit happen at once: the tests run in a transaction that never commits."""
    monkeypatch.setattr("django.db.transaction.on_commit", lambda act, using: act())


@pytest.fixture
def hanging(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hanging]]:
    """A backend that does not answer before the end of the test, and requests with little patience."""
    use(settings, "Hanging")
    monkeypatch.setattr(email_delivery, "WAIT", 0.01)
    monkeypatch.setattr(Hanging, "answer", threading.Event())
    monkeypatch.setattr(Hanging, "asked", threading.Semaphore(0))
    yield Hanging
    Hanging.answer.set()
    email_delivery._threads.wait_for_all(60)


def use(settings: Settings, backend: str) -> None:
    path = f"{HERE}.{backend}"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": path}}
    else:
        settings.EMAIL_BACKEND = path


def finish(hanging: type[Hanging]) -> None:
    hanging.answer.set()
    email_delivery._threads.wait_for_all(60)


def send(identity: CognitoIdentity) -> email_delivery.Delivery:
    return emails.send("mfa_reset", identity)


# ------------------------------------------------------------------------------------- outcomes


def test_an_accepted_email_names_the_address_masked(identity: CognitoIdentity) -> None:
    delivery = send(identity)
    assert (delivery.state, delivery.addresses) == (State.SENT, ("ad…@example.com",))
    assert len(mail.outbox) == 1
    assert "ada@example.com" not in repr(delivery)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("info@example.com", "in…@example.com"),
        ("ada@example.com", "ad…@example.com"),
        ("me@example.com", "m…@example.com"),
        ("a@example.com", "a…@example.com"),
        ('"odd@name"@example.com', '"o…@example.com'),
    ],
)
def test_masked_addresses(address: str, shown: str) -> None:
    assert email_delivery.masked(address) == shown


def test_without_an_address_nothing_is_sent(identity: CognitoIdentity) -> None:
    identity.email = identity.previous_email = identity.user.email = ""
    delivery = send(identity)
    assert (delivery.state, delivery.addresses) == (State.NO_ADDRESS, ())
    assert mail.outbox == []


def test_where_the_site_sends_none_nothing_is_sent(
    identity: CognitoIdentity, settings: Settings
) -> None:
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "NOTIFY": False}
    assert send(identity).state is State.OFF
    assert mail.outbox == []


def test_each_address_gets_its_own_email(identity: CognitoIdentity) -> None:
    """A reader of one mailbox learns of no other address of the user."""
    identity.previous_email = "before@example.net"
    identity.user.email = "ADA@example.com"  # the same mailbox
    delivery = send(identity)
    assert len(delivery.addresses) == 2
    assert sorted(address.casefold() for message in mail.outbox for address in message.to) == [
        "ada@example.com",
        "before@example.net",
    ]
    assert all(len(message.recipients()) == 1 for message in mail.outbox)


@pytest.mark.parametrize("backend", ["Refusing", "Idle", "Unusable", "Missing"])
def test_a_backend_that_fails_is_logged_without_an_address(
    identity: CognitoIdentity, settings: Settings, caplog: pytest.LogCaptureFixture, backend: str
) -> None:
    use(settings, backend)
    delivery = send(identity)
    assert (delivery.state, delivery.addresses) == (State.FAILED, ("ad…@example.com",))
    assert f"email_not_sent: mfa_reset to user {identity.user_id}, " in caplog.text
    assert "@" not in caplog.text


def test_an_address_that_is_refused_keeps_the_email_from_no_other(
    identity: CognitoIdentity, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    use(settings, "Talkative")
    identity.previous_email = REFUSED
    delivery = send(identity)
    assert (delivery.state, delivery.addresses) == (State.SENT, ("ad…@example.com",))
    assert "email_not_sent" in caplog.text
    assert "SMTPRecipientsRefused" in caplog.text
    assert "@" not in caplog.text


def test_a_backend_that_counts_nothing_is_believed(
    identity: CognitoIdentity, settings: Settings
) -> None:
    use(settings, "Silent")
    assert send(identity).state is State.SENT


def test_a_template_that_fails_is_logged(
    identity: CognitoIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = emails.send("no_such_kind", identity)
    assert delivery.state is State.FAILED
    assert "email_not_sent: no_such_kind" in caplog.text
    assert "TemplateDoesNotExist" in caplog.text


def test_too_many_in_a_day_are_told_apart(
    identity: CognitoIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emails, "MAX_EMAILS_PER_DAY", -1)
    assert send(identity).state is State.TOO_MANY


@pytest.mark.django_db(transaction=True)
def test_nothing_is_sent_before_the_commit(
    optional_pool: LocalPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # true commits
    identity = make(optional_pool, "ada")
    with email_delivery.collect() as outer, email_delivery.collect() as inner:
        with atomic_for(CognitoIdentity):
            delivery = send(identity)
            assert (delivery.state, mail.outbox) == (State.PENDING, [])
        assert (delivery.state, len(mail.outbox)) == (State.SENT, 1)
    assert outer == inner == [delivery]


# ------------------------------------------------------------------------------------- patience


def test_a_backend_that_hangs_keeps_no_request(
    identity: CognitoIdentity, hanging: type[Hanging], caplog: pytest.LogCaptureFixture
) -> None:
    delivery = send(identity)
    assert (delivery.state, delivery.addresses) == (State.PENDING, ("ad…@example.com",))
    assert f"email_delayed: mfa_reset to user {identity.user_id}" in caplog.text
    finish(hanging)
    assert delivery.state is State.SENT
    assert len(mail.outbox) == 1
    assert "email_not_sent" not in caplog.text


def test_while_one_email_is_late_none_is_waited_for(
    identity: CognitoIdentity, hanging: type[Hanging], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many emails of one request, such as a bulk action, wait for one moment together."""
    send(identity)
    monkeypatch.setattr(email_delivery, "WAIT", 3600)
    deliveries = [send(identity) for _number in range(20)]
    assert {delivery.state for delivery in deliveries} == {State.PENDING}
    finish(hanging)
    assert {delivery.state for delivery in deliveries} == {State.SENT}
    assert len(mail.outbox) == 21
    # And afterwards they are waited for again.
    assert send(identity).state is State.SENT


def test_the_number_of_threads_and_of_waiting_emails_is_bounded(
    identity: CognitoIdentity,
    hanging: type[Hanging],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(email_delivery._threads._jobs, "maxsize", 3)
    before = threading.active_count()
    deliveries = [send(identity) for _number in range(email_delivery.MAX_THREADS + 3)]
    assert threading.active_count() - before <= email_delivery.MAX_THREADS
    full = send(identity)
    assert full.state is State.FAILED
    assert "too many emails are waiting" in caplog.text
    finish(hanging)
    assert {delivery.state for delivery in deliveries} == {State.SENT}
    assert threading.active_count() <= before


def test_an_email_stays_late_only_until_it_is_sent(
    identity: CognitoIdentity, hanging: type[Hanging]
) -> None:
    send(identity)
    assert email_delivery._threads._late == 1
    finish(hanging)
    assert email_delivery._threads._late == 0


def test_a_process_that_ends_waits_for_what_is_left(
    identity: CognitoIdentity, hanging: type[Hanging]
) -> None:
    send(identity)
    started = time.monotonic()
    email_delivery._threads.wait_for_all(0.05)
    assert time.monotonic() - started < 30  # not for ever
    hanging.answer.set()
    email_delivery._threads.wait_for_all(60)
    assert len(mail.outbox) == 1


def test_a_process_that_ends_logs_what_is_lost_with_it(
    identity: CognitoIdentity, hanging: type[Hanging], caplog: pytest.LogCaptureFixture
) -> None:
    for _number in range(email_delivery.MAX_THREADS + 2):  # two of them wait for a thread
        send(identity)
    email_delivery._threads.end(0.0)
    lost = f"email_not_sent: mfa_reset to user {identity.user_id}, the process ended"
    assert caplog.text.count(lost) == email_delivery.MAX_THREADS + 2
    assert "@" not in caplog.text


def test_a_process_that_ends_after_its_emails_logs_nothing(
    identity: CognitoIdentity, caplog: pytest.LogCaptureFixture
) -> None:
    send(identity)
    email_delivery._threads.end(60)
    assert "email_not_sent" not in caplog.text


class TestAllEmailsOfOneRequest:
    """``_Threads.wait``: a bulk action about a hundred users does not wait a moment for each of them."""

    @pytest.fixture(autouse=True)
    def request_(self) -> Iterator[None]:
        with email_delivery.waiting_once():
            yield

    def test_they_share_its_patience(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slow: Any = Slow()
        email_delivery._patience.set(1.0)
        monkeypatch.setattr(email_delivery, "time", slow)
        for _number in range(4):
            email_delivery._threads.wait(slow)
        assert slow.waited == pytest.approx([1.0, 0.4, 0.0, 0.0])

    def test_without_patience_nothing_is_waited_for(
        self, identity: CognitoIdentity, hanging: type[Hanging], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(email_delivery, "WAIT", 3600)
        email_delivery._patience.set(0.0)
        assert send(identity).state is State.PENDING

    def test_each_block_has_its_own(self) -> None:
        email_delivery._patience.set(0.0)
        with email_delivery.waiting_once():
            assert email_delivery._patience.get() == email_delivery.WAIT
        assert email_delivery._patience.get() == 0.0


@pytest.mark.parametrize("client_class", [Client, AsyncClient])
def test_a_bulk_action_waits_once(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, client_class: Any
) -> None:
    monkeypatch.setattr(email_delivery, "WAIT", 1.0)
    """``ConfirmedActionsMixin.changelist_view``: also where the server is an async one."""
    visitor.come_with_app()
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    rows = [make(pool, name) for name in ("ada", "bob", "cyd")]
    for row in rows:
        CodeFailures.objects.create(
            pool_id=row.pool_id, username=row.username, sub=row.sub, failures=7
        )
    slow: Any = Slow()
    monkeypatch.setattr(email_delivery, "time", slow)
    monkeypatch.setattr(email_delivery, "_Job", lambda *_given: slow)
    monkeypatch.setattr(email_delivery._Threads, "add", lambda *_given: None)
    data = {
        "action": "clear_failures",
        "_selected_action": [row.pk for row in rows],
        "confirmed": "yes",
        "reason": "Ticket 7",
    }
    browser = client_class()
    browser.cookies = visitor.client.cookies
    path = reverse("admin:cognito_mfa_cognitoidentity_changelist")

    async def post() -> Any:
        return await browser.post(path, data)

    is_async = client_class is AsyncClient
    posted = async_to_sync(post)() if is_async else browser.post(path, data)
    assert posted.status_code == 302
    assert slow.waited == pytest.approx([1.0, 0.4, 0.0])


@pytest.mark.parametrize(("given", "used"), [(None, email_delivery.TIMEOUT), (3, 3)])
def test_a_mail_server_has_a_time_limit_whether_the_site_sets_one_or_not(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, given: int | None, used: int
) -> None:
    path = "django.core.mail.backends.smtp.EmailBackend"
    if django.VERSION >= (6, 1):
        options = {"host": "mail.invalid", "timeout": given}
        settings.MAILERS = {"default": {"BACKEND": path, "OPTIONS": options}}
    else:
        settings.EMAIL_BACKEND, settings.EMAIL_TIMEOUT = path, given
    connection = email_delivery._connection()
    assert isinstance(connection, SMTPBackend)
    assert connection.timeout == used


# ---------------------------------------------------------------------------------- what pages say

DONE = "cognito_mfa:setup_done"


def done_page(visitor: Visitor) -> str:
    visitor.set_up()
    return visitor.text(visitor.get(reverse(DONE)))


class TestTheLastPageOfASetup:
    def test_it_names_the_address_once_the_email_was_accepted(
        self, pool: LocalPool, visitor: Visitor
    ) -> None:
        page = done_page(visitor)
        assert "sent a confirmation to" in page
        assert "ne…@example.com" in page
        assert "newcomer@example.com" not in page
        # Reloaded, it says the same; another setup without an email takes it back.
        assert "sent a confirmation to" in visitor.text(visitor.get(reverse(DONE)))

    def test_it_names_both_addresses(self, pool: LocalPool, visitor: Visitor) -> None:
        visitor.set_up()
        get_user_model().objects.update(email="else@site.example")
        visitor.sign_out()
        visitor.sign_in()
        visitor.enter_code()
        visitor.cognito.clock.advance(30)
        visitor.post(reverse("cognito_mfa:device_replace"), {"password": "Correct-Horse-7"})
        visitor.enter_code()
        visitor.scan()
        visitor.confirm_setup()
        page = visitor.text(visitor.get(reverse(DONE)))
        assert "el…@site.example, ne…@example.com" in page

    @pytest.mark.parametrize("backend", ["Refusing", "Idle", "Unusable"])
    def test_it_says_nothing_where_the_email_failed(
        self, pool: LocalPool, visitor: Visitor, settings: Settings, backend: str
    ) -> None:
        use(settings, backend)
        assert "confirmation to" not in done_page(visitor)

    def test_it_says_nothing_where_the_site_sends_none(
        self, pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, "NOTIFY": False}
        assert "confirmation to" not in done_page(visitor)

    def test_it_says_nothing_to_a_user_without_an_address(
        self, pool: LocalPool, visitor: Visitor
    ) -> None:
        del pool.user("newcomer").attributes["email"]
        assert "confirmation to" not in done_page(visitor)

    def test_it_does_not_claim_what_is_on_its_way(
        self, pool: LocalPool, visitor: Visitor, hanging: type[Hanging]
    ) -> None:
        page = done_page(visitor)
        assert "sent a confirmation" not in page
        assert "sending a confirmation to" in page

    def test_it_knows_nothing_of_the_email_about_an_earlier_app(
        self, pool: LocalPool, visitor: Visitor, settings: Settings
    ) -> None:
        done_page(visitor)
        settings.COGNITO_MFA = {**settings.COGNITO_MFA, "NOTIFY": False}
        visitor.post(reverse("cognito_mfa:device_replace"), {"password": "Correct-Horse-7"})
        visitor.enter_code()
        visitor.scan()
        visitor.confirm_setup()
        assert "confirmation to" not in visitor.text(visitor.get(reverse(DONE)))


def test_the_log_of_a_delayed_email_names_no_address(
    identity: CognitoIdentity, hanging: type[Hanging], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="cognito_mfa"):
        send(identity)
    assert "@" not in caplog.text
