"""Answers that must not be believed."""

from __future__ import annotations

import pytest

from cognito_mfa.cognito.transport import call
from cognito_mfa.exceptions import BadReply, Unavailable
from cognito_mfa.local import LocalCognito, faults
from tests.visitor import POOL_ID

pytestmark = pytest.mark.usefixtures("pool")


@pytest.mark.parametrize(
    "fault",
    [
        faults.Truncated(),
        faults.Body(b"<html>", 200),
        faults.Body(b"[1]"),
        faults.Body(b"{}", headers={"x-amzn-RequestId": ""}),
        faults.Body(b"x" * 1_000_001),
    ],
    ids=["truncated", "html", "list", "no request id", "too long"],
)
def test_an_empty_success_cannot_be_faked(cognito: LocalCognito, fault: faults.Fault) -> None:
    """SetUserMFAPreference answers `{}`, so any parseable body would look like success."""
    cognito.faults.on("AdminSetUserMFAPreference", fault)
    enabled = {"Enabled": True, "PreferredMfa": True}
    parameters = {"UserPoolId": POOL_ID, "Username": "x", "SoftwareTokenMfaSettings": enabled}
    with pytest.raises((BadReply, Unavailable)):
        call("AdminSetUserMFAPreference", parameters)
