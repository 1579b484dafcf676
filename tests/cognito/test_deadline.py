"""How long calls may take as a whole."""

from __future__ import annotations

import time

import pytest

from cognito_mfa.cognito import deadline
from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import Unavailable
from cognito_mfa.local import LocalCognito, faults
from tests.visitor import POOL_ID

pytestmark = pytest.mark.usefixtures("pool")


def test_a_reply_that_drips_is_cut_at_the_deadline(
    cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The number only: waiting twelve seconds in a test would prove no more.
    monkeypatch.setattr(deadline, "DEADLINE", 0.2)
    cognito.faults.on("GetUserPoolMfaConfig", faults.Delay(2))
    start = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
    assert time.monotonic() - start < 1
    assert (raised.value.sent, raised.value.reason) == ("unknown", "deadline_exceeded")


def test_calls_made_together_take_no_longer_than_they_may(cognito: LocalCognito) -> None:
    """Nothing is waited for once the time is over."""
    with deadline.within(0.0), pytest.raises(Unavailable) as caught:
        call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
    assert caught.value.reason == "deadline_exceeded"
    assert call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})["MfaConfiguration"] == "ON"
