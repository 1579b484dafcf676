"""Sends a call to Cognito, with secrets revealed only in its thread and wrapped again in the reply."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cognito_mfa.cognito import circuit_breaker, direct_calls, retry_budget
from cognito_mfa.cognito.call_failures import Failure, exception_for, failure_from
from cognito_mfa.cognito.clients import CONSUMING, client_for, endpoint
from cognito_mfa.cognito.errors import THROTTLED
from cognito_mfa.cognito.replies import Reply
from cognito_mfa.monitoring import calls
from cognito_mfa.values.secret_text import SecretText, opened

# Members of answers that are secret; a test compares them with the service model.
SECRET_MEMBERS = frozenset(
    {"AccessToken", "IdToken", "RefreshToken", "Session", "SecretCode", "ClientSecret"}
)

# Seconds before a throttled call is sent again: quotas are counted by the second, and servers must not move in step.
PAUSE = (0.3, 1.0)


@calls.observed
def call(operation: str, parameters: Mapping[str, Any]) -> Reply:
    """Call ``operation`` and return Cognito's answer.

    Args:
        operation: the API operation, such as ``InitiateAuth``.
        parameters: its input members, secrets closed; a member that is None is left out.

    Returns:
        the answer, with its ``SECRET_MEMBERS`` closed.

    Raises:
        CognitoMFAError: one of the family in ``cognito_mfa.exceptions``; nothing else.
    """
    given = {name: value for name, value in parameters.items() if value is not None}
    outcome = circuit_breaker.run(partial(_attempt, operation, given))
    if not isinstance(outcome, Failure):
        return outcome
    error = exception_for(operation, outcome, challenge=str(given.get("ChallengeName", "")))
    if outcome.kind == "transport":
        error.hint = (
            f"Look at the network, a proxy, REGION and ENDPOINT_URL: calls go to {endpoint()}."
        )
    raise error


def _attempt(operation: str, given: dict[str, Any]) -> Reply | Failure:
    try:
        send = direct_calls.sender(client_for(operation), operation)
    except Exception as error:  # noqa: BLE001 - no region, a broken profile, a factory that fails
        return Failure("setup", type(error).__name__, sent="no")
    outcome = _send(send, given)
    if isinstance(outcome, Failure) and outcome.kind == "transport" and outcome.sent == "no":
        return _send(send, given)  # nothing was done, so nothing can happen twice
    return _repeat_if_throttled(operation, outcome, partial(_send, send, given))


def _repeat_if_throttled(
    operation: str, outcome: Reply | Failure, send: Callable[[], Reply | Failure]
) -> Reply | Failure:
    """Repeat a throttled call, which was not executed, as long as repeats help.

    botocore repeats a throttled call only where it may make several attempts: not one that consumes something.
    """
    if operation not in CONSUMING:
        return outcome
    if not _is_throttled(outcome):
        retry_budget.budget.add(operation)
        return outcome
    if not retry_budget.budget.take(operation):
        return outcome
    time.sleep(random.uniform(*PAUSE))  # noqa: S311 - no secret
    outcome = send()
    if not _is_throttled(outcome):
        retry_budget.budget.give_back(operation)
    return outcome


def _is_throttled(outcome: Reply | Failure) -> bool:
    return (
        isinstance(outcome, Failure)
        and outcome.kind == "cognito"
        and outcome.error.removesuffix("Exception") in THROTTLED
    )


def _send(send: Callable[..., Reply], given: dict[str, Any]) -> Reply | Failure:
    """Reveal the given secrets, send the call, and wrap the reply's secrets; raises nothing."""
    try:
        return _closed(send(**opened(given)))
    except Exception as error:  # noqa: BLE001 - sorted by failure_from
        return failure_from(error)


def _closed(reply: Reply) -> Reply:
    """Return ``reply`` with its secrets closed, at any depth."""
    return {
        name: _closed(value)
        if isinstance(value, dict) and name != "ResponseMetadata"  # botocore's own: status, headers
        else _secret(value)
        if name in SECRET_MEMBERS
        else value
        for name, value in reply.items()
    }


def _secret(value: object) -> object:
    """Return a secret member closed; only the type of one that is not text, which no reader accepts."""
    if value is None:
        return None
    return SecretText(value) if isinstance(value, str) else type(value)
