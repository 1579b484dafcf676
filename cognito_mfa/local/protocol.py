"""AWS JSON 1.1: turns the target and the body of a request into a response.

Requests in process and over HTTP both pass through here: credentials, JSON, validation, faults,
and the call log. So both get the same answers.

See "Wire protocol" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from cognito_mfa.local import operations, selection
from cognito_mfa.local.account_lock import AccountLock
from cognito_mfa.local.call_log import Call, CallLog
from cognito_mfa.local.clock import Clock
from cognito_mfa.local.errors import (
    CognitoError,
    MissingAuthenticationTokenException,
    SerializationException,
    UnknownOperationException,
)
from cognito_mfa.local.faults import Fault, Faults
from cognito_mfa.local.json_text import parse
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.rules.limits import RequestQuotas
from cognito_mfa.local.rules.tokens import sign_all
from cognito_mfa.local.wire import service_model, validation
from cognito_mfa.local.wire.messages import (
    Answer,
    NothingSent,
    WireRequest,
    WireResponse,
    http_date,
)

TARGET_PREFIX = "AWSCognitoIdentityProviderService."

Witness = Callable[[str, Answer], None]

_witnesses: list[Witness] = []


@contextmanager
def witnessed(witness: Witness) -> Generator[None]:
    """Call a witness with every operation that any local Cognito of this process executes.

    It gets the answer as it was before a fault. It must not raise: the caller of the operation
    would get it.
    """
    _witnesses.append(witness)
    try:
        yield
    finally:
        _witnesses.remove(witness)


class Protocol:
    """Answers wire requests for one account."""

    def __init__(
        self,
        context: Context,
        *,
        lock: AccountLock,
        clock: Clock,
        faults: Faults,
        calls: CallLog,
        commit: Callable[[], None],
    ) -> None:
        """Put the parts together.

        Args:
            context: The account, its clock and its open sign-ins.
            lock: Held while the state changes.
            clock: The time that it lives in.
            faults: What happens instead of ordinary answers.
            calls: Where calls are recorded.
            commit: Called when the state may have changed.
        """
        self._context = context
        self._lock = lock
        self._clock = clock
        self._faults = faults
        self._calls = calls
        self._commit = commit
        self._quotas = RequestQuotas()

    def answer(self, request: WireRequest) -> WireResponse:
        """Return the response to a request. Raises a Disruption when there is to be none."""
        try:
            name = _operation(request)
            parameters = _parameters(request.body)
        except CognitoError as error:
            return _failure(error).response(self._clock.now())
        if self._context.behavior.latency:
            time.sleep(self._context.behavior.latency)  # without the lock: calls wait side by side
        fault = self._faults.next(name)
        if fault is None:
            return self._execute(name, parameters).response(self._clock.now())
        return self._play(fault, name, parameters)

    def _dated(self, response: WireResponse) -> WireResponse:
        """Return ``response`` with the time of this account's clock, which tests move."""
        return response.with_headers({"Date": http_date(self._clock.now())})

    def _play(self, fault: Fault, name: str, parameters: Mapping[str, Any]) -> WireResponse:
        logged = False

        def execute() -> Answer:
            nonlocal logged
            logged = True
            return self._execute(name, parameters)

        try:
            response = fault.play(execute)
        except NothingSent:
            logged = True  # what never arrived is in no log
            raise
        finally:
            if not logged:
                self._record(name, parameters, fault.name)
        own = {header.lower() for header in getattr(fault, "headers", ())}
        return response if "date" in own else self._dated(response)

    def _execute(self, name: str, parameters: Mapping[str, Any]) -> Answer:
        try:
            self._count(name)
            validation.validate(name, parameters)
            payload = self._perform(name, selection.select(name, parameters))
        except CognitoError as error:
            answer = _failure(error)
        else:
            answer = Answer(payload)
        self._record(name, parameters, answer.error)
        for witness in _witnesses:
            witness(name, answer)
        return answer

    def _perform(self, name: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._lock:
            try:
                payload = operations.ALL[name](
                    self._context.for_request(name, parameters), parameters
                )
            finally:
                # A refusal may have counted an attempt, so it is written down like a success.
                self._commit()
        if "AuthenticationResult" in payload:
            # Signing needs no lock and lets other threads run.
            payload = {**payload, "AuthenticationResult": sign_all(payload["AuthenticationResult"])}
        return payload

    def _count(self, name: str) -> None:
        if self._context.behavior.request_quotas:
            with self._lock:
                self._quotas.count(name, self._clock.now())

    def _record(self, name: str, parameters: Mapping[str, Any], error: str | None) -> None:
        self._calls.record(Call(name, parameters, error, self._clock.now()))


def _operation(request: WireRequest) -> str:
    name = request.target.removeprefix(TARGET_PREFIX)
    known = name in operations.ALL and service_model.describes(name)
    if not known or not request.target.startswith(TARGET_PREFIX):
        raise UnknownOperationException(_unsupported(request.target))
    if name in operations.IAM and not request.signed:
        raise MissingAuthenticationTokenException("Missing Authentication Token")
    return name


def _unsupported(target: str) -> str:
    name = target.removeprefix(TARGET_PREFIX)
    if name != target and name in service_model.operations():
        return (
            f"Cognito has the operation {name}, and the local Cognito does not play it. "
            'See "Not implemented" in docs/local-cognito-fidelity.md.'
        )
    return f"There is no operation {name or '(none)'} in the installed botocore's Cognito."


def _parameters(body: bytes) -> Mapping[str, Any]:
    try:
        parameters = parse(body or b"{}", each_object=_without_nulls)
    except ValueError:
        raise SerializationException("The request body is not valid JSON") from None
    if not isinstance(parameters, dict):
        raise SerializationException("The request body is not a JSON object")
    return parameters


def _without_nulls(given: dict[str, Any]) -> dict[str, Any]:
    """A key whose value is null was not sent: browser clients send DEVICE_KEY like that."""
    if None not in given.values():
        return given
    return {name: value for name, value in given.items() if value is not None}


def _failure(error: CognitoError) -> Answer:
    return Answer.failure(error.code, error.message, error.status)
