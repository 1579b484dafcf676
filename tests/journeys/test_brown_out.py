"""What users and staff see while the circuit to Cognito is open, and after it."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from cognito_mfa.authenticator import status
from cognito_mfa.cognito import circuit_breaker
from cognito_mfa.cognito.circuit_breaker import PAUSE
from cognito_mfa.exceptions import Unavailable
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.values import clocks
from tests.visitor import Visitor

FAILURES = 5


class Outage:
    """Cognito does not respond, until it is over; the clock of the process stands still."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.now = clocks.monotonic()
        visitor.cognito.faults.on("*", faults.Timeout(executed=False))

    def open_circuit(self) -> None:
        """Let strangers try to sign in until the circuit is open."""
        stranger = Visitor(type(self.visitor.client)(), self.visitor.cognito)
        for _ in range(FAILURES):
            assert stranger.sign_in().answered == 503
        assert circuit_breaker.state() == "open"
        self.visitor.cognito.forget_calls()

    def end(self) -> None:
        """Let Cognito respond, and the time pass after which the process asks it."""
        self.visitor.cognito.faults.clear()
        self.now += PAUSE


@pytest.fixture
def outage(
    pool: LocalPool, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Outage]:
    def begin() -> Outage:
        outage = Outage(visitor)
        monkeypatch.setattr("cognito_mfa.values.clocks.monotonic", lambda: outage.now)
        outage.open_circuit()
        return outage

    return begin


def test_a_sign_in_is_answered_at_once_and_works_afterwards(
    visitor: Visitor, outage: Callable[[], Outage]
) -> None:
    visitor.come_with_app()
    visitor.sign_out()
    over = outage()
    response = visitor.sign_in(next_url="/private/")
    assert (response.answered, response.retry_after) == (503, "30")
    page = visitor.text(response)
    assert "The sign-in service isn’t responding as expected. Nothing has been lost." in page
    assert 'value="newcomer"' in page
    assert "circuit" not in page.lower()
    assert visitor.cognito.operations() == []
    assert not visitor.is_in()

    over.end()
    visitor.sign_in()
    visitor.enter_code()
    assert visitor.is_in()


def test_existing_and_unknown_users_get_the_same_answer(
    visitor: Visitor, outage: Callable[[], Outage]
) -> None:
    outage()
    known, unknown = visitor.sign_in(), visitor.sign_in("nobody-here")
    assert known.answered == unknown.answered == 503
    assert known.retry_after == unknown.retry_after


@pytest.mark.over_api
def test_the_code_is_not_lost(visitor: Visitor, outage: Callable[[], Outage]) -> None:
    """Nothing was sent, so the same code works once Cognito is back."""
    visitor.come_with_app()
    visitor.sign_out()
    visitor.sign_in()
    over, code = outage(), visitor.code()
    assert visitor.enter_code(code).answered == 503
    over.end()
    visitor.enter_code(code)
    assert visitor.is_in()


@pytest.mark.over_api
def test_a_setup_can_be_finished_afterwards(visitor: Visitor, outage: Callable[[], Outage]) -> None:
    visitor.sign_in()
    visitor.scan()
    over, code = outage(), visitor.code()
    assert visitor.confirm_setup(code).answered == 503
    assert not visitor.is_in()
    over.end()
    visitor.confirm_setup(code)
    assert visitor.is_in()


def test_users_who_are_signed_in_notice_nothing(
    visitor: Visitor, outage: Callable[[], Outage]
) -> None:
    visitor.come_with_app()
    outage()
    assert visitor.is_in()
    assert visitor.client.get(reverse("cognito_mfa:device")).status_code == 200
    assert visitor.cognito.operations() == []


def test_no_status_changes(visitor: Visitor, outage: Callable[[], Outage]) -> None:
    visitor.come_with_app()
    identity = CognitoIdentity.objects.get()
    before = (identity.status, identity.checked_at, identity.generation, MFAEvent.objects.count())
    outage()
    with pytest.raises(Unavailable):
        status.refresh_status(identity)
    identity.refresh_from_db()
    after = (identity.status, identity.checked_at, identity.generation, MFAEvent.objects.count())
    assert after == before


def test_the_doctor_calls_cognito_whatever_this_process_knows(
    visitor: Visitor, outage: Callable[[], Outage]
) -> None:
    over = outage()
    with pytest.raises(CommandError, match="No response from Cognito"):
        call_command("cognito_mfa_doctor", stdout=StringIO())
    assert visitor.cognito.operations(), "it asked"
    over.visitor.cognito.faults.clear()
    found: Any = StringIO()
    call_command("cognito_mfa_doctor", stdout=found)
    assert "Sign-in errors" in found.getvalue()
    assert circuit_breaker.state() == "open"
