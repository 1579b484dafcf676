"""Emails: the message says what an email is about, and a worker writes and sends it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import django
import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse
from pytest_django import Settings

from cognito_mfa.authenticator import emails
from cognito_mfa.authenticator.email_delivery import State
from cognito_mfa.databases import atomic_for
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.celery.conftest import StartWorker
from tests.celery.processes import Redis, given, until
from tests.celery.settings import EMAILS
from tests.factories import make
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db(transaction=True)


class Refusing(BaseEmailBackend):
    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError(111, "Connection refused")


@pytest.fixture(autouse=True)
def _no_emails() -> None:
    for path in EMAILS.glob("*"):
        path.unlink()


def sent() -> list[Path]:
    return [path for path in sorted(EMAILS.glob("*")) if path.stat().st_size]


def test_a_worker_sends_the_email_of_a_setup(
    visitor: Visitor, pool: LocalPool, broker: Redis, start_worker: StartWorker
) -> None:
    """The last page does not claim that it was sent: it was queued."""
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup(friendly_name="Phone")
    page = visitor.text(visitor.get(reverse("cognito_mfa:setup_done")))
    assert "We’re sending a confirmation to" in page
    assert sent() == []
    assert mail.outbox == []
    message = json.loads(*broker.queued())
    assert message["headers"]["task"] == "cognito_mfa.tasks.send_email"

    start_worker()

    (email,) = until(sent, "the email is sent")
    text = email.read_text()
    assert "To: newcomer@example.com" in text
    assert "Phone" in text


def test_a_message_has_nothing_personal_and_no_secret(
    visitor: Visitor, pool: LocalPool, broker: Redis
) -> None:
    visitor.sign_in()
    visitor.scan()
    visitor.confirm_setup(friendly_name="Phone of Ada")
    (raw,) = broker.queued()
    message = json.loads(raw)
    identity = CognitoIdentity.objects.get()
    arguments = given(raw)
    assert arguments == {
        "kind": "software_token_verified",
        "identity": identity.pk,
        "at": arguments["at"],
        "context": {"software_token": {"software_token": identity.software_token.pk}},  # type: ignore[union-attr]
    }
    whole = raw + base64.b64decode(message["body"]).decode()
    for private in ("newcomer", "@", "Phone", "http", identity.sub, visitor.secret):
        assert private not in whole.replace(message["headers"]["origin"], "")


def test_nothing_is_queued_before_the_commit(pool: LocalPool, broker: Redis) -> None:
    identity = make(pool, "ada")
    with atomic_for(CognitoIdentity):
        emails.send("mfa_reset", identity)
        assert broker.queued() == []
    assert len(broker.queued()) == 1


def test_a_message_that_arrives_late_or_after_its_rows_does_nothing(
    pool: LocalPool, celery_app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from cognito_mfa.tasks import send_email

    identity = make(pool, "ada")
    about: dict[str, Any] = {"kind": "mfa_reset", "identity": identity.pk, "context": {}}
    send_email(**about, at="2026-01-01T00:00:00+00:00")
    assert "email_not_sent: mfa_reset to identity" in caplog.text
    assert "too late" in caplog.text
    now = identity.created_at.isoformat()
    send_email(**about, at=now)
    assert len(mail.outbox) == 1
    # The link was moved to another user since.
    CognitoIdentity.objects.update(created_at="2100-01-01T00:00:00+00:00")
    send_email(**about, at=now)
    identity.delete()
    send_email(**about, at=now)
    assert "deleted since" in caplog.text
    assert len(mail.outbox) == 1


def test_a_mail_server_that_fails_is_tried_again(
    pool: LocalPool, celery_app: Any, settings: Settings
) -> None:
    from celery.exceptions import Retry

    from cognito_mfa.tasks import send_email

    path = f"{__name__}.Refusing"
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": path}}
    else:
        settings.EMAIL_BACKEND = path
    identity = make(pool, "ada")
    at = identity.created_at.isoformat()
    with pytest.raises(Retry) as wait:
        send_email.apply(
            kwargs={"kind": "mfa_reset", "identity": identity.pk, "at": at, "context": {}},
            throw=True,
        )
    assert wait.value.when == 10


def test_without_a_broker_the_email_is_sent_at_once(
    pool: LocalPool, no_broker: None, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = emails.send("mfa_reset", make(pool, "ada"))
    assert delivery.state is State.SENT
    assert len(mail.outbox) == 1
    assert "task_not_queued: OperationalError" in caplog.text
    assert "127.0.0.1" not in caplog.text


def test_an_account_that_was_unlinked_is_told_at_once(pool: LocalPool, broker: Redis) -> None:
    """A worker would find no row, and so no address."""
    assert emails.send("unlinked", make(pool, "ada")).state is State.SENT
    assert broker.queued() == []
