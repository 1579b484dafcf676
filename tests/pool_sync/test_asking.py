"""What becomes of a question without an answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from cognito_mfa.authenticator import observation
from cognito_mfa.authenticator.observation import Known
from cognito_mfa.cognito import deadline
from cognito_mfa.exceptions import Unavailable, UnavailableReason
from cognito_mfa.local import faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.messages import WireResponse
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pool_sync import asking
from cognito_mfa.pool_sync.asking import Asker
from cognito_mfa.pool_sync.plan import Plan
from tests.factories import make, reading
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
LONG = 60.0  # seconds, after which a test fails instead of waiting


@dataclass
class Hang:
    """Answers when it is released."""

    released: threading.Event = field(default_factory=threading.Event)
    name: str = "Hang"

    def play(self, execute: faults.Execute) -> WireResponse:
        assert self.released.wait(LONG)
        return execute().response()


@pytest.fixture
def hang(visitor: Visitor) -> Iterator[Hang]:
    fault = Hang()
    visitor.cognito.faults.on(reading(), fault, times=1)
    yield fault
    fault.released.set()


@pytest.fixture
def known(pool: LocalPool) -> Known:
    make(pool, "person")
    return next(observation.read(CognitoIdentity.objects.all()))


def test_a_question_is_given_up_at_its_deadline_and_its_late_answer_is_not_read(
    known: Known, hang: Hang, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "DEADLINE", 0.0)
    asker = Asker(Plan(), each_enabled=False)
    asker.ask(known, tries=2)
    late = asker.answer()
    assert late is not None
    assert isinstance(late.error, Unavailable)
    assert (late.error.reason, late.tries) == (UnavailableReason.DEADLINE_EXCEEDED, 2)
    assert asker.open == 0
    hang.released.set()
    assert asker.answer(wait=0.1) is None
    monkeypatch.setattr(asking, "DEADLINE", LONG)
    other = Asker(Plan(), each_enabled=False)
    other.ask(known)
    answered = other.answer(wait=LONG)
    assert answered is not None
    assert answered.error is None


def test_a_question_that_no_thread_can_carry_was_not_sent(
    known: Known, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "_places", threading.Semaphore(0))
    asker = Asker(Plan(), each_enabled=False)
    asker.ask(known)
    refused = asker.answer()
    assert refused is not None
    assert isinstance(refused.error, Unavailable)
    assert (refused.error.reason, refused.error.sent) == ("too_many_calls", "no")
