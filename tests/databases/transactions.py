"""ATOMIC_REQUESTS in two databases: no transaction waits for Cognito, and mails follow the right commit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.db import connections, transaction
from django.test import Client
from django.urls import reverse

from cognito_mfa.authenticator import exemptions, reset
from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.protocol import witnessed
from cognito_mfa.models import CognitoIdentity
from tests.factories import make, reset_in_admin
from tests.visitor import Visitor

needs_delete = pytest.mark.skipif(
    not has_operation("AdminDeleteSoftwareToken"),
    reason="AdminDeleteSoftwareToken is newer than the installed botocore",
)
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "people"])


@pytest.fixture(autouse=True)
def atomic_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrap each request in a transaction of each database, as both ask for it."""
    for connection in connections.all():
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)


@pytest.fixture(autouse=True)
def open_while_cognito_answered() -> Iterator[list[str]]:
    """Collect what was in a transaction while Cognito was asked: nothing."""
    found: list[str] = []

    def look(operation: str, _answer: Any) -> None:
        opened = [one.alias for one in connections.all() if one.in_atomic_block]
        found.extend(f"{operation}: {alias}" for alias in opened)

    with witnessed(look):
        yield found
    assert not found


@needs_delete
def test_no_transaction_is_open_while_cognito_answers(pool: LocalPool, visitor: Visitor) -> None:
    """From the first sign-in to a reset in the admin. Red with ``transaction.non_atomic_requests`` of one database."""
    make(pool, "root", is_staff=True, is_superuser=True)
    visitor.set_up()
    visitor.sign_out()
    visitor.sign_in("newcomer")
    visitor.enter_code()
    assert visitor.is_in()
    admin = Visitor(Client(), visitor.cognito)
    admin.come_with_app("root")
    newcomer = CognitoIdentity.objects.get(username="newcomer")
    assert "Reset the authenticator app of newcomer." in reset_in_admin(admin, newcomer)
    assert not visitor.is_in()
    data = {"action": "refresh_status", "_selected_action": [newcomer.pk]}
    url = reverse("admin:cognito_mfa_cognitoidentity_changelist")
    assert "Refreshed the status of newcomer." in admin.text(
        admin.client.post(url, data, follow=True)
    )
    assert "Your authenticator app was removed" in mail.outbox[-1].subject


def test_a_reset_is_durable_in_its_own_database(pool: LocalPool) -> None:
    """A transaction of the site's other tables around it is no reason to refuse; one of the same tables is."""
    identity = make(pool, "ada")
    with transaction.atomic():
        assert reset.request(identity, actor=None, reason="Ticket 7").pk
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(using="people"):
        reset.request(identity, actor=None, reason="Ticket 7")


def test_a_mail_waits_for_the_commit_of_what_it_is_about(pool: LocalPool) -> None:
    identity = make(pool, "ada")
    until = exemptions.latest_end()
    with transaction.atomic(using="people"):
        exemptions.grant(identity.user, until=until, reason="Phone in repair", actor=None)
        assert not mail.outbox
    assert len(mail.outbox) == 1

    with transaction.atomic(using="people"):
        exemptions.grant(identity.user, until=until, reason="Phone in repair", actor=None)
        transaction.set_rollback(True, using="people")
    assert len(mail.outbox) == 1
