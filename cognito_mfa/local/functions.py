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
import re
import socket
import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cognito_mfa.local.clock import Clock
from cognito_mfa.local.json_text import compact, parse

logger = logging.getLogger(__name__)

#: A Lambda handler, with or without its second argument, or the address that an event is sent to.
Function = Callable[..., Any] | str

TRIES = 3
MOST_RESPONSE = 6_291_556
#: In visible characters, and without credentials, which nothing would send.
ADDRESS = re.compile(r"https?://[^\s/@?#]+([/?][!-~]*)?", re.IGNORECASE)
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
        except SystemExit as error:  # Lambda ends the process; it is ours here
            raise FunctionFailed(f"Runtime exited with error: exit status {error.code}") from None
        except Exception as error:
            logger.warning("The function %s raised an error.", arn, exc_info=True)
            raise FunctionFailed(_text_of(error)) from None
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


def _text_of(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the site's own code
        return type(error).__name__


def _through_json(result: Any) -> Any:
    if result is None:
        raise NoJson
    try:
        text = compact(result)
        _check_size(text)
        return json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise FunctionFailed(f"Unable to marshal response: {error}") from None


def _check_size(result: str | bytes) -> None:
    """Refuse more than Lambda returns."""
    if len(result) > MOST_RESPONSE:
        raise FunctionFailed(
            f"Response payload size exceeded maximum allowed payload size ({MOST_RESPONSE} bytes)."
        )


def _check_address(url: str) -> None:
    if not ADDRESS.fullmatch(url) or not _has_host_and_port(url):
        raise ValueError(f"{url!r} is not an HTTP address, such as http://127.0.0.1:9000/")


def _has_host_and_port(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _post(url: str, sent: str, seconds: float | None) -> Any:
    """What an address answers. No proxy is asked and no redirect followed: an event may carry a
    password. Raises TimeoutError."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    try:
        with _ending(connection, seconds):
            connection.request("POST", path, sent.encode(), JSON)
            response = connection.getresponse()
            body = _read(response)
    except TimeoutError:
        raise
    except (OSError, http.client.HTTPException) as error:
        raise FunctionUnavailable(f"{type(error).__name__}: {error}") from None
    finally:
        connection.close()
    return _returned(response, body)


@contextmanager
def _ending(connection: http.client.HTTPConnection, seconds: float | None) -> Generator[None]:
    """End a connection after a time, whatever arrived until then. Raises TimeoutError.

    The timeout of a socket begins anew with each byte, and a function can drip.
    """
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds or 0, end)
    if seconds is not None:
        timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if is_late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
    if is_late.is_set():
        raise TimeoutError


def _read(response: http.client.HTTPResponse) -> bytes:
    """The body, and one byte more than is allowed at most. Raises IncompleteRead."""
    body = response.read(MOST_RESPONSE + 1)
    if response.length and len(body) <= MOST_RESPONSE:
        raise http.client.IncompleteRead(body, response.length)
    return body


def _returned(response: http.client.HTTPResponse, body: bytes) -> Any:
    """What a function returned, of the answers that Lambda, its emulator and plain servers give."""
    _check_size(body)
    try:
        result = parse(body)
    except ValueError:
        result = None
    if isinstance(result, dict) and "errorMessage" in result:
        text = result["errorMessage"]
        raise FunctionFailed(text if isinstance(text, str) else compact(text))
    if response.status not in OK:
        raise FunctionUnavailable(f"HTTP status {response.status}")
    if result is None:
        raise NoJson
    return result
