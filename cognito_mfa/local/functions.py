"""The functions that a user pool calls in place of AWS Lambda: Python callables and HTTP addresses.

Each is registered under the ARN that a pool's LambdaConfig names, or under the name in it. Nothing
here knows what a trigger is. Only the process that runs the local Cognito registers functions. No
request can add one, and none is in a state file.

See "Lambda triggers" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import http.client
import inspect
import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cognito_mfa.local.clock import Clock
from cognito_mfa.local.json_text import compact

logger = logging.getLogger(__name__)

#: A Lambda handler, with or without its second argument, or the address that an event is sent to.
Function = Callable[..., Any] | str

TRIES = 3
MOST_RESPONSE = 6 * 1024 * 1024
JSON = {"Content-Type": "application/json", "Connection": "close"}
OK = range(200, 300)


class FunctionFailed(Exception):
    """The function raised an error; the text is the error's."""


class FunctionUnavailable(Exception):
    """The function could not be run, or not in time; the text says why."""


class NoJson(Exception):
    """The function returned nothing, or what is not JSON."""


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """What a handler gets as its second argument, as far as it makes sense here."""

    invoked_function_arn: str
    function_name: str
    milliseconds: int
    function_version: str = "$LATEST"
    memory_limit_in_mb: str = "128"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        """Return how long a function may take."""
        return self.milliseconds


class Functions(MutableMapping[str, Function]):
    """The functions of an account, by their ARN or by the name in it."""

    def __init__(self, clock: Clock) -> None:
        """Begin without any.

        Args:
            clock: The time by which a callable is too slow.
        """
        self._clock = clock
        self._functions: dict[str, Function] = {}

    def __setitem__(self, name: str, function: Function) -> None:
        """Register a function.

        Args:
            name: Its ARN, or the name in it.
            function: A callable that takes an event, or an event and a context, or an HTTP address.

        Raises:
            TypeError: It is neither a callable nor text.
            ValueError: The text is no HTTP address.
        """
        if isinstance(function, str):
            _check_address(function)
        elif not callable(function):
            raise TypeError(f"{function!r} is neither a callable nor an HTTP address")
        self._functions[name] = function

    def __getitem__(self, name: str) -> Function:
        return self._functions[name]

    def __delitem__(self, name: str) -> None:
        del self._functions[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def find(self, arn: str) -> Function | None:
        """Return the function that an ARN stands for, or None."""
        return self._functions.get(arn) or self._functions.get(name_in(arn))

    def call(self, arn: str, event: Mapping[str, Any], *, seconds: float | None) -> Any:
        """Call a function with an event, again if it does not answer in time.

        Args:
            arn: The function's ARN.
            event: The event; the function gets a copy.
            seconds: How long each of three tries may take; None is forever.

        Returns:
            What the function returned.

        Raises:
            FunctionFailed: The function raised an error.
            FunctionUnavailable: There is no such function, or it did not answer.
            NoJson: What it returned is not JSON.
        """
        function = self.find(arn)
        if function is None:
            raise FunctionUnavailable(
                f"the local Cognito has no function {arn}; add it to LocalCognito.functions or "
                "with --function"
            )
        sent = compact(event)
        for _ in range(TRIES):
            try:
                if isinstance(function, str):
                    return _post(function, sent, seconds)
                return self._run(function, arn, sent, seconds)
            except TimeoutError:
                continue
        raise FunctionUnavailable("Socket timeout while invoking Lambda function")

    def _run(self, function: Callable[..., Any], arn: str, sent: str, seconds: float | None) -> Any:
        """The result of a callable. It cannot be stopped, so it is found too slow afterwards."""
        started = self._clock.now()
        limit = 900.0 if seconds is None else seconds
        arguments = (json.loads(sent), LambdaContext(arn, name_in(arn), int(limit * 1000)))
        try:
            result = function(*arguments[: _arguments_of(function)])
        except TimeoutError:
            raise
        except Exception as error:
            logger.warning("The function %s raised an error.", arn, exc_info=True)
            raise FunctionFailed(str(error)) from None
        if seconds is not None and self._clock.now() - started > seconds:
            raise TimeoutError
        return _through_json(result)


def name_in(arn: str) -> str:
    """Return the name of the function in an ARN, or the text itself."""
    return arn.partition(":function:")[2].partition(":")[0] or arn


def _arguments_of(function: Callable[..., Any]) -> int:
    """How many of event and context a callable takes."""
    try:
        inspect.signature(function).bind(None, None)
    except TypeError:
        return 1
    except ValueError:  # some of those written in C have no signature
        return 1
    return 2


def _through_json(result: Any) -> Any:
    if result is None:
        raise NoJson
    try:
        return json.loads(compact(result))
    except (TypeError, ValueError) as error:
        raise FunctionFailed(f"Unable to marshal response: {error}") from None


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an HTTP address, such as http://127.0.0.1:9000/")


def _post(url: str, sent: str, seconds: float | None) -> Any:
    """What an address answers. No proxy is asked and no redirect followed: an event may carry a
    password. Raises TimeoutError."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        connection.request("POST", path, sent.encode(), JSON)
        response = connection.getresponse()
        body = response.read(MOST_RESPONSE)
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise FunctionUnavailable(f"{type(error).__name__}: {error}") from None
    finally:
        connection.close()
    return _returned(response, body)


def _returned(response: http.client.HTTPResponse, body: bytes) -> Any:
    """What a function returned, of the answers that Lambda, its emulator and plain servers give."""
    try:
        result = json.loads(body)
    except ValueError:
        result = None
    if isinstance(result, dict) and "errorMessage" in result:
        raise FunctionFailed(str(result["errorMessage"]))
    if response.status not in OK:
        raise FunctionUnavailable(f"HTTP status {response.status}")
    if result is None:
        raise NoJson
    return result
