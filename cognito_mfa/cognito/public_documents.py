"""The pool's public documents, such as its keys, fetched from where Cognito answers."""

from __future__ import annotations

import os
import re
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

from cognito_mfa.cognito.call_failures import Failure, exception_for, failure_from
from cognito_mfa.cognito.clients import (
    CONNECT_TIMEOUT,
    READ_TIMEOUT,
    SERVICE,
    client_for,
    url_of,
)
from cognito_mfa.cognito.deadline import run_within_deadline
from cognito_mfa.cognito.endpoints import aws_host, is_aws
from cognito_mfa.cognito.integrity import MAX_BODY
from cognito_mfa.conf import get_conf


class Document(NamedTuple):
    """A public document of a pool.

    Attributes:
        body: its bytes, unparsed.
        max_age: seconds for which it may be kept, as its sender says; None where it says nothing.
    """

    body: bytes
    max_age: float | None = None


def fetch_document(path: str) -> Document:
    """Fetch a public document of the pool; a local Cognito answers in process.

    Args:
        path: below the address, such as ``eu-west-1_AbCdEfGhI/.well-known/jwks.json``.

    Raises:
        Unavailable: no answer came.
        BadReply: the answer is no document.
        Misconfigured: boto3 cannot be set up on this machine.
    """
    outcome = run_within_deadline(partial(_get, path))
    if isinstance(outcome, Failure):
        raise exception_for("GET", outcome)
    return outcome


def _get(path: str) -> Document | Failure:
    """Send a GET as botocore sends its calls, so that its address, its proxies and a local Cognito hold."""
    try:
        from botocore.awsrequest import AWSRequest

        client = client_for("GetUser")
        request = AWSRequest("GET", f"{_address(client)}/{path}").prepare()
        answers = client.meta.events.emit(f"before-send.{SERVICE}.GetDocument", request=request)
        local = next((answer for _, answer in answers if answer is not None), None)
        return _document(_send_get(client, request) if local is None else local)
    except Exception as error:  # noqa: BLE001 - sorted by failure_from
        return failure_from(error)


def _address(client: Any) -> str:
    """Return where the pool's documents are: at AWS's own host, or where the site says that Cognito is.

    AWS's other endpoints (FIPS, VPC) accept only calls.
    """
    endpoint = url_of(client)
    if is_aws(endpoint):
        return f"https://{aws_host(get_conf().REGION)}"
    return endpoint.rstrip("/")


def _send_get(client: Any, request: Any) -> Any:
    from botocore.httpsession import URLLib3Session
    from botocore.utils import get_environ_proxies

    make: Any = URLLib3Session  # its stub knows neither files of certificates nor two timeouts
    session = make(
        verify=os.environ.get("AWS_CA_BUNDLE") or True,
        proxies=client.meta.config.proxies or get_environ_proxies(request.url),
        timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
    )
    try:
        return session.send(request)  # follows no redirect
    finally:
        session.close()


def _document(response: Any) -> Document | Failure:
    body: bytes = response.content
    if response.status_code != HTTPStatus.OK or len(body) > MAX_BODY:
        return Failure("reply", str(response.status_code))
    headers = {str(name).lower(): str(value) for name, value in response.headers.items()}
    kept = headers.get("cache-control", "").lower()
    if "no-store" in kept or "no-cache" in kept:
        return Document(body, 0.0)
    found = re.search(r"\bmax-age=(\d{1,9})", kept)
    return Document(body, float(found[1]) if found else None)
