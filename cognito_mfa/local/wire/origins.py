"""Decides which callers may use which paths of the HTTP server.

The server accepts any signature and shows the codes that Cognito would have sent, on a machine whose
browser visits other sites. Two checks keep the pages of those sites out. The host name in the request is
checked, because a foreign name may lead here, and so is the origin of the page. Only the paths that are
named here are open to other origins.
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
#: No other page may read it, load it as a script or an image, or show it in a frame.
CLOSED = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
#: The headers that Cognito's own libraries send. SECURITY: they are listed, without Authorization. By
#: the standard, "*" does not include it either, but browsers treat it as if it did.
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
#: The Sec-Fetch-Site of our own pages, of an address that was typed, and of programs. "same-site"
#: is another port of this machine.
OWN_SITES = (None, "same-origin", "none")


class Access(Enum):
    """Who may use what is at a path."""

    #: The API. Everything that needs no signature is open to all pages, as at AWS.
    OPERATIONS = "operations"
    #: OAuth's endpoints, for programs and pages. The caller must send a credential.
    ENDPOINT = "endpoint"
    #: A document that anyone may read.
    PUBLIC = "public"
    #: Pages for users. Links of other sites may lead there, but their forms may not.
    PAGE = "page"
    #: For users and programs on this machine.
    PRIVATE = "private"
    #: Only for programs on this machine: what a test changes.
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class Place:
    """What is at a path.

    ``methods`` are the accepted ones, besides HEAD and OPTIONS. If a GET ``changes`` something, there is no
    HEAD, because HEAD must not change anything (RFC 9110).
    """

    access: Access
    methods: tuple[str, ...]
    changes: bool = False

    @property
    def allow(self) -> str:
        """Return the Allow header, which lists the methods."""
        reading = ("HEAD",) if "GET" in self.methods and not self.changes else ()
        return ", ".join((*self.methods, *reading, "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request, as its headers describe it.

    ``host`` and ``origin`` are the headers' texts. Programs other than browsers have no origin. ``signs`` is
    True if there is an Authorization header. ``site`` is Sec-Fetch-Site, which browsers send with every
    request, even without an Origin.
    """

    host: str
    origin: str | None
    signs: bool
    site: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Caller:
        """Return the caller for ``headers``, which have lower-case names and include Host."""
        signs = "authorization" in headers
        return cls(headers["host"], headers.get("origin"), signs, headers.get("sec-fetch-site"))

    @property
    def is_foreign(self) -> bool:
        """Return whether the caller is a page of another site. The origin "null" is one that hides its site."""
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
            True if it may.
        """
        if access is Access.CONTROL and self.site not in OWN_SITES:
            return False
        if not self.is_foreign or access in {Access.ENDPOINT, Access.PUBLIC}:
            return True
        if access is Access.OPERATIONS:
            # SECURITY: a browser asks before it sends this header, and was told not to.
            return not self.signs
        return access is Access.PAGE and method == "GET"

    def headers(self, method: str, access: Access) -> Mapping[str, str]:
        """Return the headers that tell a browser what other origins may do.

        Args:
            method: The method of the request.
            access: What is at the path.

        Returns:
            The headers of the response.
        """
        if access is Access.OPERATIONS:
            return SHARED if method == "POST" and not self.signs else CLOSED
        return SHARED if access in {Access.ENDPOINT, Access.PUBLIC} else CLOSED


def preflight(access: Access) -> Mapping[str, str]:
    """Return the headers that answer a browser's preflight request."""
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
    """The host names of the server.

    These are the names of the loopback interface, where it listens, and other allowed names, which other
    machines of a container network need.

    SECURITY: the owner of a name can point it at any address at any time (DNS rebinding). A page with that
    name then has the same origin as the server.
    """

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
    """Return a name in the form in which names are compared. Raises ValueError."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if ":" in bare:
        with suppress(ValueError):
            return str(ipaddress.IPv6Address(bare))
    elif HOST.fullmatch(text):
        return text.lower()
    raise ValueError(f"{text!r} is not the name of a host")
