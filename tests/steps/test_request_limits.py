"""A page and a view of the API answer within the time of one call, however many they make."""

from __future__ import annotations

import pytest

from cognito_mfa.cognito import deadline
from cognito_mfa.local import LocalCognito
from cognito_mfa.local.faults import Execute
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.messages import WireResponse
from cognito_mfa.models import CognitoIdentity
from tests.api.frontend import FrontEnd
from tests.visitor import Visitor

CONFIRMING = ["VerifySoftwareToken", "RespondToAuthChallenge", "SetUserMFAPreference"]


class Slow:
    """Cognito answers after so many seconds of the process's clock, which stands still otherwise."""

    name = "Slow"

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.now, self.seconds = 1000.0, seconds
        monkeypatch.setattr("cognito_mfa.values.clocks.monotonic", lambda: self.now)

    def play(self, execute: Execute) -> WireResponse:
        answer = execute()
        self.now += self.seconds
        return answer.response()


@pytest.fixture(params=["page", "api"])
def person(
    request: pytest.FixtureRequest, pool: LocalPool, visitor: Visitor, cognito: LocalCognito
) -> Visitor:
    if request.param == "page":
        return visitor
    request.getfixturevalue("settings").ROOT_URLCONF = "tests.api.urls"
    return FrontEnd(cognito)


def confirm_slowly(person: Visitor, fault: Slow) -> list[str]:
    person.sign_in()
    person.scan()
    person.cognito.forget_calls()
    person.cognito.faults.on("*", fault)
    person.confirm_setup()
    person.cognito.faults.clear()
    return list(person.cognito.operations())


def test_calls_of_one_request_share_the_deadline(
    person: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last call is best effort: Cognito has the authenticator, and so has the site."""
    slow = Slow(monkeypatch, deadline.DEADLINE / 2)
    assert confirm_slowly(person, slow) == CONFIRMING[:2]
    identity = CognitoIdentity.objects.get(username="newcomer")
    assert identity.status == CognitoIdentity.Status.ENABLED
    assert identity.software_token is not None


def test_calls_that_are_in_time_are_all_made(
    person: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert confirm_slowly(person, Slow(monkeypatch, deadline.DEADLINE / 4)) == CONFIRMING


def test_each_request_has_the_time_anew(person: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    person.cognito.faults.on("*", Slow(monkeypatch, deadline.DEADLINE / 2 - 1))
    person.sign_in()
    person.scan()
    person.cognito.faults.on("*", Slow(monkeypatch, deadline.DEADLINE / 4))
    person.cognito.forget_calls()
    person.confirm_setup()
    assert person.cognito.operations() == CONFIRMING
