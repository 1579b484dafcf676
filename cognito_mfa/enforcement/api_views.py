"""Views of APIs, which authenticate their callers themselves, after the gate has judged the session.

Django REST framework's views and django-ninja's routes are known by the class and the closure they are made of, never
by an attribute that a wrapper may have copied. Neither package needs to be installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from django.utils.module_loading import import_string

from cognito_mfa.enforcement.view_marks import (
    View,
    guards_itself,
    held_by,
    unwrap_all_known,
    view_class_of,
)

PERMISSION = "cognito_mfa.contrib.rest_framework.IsMFAVerified"
SESSION_AUTHENTICATION = "rest_framework.authentication.SessionAuthentication"
NINJAS_SESSIONS = {
    "ninja.security.session.SessionAuth",
    "ninja.security.session.SessionAuthSuperUser",
}
NINJAS_TOKENS = {"cognito_mfa.contrib.ninja.CognitoAccessToken"}


class Authentication(NamedTuple):
    """How a view of an API finds out who its caller is.

    Attributes:
        package: ``rest_framework`` or ``ninja``.
        tokens: the names of the classes that accept something other than the session.
        guarded: ``IsMFAVerified`` decides about every caller, however they authenticate.
        is_open: visitors may do all that others may.
        is_certain: all of this could be read off; otherwise code of the site decides.
    """

    package: str
    tokens: tuple[str, ...]
    guarded: bool = False
    is_open: bool = False
    is_certain: bool = True


def authentication_of(view: View) -> Authentication | None:
    """Return how ``view`` authenticates its callers; None for a view of no API that is known."""
    inner = unwrap_all_known(view)
    found = _rest_framework(inner) or _ninja(inner)
    if found is not None:
        return found
    # Under an unknown function: the view inside may be less protected than it looks, and never more.
    below = _under_unknown_wrappers(inner)
    return None if below is None else below._replace(guarded=False, is_certain=False)


def _under_unknown_wrappers(view: View) -> Authentication | None:
    layer: Any = getattr(view, "__wrapped__", None)
    seen: list[Any] = [view]
    while layer is not None and not any(layer is one for one in seen):
        seen.append(layer)
        inner = unwrap_all_known(layer)
        found = _rest_framework(inner) or _ninja(inner)
        if found is not None:
            return found
        layer = getattr(inner, "__wrapped__", None)
    return None


# ------------------------------------------------------------------------------------ Django REST framework


def _rest_framework(view: View) -> Authentication | None:
    kind, views = view_class_of(view), sys.modules.get("rest_framework.views")
    if kind is None or views is None or not issubclass(kind, views.APIView):
        return None
    try:
        instances = list(_instances(view, kind))
        authenticators = [one for made in instances for one in made.get_authenticators()]
        permissions = [made.get_permissions() for made in instances]
    except Exception:  # noqa: BLE001 - the site's own methods may need a request
        return Authentication("rest_framework", ("get_permissions",), is_certain=False)
    return Authentication(
        "rest_framework",
        _names(one for one in authenticators if not _is_any(one, {SESSION_AUTHENTICATION})),
        guarded=all(map(_asks_for_factor, permissions)),
        is_open=all(map(_lets_everybody_in, permissions)),
    )


def _instances(view: View, kind: Any) -> Iterator[Any]:
    """Yield an object of the view's class for each action that it has, without a request."""
    held = held_by(view)
    for action in set((held.get("actions") or {"": ""}).values()):
        made = kind(**held.get("initkwargs", {}))
        made.action, made.request, made.args, made.kwargs = action, None, (), {}
        yield made


def _asks_for_factor(permissions: Iterable[Any]) -> bool:
    asks = import_string("cognito_mfa.contrib.rest_framework.asks_for_factor")
    return any(map(asks, permissions))


def _lets_everybody_in(permissions: Iterable[Any]) -> bool:
    return all(_is_any(one, {"rest_framework.permissions.AllowAny"}) for one in permissions)


# -------------------------------------------------------------------------------------------- django-ninja


def ninja_operations(view: Any) -> list[Any]:
    """Return the operations of a route of django-ninja; none for any other view.

    One for each of its functions.
    """
    if getattr(view, "__globals__", {}).get("__name__") != "ninja.operation":
        return []
    return list(getattr(held_by(view).get("self"), "operations", ()))


def _ninja(view: View) -> Authentication | None:
    operations = ninja_operations(view)
    if not operations:
        return None
    callbacks = [
        one
        for operation in operations
        if not guards_itself(operation.view_func)
        for one in operation.auth_callbacks
    ]
    tokens = _names(
        one for one in callbacks if not _is_any(one, NINJAS_SESSIONS) and not _requires_mfa(one)
    )
    # A function may only look at the request's user, or at the address.
    certain = all(_is_any(one, {"ninja.security.base.AuthBase"}) for one in callbacks)
    return Authentication("ninja", tokens, is_certain=certain)


def _requires_mfa(callback: Any) -> bool:
    """Return whether ``callback`` is our authentication by access tokens, and requires MFA."""
    return _is_any(callback, NINJAS_TOKENS) and vars(callback).get("mfa") is True


# ------------------------------------------------------------------------------------------------- both


def _is_any(thing: Any, paths: set[str]) -> bool:
    """Return whether the class of ``thing`` is, or derives from, one of those that ``paths`` name."""
    return any(f"{one.__module__}.{one.__qualname__}" in paths for one in type(thing).__mro__)


def _names(things: Iterable[Any]) -> tuple[str, ...]:
    names = (getattr(one, "__name__", type(one).__name__) for one in things)
    return tuple(dict.fromkeys(names))
