"""Turns failed calls into our exceptions, without botocore's texts.

Nothing that botocore raises or logs leaves this package: its texts carry parameters, and parameters
carry passwords, codes and tokens.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

from cognito_mfa.cognito.errors import classify, hint_for
from cognito_mfa.exceptions import (
    BadReply,
    CognitoMFAError,
    Misconfigured,
    Sent,
    Unavailable,
    UnavailableReason,
)
from cognito_mfa.values.secret_text import SecretText
from cognito_mfa.values.untrusted import word

# HTTP statuses that ``errors`` knows; any other, without Cognito's name of an error, is not Cognito's answer.
KNOWN_STATUSES = frozenset({"429", "500", "502", "503", "504"})


class Failure(NamedTuple):
    """Why a call failed.

    Attributes:
        kind: ``cognito`` answered with an error, the ``transport`` failed, the ``reply`` is unusable, or
            the ``setup`` of this machine is.
        error: Cognito's name of the error, or botocore's.
        message: Cognito's text, closed, because it may quote a code or a password.
        request_id: the id that AWS gave the request.
        sent: whether Cognito may have acted.
        answered_at: Cognito's own time, in seconds since the epoch.
        reason: our own, where there is no error's name.
    """

    kind: Literal["cognito", "transport", "reply", "setup"]
    error: str
    message: SecretText = SecretText("")
    request_id: str = ""
    sent: Sent = "unknown"
    answered_at: float | None = None
    reason: UnavailableReason | None = None


def failure_from(error: Exception) -> Failure:
    """Return why a call failed, from the exception that botocore raised."""
    from botocore import exceptions as aws

    name = type(error).__name__
    if isinstance(error, aws.ClientError):
        return _from_cognito(error.response)
    if isinstance(
        error, (aws.EndpointConnectionError, aws.ConnectTimeoutError, aws.ProxyConnectionError)
    ):
        return Failure("transport", name, sent="no")
    if isinstance(error, (aws.HTTPClientError, aws.ConnectionError)):
        return Failure("transport", name)
    if isinstance(error, aws.BotoCoreError):
        return Failure("setup", name, sent="no")
    return Failure("reply", name)  # a JSON list, bad UTF-8: botocore's parser just breaks


def exception_for(operation: str, failure: Failure, *, challenge: str = "") -> CognitoMFAError:
    """Return (not raise) the exception for a failed call.

    Args:
        operation: that was called.
        failure: why it failed.
        challenge: Cognito's name of the challenge that it answered; empty for none.
    """
    error, request_id = failure.error, failure.request_id
    if failure.kind == "cognito":
        text = failure.message.reveal()
        answer = classify(operation, error, text, challenge=challenge, request_id=request_id)
        answer.answered_at = failure.answered_at
        return answer
    if failure.kind == "transport":
        return Unavailable(operation, error, reason=failure.reason, sent=failure.sent)
    if failure.kind == "reply":
        return BadReply(operation, error, request_id=request_id)
    return Misconfigured(operation, error, sent=failure.sent, hint=hint_for(error))


def _from_cognito(response: Mapping[str, Any]) -> Failure:
    error = response.get("Error", {})
    metadata = response.get("ResponseMetadata", {})
    code = word(error.get("Code"))
    request_id = word(metadata.get("RequestId"))
    if not code or (code.isdigit() and code not in KNOWN_STATUSES):
        return Failure("reply", code, request_id=request_id)  # a firewall's HTML page, a redirect
    return Failure(
        "cognito",
        code,
        SecretText(str(error.get("Message", ""))),
        request_id,
        answered_at=_date_of(response),
    )


def _date_of(response: Mapping[str, Any]) -> float | None:
    """Return the time of ``response`` by Cognito's clock, in seconds since the epoch."""
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
