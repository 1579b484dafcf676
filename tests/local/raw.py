"""HTTP as it is on the wire, for what no SDK would send."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

TARGET = "AWSCognitoIdentityProviderService."


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)


def post(
    url: str, operation: str, body: Any = None, *, target: str | None = None, signed: bool = False
) -> Response:
    """``body`` is JSON unless it is bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body if body is not None else {})
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": TARGET + operation if target is None else target,
        **({"Authorization": "AWS4-HMAC-SHA256 whatever"} if signed else {}),
    }
    return request(url, "POST", "/", data, headers)


def request(
    url: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Response:
    connection = connect(url)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, names, answer.read())
    finally:
        connection.close()
