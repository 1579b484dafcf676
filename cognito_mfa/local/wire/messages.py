"""The messages between a client and the protocol: requests, answers, and responses.

It also has the three ways in which no response arrives. Nothing here is about pools. Only this module
creates responses.

See "Wire protocol" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from cognito_mfa.local.json_text import compact
from cognito_mfa.local.random_ids import new_id

CONTENT_TYPE = "application/x-amz-json-1.1"
DRIPS = 10
#: Of an error's text in a header, because clients refuse lines of 64 kilobytes. The body has all of it.
LONGEST_HEADER = 1024


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request of AWS JSON 1.1."""

    target: str
    body: bytes = field(repr=False)
    signed: bool


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request of a browser or an OAuth client, with the first value of each name.

    ``raw_query`` is the query as it was sent. ``repeated`` has the names that were sent more than once.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    form: Mapping[str, str] = field(repr=False)
    authorization: str = field(repr=False)
    raw_query: str = field(default="", repr=False)
    repeated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request that reads or changes how a test runs. ``content_type`` has no parameters."""

    method: str
    path: str
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WireResponse:
    """A response.

    ``cut`` is the part of the body that arrives before the connection ends; None for all of it. ``drip`` is
    the number of seconds in which the body arrives piece by piece.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    cut: int | None = None
    drip: float = 0.0

    def with_headers(self, more: Mapping[str, str]) -> WireResponse:
        """Return the response with more headers, which replace those of the same name."""
        headers = {**self.headers, **more}
        return WireResponse(self.status, headers, self.body, self.cut, self.drip)

    def pieces(self) -> Iterator[bytes]:
        """Yield the parts of the body that arrive, with pauses between them."""
        body = self.body[: self.cut]
        if not self.drip:
            yield body
            return
        size = len(body) // DRIPS + 1
        for start in range(0, len(body), size):
            time.sleep(self.drip / DRIPS)
            yield body[start : start + size]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an operation: its members, or an error's code and text."""

    payload: Mapping[str, Any] = field(repr=False)
    error: str | None = None
    status: int = 200

    @classmethod
    def failure(cls, code: str, message: str, status: int = 400) -> Answer:
        """Return the answer with an error.

        Args:
            code: The AWS error code.
            message: Cognito's text.
            status: The HTTP status.

        Returns:
            The answer.
        """
        return cls({"__type": code, "message": message}, code, status)

    def response(self, now: float | None = None) -> WireResponse:
        """Return the response with this answer. ``now`` is a time in Unix seconds, the machine's unless given."""
        body = compact(self.payload).encode()
        return respond(self.status, body, self._error_headers(), now)

    def _error_headers(self) -> dict[str, str]:
        if self.error is None:
            return {}
        # botocore reads __type, and other SDKs read the header first, so an emulator sends both.
        message = " ".join(str(self.payload["message"]).split())
        return {
            "x-amzn-ErrorType": f"{self.error}:",
            "x-amzn-ErrorMessage": message.encode("ascii", "replace").decode()[:LONGEST_HEADER],
        }


def respond(
    status: int, body: bytes, headers: Mapping[str, str | None], now: float | None = None
) -> WireResponse:
    """Return a response with the headers that all of Cognito's responses have.

    Args:
        status: The HTTP status.
        body: The body.
        headers: Headers that replace those with the same name; None removes one.
        now: What the Date says, in Unix seconds; the machine's time unless given.

    Returns:
        The response.
    """
    common = {
        "Content-Type": CONTENT_TYPE,
        "Content-Length": str(len(body)),
        "x-amzn-RequestId": new_id(),
        "Date": http_date(time.time() if now is None else now),
    }
    if not headers:
        return WireResponse(status, common, body)
    replaced = {name.lower() for name in headers}
    kept = {name: value for name, value in common.items() if name.lower() not in replaced}
    given = {name: value for name, value in headers.items() if value is not None}
    return WireResponse(status, {**kept, **given}, body)


def http_date(timestamp: float) -> str:
    """Return a time in Unix seconds as HTTP writes it."""
    return _date_of_second(int(timestamp))


@lru_cache(maxsize=8)
def _date_of_second(second: int) -> str:
    return formatdate(second, usegmt=True)


class Disruption(Exception):
    """The caller gets no response."""


class NothingSent(Disruption):
    """The request never reached Cognito."""


class NoAnswer(Disruption):
    """The request was sent, and no response arrives."""


class ConnectionLost(Disruption):
    """The connection ends before a response."""
