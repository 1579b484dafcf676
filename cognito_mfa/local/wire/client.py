"""A boto3 client whose requests a ``LocalCognito`` in this process answers.

It uses botocore's before-send event. Everything above the socket is botocore's: validation, signing,
retries, parsing, and exceptions. No request reaches a network.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from cognito_mfa.local.json_text import compact
from cognito_mfa.local.wire.messages import (
    ConnectionLost,
    NoAnswer,
    NothingSent,
    WireRequest,
    WireResponse,
    respond,
)

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from botocore.config import Config
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

SERVICE = "cognito-idp"
EVENT = "before-send.cognito-identity-provider"
DUMMY_CREDENTIALS = {
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}

_building = Lock()


class Answerer(Protocol):
    """What answers requests: a LocalCognito."""

    def answer(self, request: WireRequest) -> WireResponse:
        """Return the response to a request of the API."""
        ...

    def document(self, path: str, base: str) -> Mapping[str, Any] | None:
        """Return the document at a path of a pool; None if there is none.

        Args:
            path: The path of its URL.
            base: The beginning of the URLs in it.
        """
        ...


_installed: list[Answerer] = []


def install(answerer: Answerer) -> None:
    """Let this one answer the clients of ``make_client`` from now on."""
    _installed[:] = [answerer]


@contextmanager
def installed(answerer: Answerer) -> Generator[None]:
    """Let this one answer the clients of ``make_client`` until the end of a ``with`` block."""
    before = list(_installed)
    install(answerer)
    try:
        yield
    finally:
        _installed[:] = before


def make_client(
    *,
    region_name: str,
    endpoint_url: str | None = None,
    config: Config | None = None,
    **kwargs: Any,
) -> CognitoIdentityProviderClient:
    """Return a boto3 client whose calls the LocalCognito answers that is installed at that time.

    Args:
        region_name: The AWS region.
        endpoint_url: The argument of boto3. Nothing is sent there.
        config: The argument of boto3.
        kwargs: Other arguments of boto3.

    Returns:
        The client. A process may keep it from one test to the next.
    """
    return build_client(
        _current, region_name=region_name, endpoint_url=endpoint_url, config=config, **kwargs
    )


def build_client(answerer: Callable[[], Answerer], **kwargs: Any) -> CognitoIdentityProviderClient:
    """Return a boto3 client whose requests never leave the process.

    Args:
        answerer: Returns what answers; called for each request.
        kwargs: Arguments of boto3's ``client``.
    """
    with _building:
        client: Any = boto3_session().client(SERVICE, **{**DUMMY_CREDENTIALS, **kwargs})
    before_send = _BeforeSend(answerer, client.meta.config.read_timeout)
    client.meta.events.register(EVENT, before_send.answer)
    # SECURITY: the app recognizes it by this on a real site, under any name of its factory, and refuses it.
    client.cognito_mfa_local = True
    built: CognitoIdentityProviderClient = client
    return built


@cache
def boto3_session() -> Any:
    """Return one session, so that only the first client has to read the service model.

    The type is Any, because the stub has an overload for every AWS service, but none for arguments that are
    passed through.
    """
    import boto3.session

    return boto3.session.Session()


def _current() -> Answerer:
    if not _installed:
        raise RuntimeError(
            "No local Cognito is installed: call cognito.install(), "
            "or use `with cognito.installed():` around what talks to it."
        )
    return _installed[-1]


class _BeforeSend:
    def __init__(self, answerer: Callable[[], Answerer], read_timeout: float) -> None:
        self._answerer = answerer
        self._read_timeout = read_timeout

    def answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        """Return the response, or raise what botocore's HTTP session would raise."""
        from botocore.exceptions import (
            ConnectionClosedError,
            EndpointConnectionError,
            ReadTimeoutError,
        )

        started = time.monotonic()
        try:
            response = self._response(request)
        except NothingSent:
            raise EndpointConnectionError(endpoint_url=request.url) from None
        except NoAnswer:
            raise ReadTimeoutError(endpoint_url=request.url) from None
        except ConnectionLost:
            raise ConnectionClosedError(endpoint_url=request.url) from None
        if time.monotonic() - started > self._read_timeout:
            raise ReadTimeoutError(endpoint_url=request.url)
        return _aws_response(request.url, response)

    def _response(self, request: AWSPreparedRequest) -> WireResponse:
        if request.method != "GET":
            return self._answerer().answer(_wire_request(request))
        url = urlsplit(request.url)
        document = self._answerer().document(url.path, f"{url.scheme}://{url.netloc}")
        # The next test's pool has other keys at the same URL.
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        if document is None:
            return respond(404, b"{}", headers)
        return respond(200, compact(document).encode(), headers)


def _wire_request(request: AWSPreparedRequest) -> WireRequest:
    headers = request.headers
    return WireRequest(
        target=_bytes(headers.get("X-Amz-Target", "")).decode(),
        body=_bytes(request.body or b""),
        signed="Authorization" in headers,
    )


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)


def _aws_response(url: str, response: WireResponse) -> AWSResponse:
    from botocore.awsrequest import AWSResponse, HeadersDict

    headers: Any = HeadersDict(response.headers)
    return AWSResponse(url, response.status, headers, _Raw(response))


class _Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, response: WireResponse) -> None:
        self._response = response

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        return self._response.pieces()
