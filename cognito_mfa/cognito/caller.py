"""Describes the browser behind a call, for threat protection and Lambda triggers.

Without it all users share the address of the site's server: "Threat protection" in ``docs/troubleshooting.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

# AWS signs calls of these; they take the whole context. The public ones take an address.
_SIGNED = frozenset({"AdminInitiateAuth", "AdminRespondToAuthChallenge"})
_PUBLIC = frozenset(
    {"InitiateAuth", "RespondToAuthChallenge", "ForgotPassword", "ConfirmForgotPassword"}
)


def _nothing(_operation: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class CallerContext:
    """The browser that a call is made for. All values are cut to the service model's limits.

    Attributes:
        address: of the browser, IPv4 or IPv6; empty where it is not known.
        server_name: of the site.
        server_path: of the page.
        headers: pairs of name and value.
        encoded_data: what AWS's script collected in the browser; empty for none.
        metadata: returns what Lambda triggers are told, given the operation.
    """

    address: str = ""
    server_name: str = ""
    server_path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    encoded_data: str = ""
    metadata: Callable[[str], Mapping[str, str]] = _nothing

    def parameters(self, operation: str) -> dict[str, Any]:
        """Return the members of ``operation`` that carry this; those that are None are not sent.

        Args:
            operation: the API operation.
        """
        return {**self._context(operation), "ClientMetadata": self.metadata(operation) or None}

    def _context(self, operation: str) -> dict[str, Any]:
        encoded = {"EncodedData": self.encoded_data} if self.encoded_data else {}
        address = {"IpAddress": self.address} if self.address else {}
        if operation in _PUBLIC:
            return {"UserContextData": {**address, **encoded} or None}
        if operation not in _SIGNED or not address:  # which is required there
            return {}
        named = [{"headerName": name, "headerValue": value} for name, value in self.headers]
        site = {"ServerName": self.server_name, "ServerPath": self.server_path}
        return {"ContextData": {**address, **site, "HttpHeaders": named, **encoded}}


NO_CALLER = CallerContext()  # of commands
