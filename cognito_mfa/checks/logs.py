"""Checks of what logs reveal: botocore logs whole requests and answers at DEBUG."""

from __future__ import annotations

import http.client
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as Caution
from django.utils.module_loading import import_string

from cognito_mfa.monitoring.redaction import RemoveSecrets

AWS_LOGGERS = ("boto3", "botocore", "urllib3")
UNSET = (None, "NOTSET", 0)  # levels of a logger that inherits the root's
FILTER = f"{RemoveSecrets.__module__}.{RemoveSecrets.__qualname__}"


def check_logging() -> Iterator[CheckMessage]:
    """Check that LOGGING does not set botocore to DEBUG (W011).

    At that level it logs passwords, codes, and tokens.
    """
    if settings.DEBUG or not (loud := _loud_loggers()) or _are_filtered(settings.LOGGING):
        return
    names = ", ".join(repr(name or "root") for name in loud)
    yield Caution(
        f"LOGGING sets {names} to DEBUG, so botocore logs passwords, codes, and tokens.",
        hint="Set the level of the loggers 'boto3', 'botocore', and 'urllib3' to INFO or above, or add the filter "
        f"{FILTER} to every handler.",
        id="cognito_mfa.W011",
    )


def check_loggers() -> Iterator[CheckMessage]:
    """Check the loggers themselves, because code may have set them to DEBUG, too (W060)."""
    for name in ("botocore", "boto3"):
        logger = logging.getLogger(name)
        if logger.isEnabledFor(logging.DEBUG) and _has_bare_handler(logger):
            yield Caution(
                f"The logger {name!r} is at DEBUG and has a handler without {RemoveSecrets.__name__}, so it logs "
                "passwords, codes, and tokens.",
                hint=f"Set its level to INFO or above, or add the filter {FILTER} to the handler.",
                id="cognito_mfa.W060",
            )


def check_http_client() -> Iterator[CheckMessage]:
    """Check that http.client does not print what it sends, which no filter sees (W061)."""
    if http.client.HTTPConnection.debuglevel:
        yield Caution(
            "HTTPConnection.debuglevel is set, so http.client prints every request and its secrets to standard output.",
            hint="Remove the line that sets http.client.HTTPConnection.debuglevel.",
            id="cognito_mfa.W061",
        )


def _has_bare_handler(logger: logging.Logger | None) -> bool:
    """Return whether a record of ``logger`` reaches a handler that would write secrets."""
    while logger is not None:
        for handler in logger.handlers:
            filtered = any(isinstance(one, RemoveSecrets) for one in handler.filters)
            if handler.level <= logging.DEBUG and not filtered:
                return True
        logger = logger.parent if logger.propagate else None
    return False


def _are_filtered(config: Mapping[str, Any]) -> bool:
    """Return whether each handler of LOGGING has the filter."""
    filters: Mapping[str, Any] = config.get("filters") or {}
    ours = {name for name, given in filters.items() if _is_ours(given.get("()"))}
    handlers = list((config.get("handlers") or {}).values())
    return bool(handlers) and all(ours & set(one.get("filters") or ()) for one in handlers)


def _is_ours(factory: object) -> bool:
    try:
        found = import_string(factory) if isinstance(factory, str) else factory
    except ImportError:
        return False
    return isinstance(found, type) and issubclass(found, RemoveSecrets)


def _loud_loggers() -> list[str]:
    """Return the AWS loggers that LOGGING sets to DEBUG, and the root logger if they inherit its level."""
    config: Mapping[str, Any] = settings.LOGGING or {}
    loggers: Mapping[str, Any] = config.get("loggers") or {}
    loud = [
        name
        for name in loggers
        if name.partition(".")[0] in AWS_LOGGERS and _is_loud(loggers, name)
    ]
    root = _is_loud(config, "root") or _is_loud(loggers, "")
    return ["", *loud] if root and _level(loggers, "botocore") in UNSET else loud


def _is_loud(config: Mapping[str, Any], name: str) -> bool:
    level = _level(config, name)
    return level == "DEBUG" or (isinstance(level, int) and 0 < level <= logging.DEBUG)


def _level(config: Mapping[str, Any], name: str) -> object:
    return (config.get(name) or {}).get("level")
