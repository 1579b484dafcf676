"""What Cognito is told about the browser of a request. Invalid values never stop a sign-in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.utils.module_loading import import_string

from cognito_mfa.cognito.caller import CallerContext
from cognito_mfa.conf import get_conf
from cognito_mfa.values.untrusted import shown

logger = logging.getLogger(__name__)

MAX_TEXT = 131_072  # characters: the service model's limit of each text
MAX_HEADER = 2048  # characters
MAX_PAIRS = 64  # of metadata
# SECURITY: no cookie, no authorization and no address of another page leaves the site.
HEADERS = (
    "User-Agent", "Accept", "Accept-Language", "Accept-Encoding", "Sec-CH-UA", "Sec-CH-UA-Mobile",
    "Sec-CH-UA-Platform",
)  # fmt: skip


def caller_of(request: HttpRequest) -> CallerContext:
    """Return what is known about the browser that sent ``request``."""
    conf = get_conf()
    given = {name: shown(request.headers.get(name), MAX_HEADER) for name in HEADERS}
    return CallerContext(
        address=_address(request),
        server_name=_host(request),
        server_path=shown(request.path, MAX_HEADER),
        headers=tuple((name, value) for name, value in given.items() if value),
        encoded_data=shown(_ask(conf.CLIENT_ENCODED_DATA, request), MAX_TEXT),
        metadata=partial(_metadata, request),
    )


def _address(request: HttpRequest) -> str:
    """Return the browser's address in a normalized form; empty if it is not valid.

    SECURITY: never from a header by default. Anyone can write X-Forwarded-For; only the site knows its proxies.
    """
    asked = get_conf().CLIENT_ADDRESS
    found = _ask(asked, request) if asked else request.META.get("REMOTE_ADDR")
    with suppress(ValueError):
        address = ip_address(str(found or "").strip().partition("%")[0])
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return str(mapped or address)
    return ""


def _host(request: HttpRequest) -> str:
    with suppress(DisallowedHost):
        return shown(request.get_host(), MAX_HEADER)
    return ""


def _metadata(request: HttpRequest, operation: str) -> Mapping[str, str]:
    """Return what Lambda triggers are told: texts, by name."""
    told = _ask(get_conf().CLIENT_METADATA, request, operation)
    if not isinstance(told, Mapping):
        return {}
    texts = {
        name: value[:MAX_TEXT]
        for name, value in told.items()
        if isinstance(name, str) and isinstance(value, str) and len(name) <= MAX_TEXT
    }
    if len(texts) < len(told):
        logger.warning("client_metadata_omitted: names and values must be strings")
    return dict(list(texts.items())[:MAX_PAIRS])


def _ask(hook: str | Callable[..., Any] | None, *given: object) -> Any:
    """Return the result of the site's own function; None if it fails, which is logged."""
    if hook is None:
        return None
    try:
        asked: Callable[..., Any] = import_string(hook) if isinstance(hook, str) else hook
        return asked(*given)
    except Exception:
        logger.exception("client_context_failed: %s", hook)
        return None
