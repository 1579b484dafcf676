"""Decides who may call what on the HTTP server.

The server believes any signature and shows the codes that Cognito would have sent, on a machine
whose browser visits other sites. Two checks keep their pages out: the host name by which a client
reached us, because a foreign name may lead here, and the origin of the page that asks. Only what
is named here is open to other origins.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

LOOPBACK = ("localhost", "127.0.0.1", "::1")
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]{0,5})?", re.ASCII)
#: Browsers call Cognito directly.
SHARED = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date",
}
#: For no other page: neither read, nor loaded as a script or a picture, nor shown in a frame.
CLOSED = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: What Cognito's own libraries send. SECURITY: named one by one and without Authorization. By the
#: standard "*" would leave it out too, but browsers let it through.
SENT_BY_LIBRARIES = (
    "content-type",
    "x-amz-target",
    "x-amz-user-agent",
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "cache-control",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
)
#: Sec-Fetch-Site of our own pages, of an address that was typed, and of programs. "same-site" is
#: another port of this machine.
OWN_SITES = (None, "same-origin", "none")


class Access(Enum):
    """What lies at a path, as far as pages of other origins are concerned."""

    #: The API. Everything that needs no signature is open to all, as at AWS.
    OPERATIONS = "operations"
    #: OAuth's endpoints, which programs and pages call: a caller brings the proof along.
    ENDPOINT = "endpoint"
    #: A document that anyone may read.
    PUBLIC = "public"
    #: For people, whose browsers go there: a link may lead there, but no other page's form.
    PAGE = "page"
    #: For people and programs at this machine.
    PRIVATE = "private"
    #: For programs at this machine only: what a test changes.
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Place:
    """What is at a path. ``methods`` are those that it answers, besides HEAD and OPTIONS. Where a GET
    ``changes`` something, there is no HEAD, which must not (RFC 9110)."""

    access: Access
    methods: tuple[str, ...]
    changes: bool = False

    @property
    def allow(self) -> str:
        """Return the header that says which methods there are."""
        reading = ("HEAD",) if "GET" in self.methods and not self.changes else ()
        return ", ".join((*self.methods, *reading, "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Caller:
    """``host`` and ``origin`` are the headers' texts; programs that are no browsers have no origin.
    ``signs``: there is an Authorization header. ``site`` is Sec-Fetch-Site, which browsers send with
    every request, those without an Origin among them."""

    host: str
    origin: str | None
    signs: bool
    site: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Caller:
        """``headers`` by lower-case name, a Host among them."""
        signs = "authorization" in headers
        return cls(headers["host"], headers.get("origin"), signs, headers.get("sec-fetch-site"))

    @property
    def is_foreign(self) -> bool:
        """Whether a page asks that is not ours. "null" is a page that does not say whose it is."""
        if self.origin is None:
            return False
        ours = {f"{scheme}://{self.host.lower()}" for scheme in ("http", "https")}
        return self.origin.lower() not in ours

    def may(self, method: str, access: Access) -> bool:
        """Return whether the caller may send a request.

        Args:
            method: The method of the request.
            access: What is at the path.

        Returns:
            Whether it is answered.
        """
        if access is Access.CONTROL and self.site not in OWN_SITES:
            return False
        if not self.is_foreign or access in {Access.ENDPOINT, Access.PUBLIC}:
            return True
        if access is Access.OPERATIONS:
            # SECURITY: a browser has asked us before it sends this header, and been told no.
            return not self.signs
        return access is Access.PAGE and method == "GET"

    def headers(self, method: str, access: Access) -> Mapping[str, str]:
        """Return what an answer tells the browser about other origins.

        Args:
            method: The method of the request.
            access: What is at the path.

        Returns:
            Headers of the response.
        """
        if access is Access.OPERATIONS:
            return SHARED if method == "POST" and not self.signs else CLOSED
        return SHARED if access in {Access.ENDPOINT, Access.PUBLIC} else CLOSED


def preflight(access: Access) -> Mapping[str, str]:
    """Return what a browser is told before it sends a page's request."""
    if access not in {Access.OPERATIONS, Access.ENDPOINT, Access.PUBLIC}:
        return CLOSED
    names = [*SENT_BY_LIBRARIES, *(["authorization"] if access is Access.ENDPOINT else [])]
    return {
        **SHARED,
        "Access-Control-Allow-Methods": "POST,GET,OPTIONS",
        "Access-Control-Allow-Headers": ",".join(names),
        "Access-Control-Max-Age": "600",
    }


class Hosts:
    """The names that lead to us: those of the loopback interface, where we listen, and whatever else
    is allowed, as other machines of a container network need it.

    SECURITY: every name counts as its owner's, who may point it at any address at any time (DNS
    rebinding); a page of that name is then of our own origin."""

    def __init__(self, bound: str, allowed: Iterable[str] = ()) -> None:
        """Collect the names.

        Args:
            bound: The address that the server listens on; "" for all.
            allowed: Other names that lead to it.

        Raises:
            ValueError: One of them is not the name of a host.
        """
        self._names = {_name(name) for name in (*LOOPBACK, *([bound] if bound else []), *allowed)}

    def __str__(self) -> str:
        return ", ".join(sorted(self._names))

    def include(self, host: str) -> bool:
        """Return whether a Host header, with any port, has one of the names."""
        match = HOST.fullmatch(host)
        try:
            return match is not None and _name(match["name"]) in self._names
        except ValueError:
            return False


def _name(text: str) -> str:
    """In the one spelling in which names are compared. Raises ValueError."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare:
        with suppress(ValueError):
            return str(ipaddress.IPv6Address(bare))
    elif HOST.fullmatch(text):
        return text.lower()
    raise ValueError(f"{text!r} is not the name of a host")
