"""How often a call is sent, and what is known about a call that failed."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import Unavailable
from cognito_mfa.local import LocalCognito, faults
from tests.visitor import CLIENT_ID, POOL_ID

pytestmark = pytest.mark.usefixtures("pool")


def test_what_consumes_is_sent_once_and_reads_are_tried_again(cognito: LocalCognito) -> None:
    lost = faults.Timeout(executed=True)
    cognito.faults.on("*", lost)
    with pytest.raises(Unavailable):
        call("InitiateAuth", {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": CLIENT_ID})
    assert cognito.operations() == ["InitiateAuth"]

    cognito.forget_calls()
    with pytest.raises(Unavailable):
        call("GetUserPoolMfaConfig", {"UserPoolId": POOL_ID})
    assert cognito.operations() == ["GetUserPoolMfaConfig"] * 3


def test_nothing_listening_is_told_as_not_sent(settings: Settings, cognito: LocalCognito) -> None:
    settings.COGNITO_MFA = {
        **settings.COGNITO_MFA,
        "CLIENT_FACTORY": "cognito_mfa.cognito.make_client",
        "ENDPOINT_URL": "http://127.0.0.1:9",
    }
    with pytest.raises(Unavailable) as raised:
        call("InitiateAuth", {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": CLIENT_ID})
    assert raised.value.sent == "no"
