"""A client that costs next to nothing: JSON over one kept connection, with a signature that every
local Cognito believes. An SDK's own work would hide the differences that are measured here."""

from __future__ import annotations

import http.client
import json
import time
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

#: Seconds after which a server may have closed a connection; Node.js does after five.
IDLE = 3.0
TARGET = "AWSCognitoIdentityProviderService."
HEADERS = {
    "Content-Type": "application/x-amz-json-1.1",
    "Authorization": (
        "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/cognito-idp/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
    ),
    "X-Amz-Date": "20260101T000000Z",
}


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code
        self.message = message


class Client:
    """One connection, opened at the first call; not for several threads at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        self._used_at = 0.0

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Raises Refused, and OSError where nobody answers."""
        status, text = self.exchange(operation, parameters)
        try:
            answer = json.loads(text or b"{}")
        except ValueError:
            raise Refused(operation, f"HTTP {status}", text[:200].decode("latin-1")) from None
        if status != http.client.OK:
            code = str(answer.get("__type", f"HTTP {status}")).rpartition("#")[2]
            raise Refused(operation, code, str(answer.get("message", answer.get("Message", ""))))
        return dict(answer)

    def exchange(self, operation: str, parameters: dict[str, Any]) -> tuple[int, bytes]:
        """The status and the body, whatever they are."""
        headers = {**HEADERS, "X-Amz-Target": TARGET + operation}
        if time.monotonic() - self._used_at > IDLE:
            self._connection.close()
        self._used_at = time.monotonic()
        try:
            self._connection.request("POST", "/", json.dumps(parameters), headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            self._connection.close()
            raise ConnectionError(str(error)) from error
        except OSError:
            self._connection.close()
            raise
