"""Where the site asks for passwords besides our own sign-in, and which backends would accept one.

Read off the URLconf and the settings; nothing is called with a password. For system checks.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import LoginView
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from cognito_mfa.conf import backend_class
from cognito_mfa.enforcement.overrides import (
    ASKS_BELOW,
    forgets,
    globals_in,
    names_in,
    plain_function,
)
from cognito_mfa.enforcement.urlconf import Found, is_reachable, views
from cognito_mfa.enforcement.view_marks import View, held_by, unwrap_known, view_class_of

# Backends that can be called with a name and a password, and look at neither.
NO_PASSWORDS = {
    "axes.backends",
    "cognito_mfa.backends",
    "guardian.backends",
    "mozilla_django_oidc.auth",
    "social_core.backends.base",
}
# Forms and APIs of other packages that check a password, and are no subclasses of Django's.
OTHER_FORMS = {
    "dj_rest_auth.views.LoginView",
    "djoser.views.TokenCreateView",
    "two_factor.views.core.LoginView",
}
# Its page also leads to other sign-ins, so that it is of use without passwords.
ALLAUTHS_FORM = "allauth.account.views.LoginView"
# Views of APIs that answer a password with a token.
TOKEN_VIEWS = {
    "rest_framework.authtoken.views.ObtainAuthToken",
    "rest_framework_simplejwt.views.TokenObtainPairView",
    "rest_framework_simplejwt.views.TokenObtainSlidingView",
}
# Whose wrappers ask a test about the user before they show their view.
SIGN_IN_FIRST = {"django.contrib.auth.decorators"}
OVERRIDES = ("dispatch", "get", "post", "form_valid", "get_form")


class Door(NamedTuple):
    """A view that asks for a password.

    Attributes:
        found: the view, where it is.
        is_certain: nothing of the site's own changes what it does.
    """

    found: Found
    is_certain: bool


def backends_for_passwords() -> list[str]:
    """Return the entries of ``AUTHENTICATION_BACKENDS`` that may accept a name and a password."""
    given = settings.AUTHENTICATION_BACKENDS
    return [path for path in given if may_accept_password(path)]


def may_accept_password(path: str) -> bool:
    """Return whether the backend that ``path`` names may accept a name and a password."""
    try:
        method: Any = getattr(backend_class(path), "authenticate", None)
    except Exception:  # noqa: BLE001 - a site's module may fail in any way
        return True
    try:
        inspect.signature(method).bind(None, None, username="name", password="")
    except TypeError:  # Django does not ask such a backend
        return False
    plain = plain_function(method)
    if plain is None:
        return True
    return plain.__module__ not in NO_PASSWORDS and _does_something(plain)


def _does_something(function: Any) -> bool:
    """Return whether a function does more than to return None, as that of a backend for permissions does."""
    return bool(names_in(function)) or len(function.__code__.co_consts) > 2  # noqa: PLR2004 - docstring, None


def doors() -> Iterator[Door]:
    """Yield the views of the URLconf that ask for a password and can be reached.

    ``admin_sites`` has those of admins.
    """
    for found in views():
        certainty = asks_for_password(found.view)
        if certainty is not None and is_reachable(found):
            yield Door(found, certainty)


def asks_for_password(view: View) -> bool | None:
    """Return True if ``view`` is certainly a password form, False if probably, and None if it is not one."""
    certain = True
    for layer in layers(view):
        if requires_sign_in(layer):
            return None
        kind = view_class_of(layer)
        if kind is not None:
            answer = _class_asks(kind, held_by(layer).get("initkwargs", {}))
            return None if answer is None else answer and certain
        certain = certain and unwrap_known(layer) is not None
        if not hasattr(layer, "__wrapped__") and _asks_backends(layer):
            return False
    return None


def _asks_backends(function: Any) -> bool:
    """Return whether a function uses what asks Django's backends about a password."""
    plain = plain_function(function)
    if plain is None:
        return False
    used = globals_in(plain)
    if any(one is auth for one in used) and names_in(plain) & {"authenticate", "aauthenticate"}:
        return True
    return any(
        one in (auth.authenticate, auth.aauthenticate)
        or (isinstance(one, type) and issubclass(one, AuthenticationForm) and _is_djangos_form(one))
        for one in used
    )


def layers(view: View) -> Iterator[Any]:
    """Yield ``view`` and the views that it claims to wrap, through known wrappers and others."""
    layer: Any = view
    seen: list[Any] = []
    while layer is not None and not any(layer is one for one in seen):
        seen.append(layer)
        yield layer
        layer = unwrap_known(layer) or getattr(layer, "__wrapped__", None)


def requires_sign_in(layer: Any) -> bool:
    """Return whether ``layer`` is a wrapper that stops all visitors, such as that of ``login_required``."""
    if getattr(layer, "__globals__", {}).get("__name__") not in SIGN_IN_FIRST:
        return False
    try:
        return not held_by(layer)["test_func"](AnonymousUser())
    except Exception:  # noqa: BLE001 - a test of the site's own
        return False


def _class_asks(kind: type, initkwargs: dict[str, Any]) -> bool | None:
    names = {f"{one.__module__}.{one.__qualname__}" for one in kind.__mro__}
    if names & TOKEN_VIEWS:
        return _token_view_asks(kind)
    if ALLAUTHS_FORM in names:
        return _allauth_asks()
    if issubclass(kind, LoginView):
        return _login_view_asks(kind, initkwargs)
    return False if names & OTHER_FORMS or _own_class_asks(kind) else None


def _token_view_asks(kind: type) -> bool | None:
    own = _own_names(kind)
    return None if own & {"post", "get_serializer_class", "serializer_class"} else not own


def _allauth_asks() -> bool | None:
    no_passwords = getattr(settings, "SOCIALACCOUNT_ONLY", False) or not backends_for_passwords()
    return None if no_passwords else False


def _login_view_asks(kind: Any, initkwargs: dict[str, Any]) -> bool | None:
    if _replaces(kind):
        return None
    made = kind(**initkwargs)
    try:
        form, template = made.get_form_class(), made.template_name
    except Exception:  # noqa: BLE001 - the site's own method may need a request
        return None
    if not _is_djangos_form(form) or _leads_to_us(template):
        return None
    return not _own_names(kind) & set(OVERRIDES) and not _is_of_site(form)


def _own_class_asks(kind: type) -> bool:
    """Return whether a method of a class of the site's own asks Django's backends about a password."""
    own = (vars(one).get(name) for one in kind.__mro__ if _is_of_site(one) for name in OVERRIDES)
    return any(map(_asks_backends, filter(None, own)))


def _replaces(kind: type) -> bool:
    """Return whether the site's own code replaces what Django's form does, instead of adding to it."""
    own = (
        vars(one)[name]
        for one in kind.__mro__
        if _is_of_site(one)
        for name in OVERRIDES
        if name in vars(one)
    )
    return any(not names_in(method) & (ASKS_BELOW | set(OVERRIDES)) for method in own)


def _is_djangos_form(form: Any) -> bool:
    """Return whether a form asks Django's backends; a form of the site's own may ask anything else."""
    ours = isinstance(form, type) and issubclass(form, AuthenticationForm)
    return ours and not forgets(form, AuthenticationForm, "clean")


def _own_names(kind: type) -> set[str]:
    """Return the names that a class gets from the site's own code."""
    return {name for one in kind.__mro__ for name in vars(one) if _is_of_site(one)}


def _is_of_site(kind: type) -> bool:
    package = kind.__module__.partition(".")[0]
    return package not in {
        "builtins",
        "django",
        "rest_framework",
        "rest_framework_simplejwt",
        "wagtail",
    }


def _leads_to_us(template: Any) -> bool:
    """Return whether a page has no password form, or a link to our sign-in."""
    try:
        found: Any = get_template(template)
        source: str = found.template.source
    except TemplateDoesNotExist:
        return False
    except Exception:  # noqa: BLE001 - a broken template, or one of another engine
        return False
    return "cognito_mfa:" in source
