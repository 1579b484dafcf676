"""What the entries of ``MIDDLEWARE`` are, whatever they are called.

Classes are asked what they derive from. Functions are called as Django calls them, and what they return is asked: a
name, or an attribute that ``functools.wraps`` copied, says nothing. For system checks and the gate map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

from cognito_mfa.enforcement.overrides import forgets, globals_in, plain_function

GATE = "cognito_mfa.middleware.RequireMFAMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
# Middleware that answers where there is no view.
FALLBACKS = {
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "django.contrib.redirects.middleware.RedirectFallbackMiddleware",
    "wagtail.contrib.redirects.middleware.RedirectMiddleware",
}
DECISIONS = frozenset({"decide", "adecide", "decide_for_user"})
DEPTH = 3  # objects that hold objects that hold the gate


class Gate(Enum):
    """What an entry of ``MIDDLEWARE`` has to do with ``RequireMFAMiddleware``."""

    NONE = "nothing"
    IS = "it is the gate, or derives from it"
    UNCLEAR = "it decides itself whether the gate is asked"
    CUT_OFF = "it holds the gate, but Django cannot ask it before a view runs"


def index_of(wanted: str) -> int | None:
    """Return the index of the first entry that is ``wanted``, derives from it, or returns one of its kind.

    Args:
        wanted: dotted path of a class.
    """
    kind = import_string(wanted)
    return next((at for at, path in enumerate(paths()) if _is_kind(_made_by(path), kind)), None)


def gate_index() -> int | None:
    """Return the index of the first entry that has to do with the gate; None without any."""
    return next((at for at, path in enumerate(paths()) if gate_in(path) is not Gate.NONE), None)


def installed_gate() -> Gate:
    """Return how the site's ``MIDDLEWARE`` includes the gate."""
    found = {gate_in(path) for path in paths()}
    return next(
        one
        for one in (Gate.IS, Gate.UNCLEAR, Gate.CUT_OFF, Gate.NONE)
        if one in (*found, Gate.NONE)
    )


def gate_in(path: str) -> Gate:
    """Return what the entry ``path`` has to do with the gate."""
    ours, made = import_string(GATE), _made_by(path)
    if _is_kind(made, ours):
        kind = made if isinstance(made, type) else type(made)
        hidden = forgets(kind, ours, "process_view", "aprocess_view", unless=DECISIONS)
        return Gate.UNCLEAR if hidden else Gate.IS
    if isinstance(made, type):
        made = _build(made)[0] if _mentions(made, ours) else None
    if made is None or not _holds(made, ours, DEPTH):
        return Gate.NONE
    return Gate.UNCLEAR if hasattr(made, "process_view") else Gate.CUT_OFF


def requires_sign_in() -> bool:
    """Return whether Django's own ``LoginRequiredMiddleware`` decides about every view.

    That is, with no rule of the site's own.
    """
    at = index_of(LOGIN_REQUIRED)
    kind: Any = None if at is None else _made_by(paths()[at])
    rule = getattr(kind, "process_view", None)
    return at is not None and rule is import_string(LOGIN_REQUIRED).process_view


def answers_without_view() -> bool:
    """Return whether an entry may have a page where the URLconf has none, such as one of flatpages."""
    return any(FALLBACKS & ancestors(path) for path in paths())


def ancestors(path: str) -> set[str]:
    """Return the dotted paths of an entry and of its base classes."""
    made = _made_by(path)
    kind = made if isinstance(made, type) else type(made)
    return {path, *(f"{one.__module__}.{one.__qualname__}" for one in kind.__mro__)}


def paths() -> list[str]:
    """Return the entries of ``MIDDLEWARE`` that may be dotted paths."""
    given: Any = settings.MIDDLEWARE
    return (
        [path for path in given if isinstance(path, str)]
        if isinstance(given, (list, tuple))
        else []
    )


def unreadable() -> dict[str, str]:
    """Return the entries that could not be inspected, each with the reason."""
    failures = {path: _make(path)[1] for path in paths()}
    return {path: failure for path, failure in failures.items() if failure}


def _made_by(path: str) -> Any:
    """Return the class that ``path`` names, or what its function returns; None where neither can be had."""
    return _make(path)[0]


def _make(path: str) -> tuple[Any, str]:
    try:
        found = import_string(path)
    except Exception as error:  # noqa: BLE001 - a site's module may fail in any way
        return None, f"{type(error).__name__}: {error}"
    return (found, "") if isinstance(found, type) else _build(found)


def _build(factory: Callable[[Any], Any]) -> tuple[Any, str]:
    """Return what Django would get from ``factory``, and why it fails; None for one that is not used."""
    stub = _respond if getattr(factory, "sync_capable", True) else _arespond
    try:
        return factory(stub), ""
    except MiddlewareNotUsed:
        return None, ""
    except Exception as error:  # noqa: BLE001 - likewise
        return None, f"{type(error).__name__}: {error}"


def _respond(_request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


async def _arespond(_request: HttpRequest) -> HttpResponse:
    raise NotImplementedError


def _is_kind(made: Any, kind: type) -> bool:
    return issubclass(made if isinstance(made, type) else type(made), kind)


def _mentions(kind: type, ours: type) -> bool:
    """Return whether a method of ``kind`` names the gate, or a subclass of it."""
    return any(
        isinstance(found, type) and issubclass(found, ours)
        for one in kind.__mro__[:-1]
        for method in vars(one).values()
        for found in _named_in(method)
    )


def _named_in(method: Any) -> Iterator[Any]:
    plain = plain_function(method)
    if plain is not None:
        yield from globals_in(plain)


def _holds(made: Any, ours: type, depth: int) -> bool:
    """Return whether ``made`` holds a gate: as an attribute, in a closure, or bound to a method."""
    if isinstance(made, ours):
        return True
    return depth > 0 and any(_holds(one, ours, depth - 1) for one in _held_by(made))


def _held_by(made: Any) -> list[Any]:
    held = [*getattr(made, "__dict__", {}).values(), getattr(made, "__self__", None)]
    for cell in getattr(made, "__closure__", None) or ():
        with suppress(ValueError):  # not filled yet
            held.append(cell.cell_contents)
    return [one for one in held if one is not None and not isinstance(one, (type, str, int, float))]
