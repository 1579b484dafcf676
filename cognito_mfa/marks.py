"""What a view says about itself to the gate. A mark belongs to one view: a subclass of an exempt view
is gated again, unless it says so itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from itertools import count
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest

View = Callable[..., Any]
Marked = TypeVar("Marked", bound=Callable[..., Any])

EXEMPT_MARK = "cognito_mfa_exempt"
REQUIRED_MARK = "cognito_mfa_required"  # for the gate map; such views guard themselves

# Views of others that must stay reachable: to leave, to change the language, to load a style sheet, to
# sign in again at Cognito. By identity of the view, so that no path can pass for them.
OTHERS_EXEMPT = {
    "django.contrib.auth.views": {"LogoutView"},
    "django.contrib.staticfiles.views": {"serve"},
    "django.views.i18n": {"set_language", "JavaScriptCatalog"},
    "allauth.account.views": {"LogoutView"},
    "allauth.account.views._logout": {"LogoutView"},  # since 65.22
    "mozilla_django_oidc.views": {
        "OIDCAuthenticationCallbackView",
        "OIDCAuthenticationRequestView",
        "OIDCLogoutView",
    },
}
_number = count()


def mfa_exempt(view: Marked) -> Marked:
    """Let everybody through to ``view``, set up or not: an imprint, a help page, a health check."""
    # A wrapper instead of a mark on the view itself, which may be in use elsewhere without the mark.
    if answers_later(view):

        @wraps(view)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return await view(request, *args, **kwargs)

    else:

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return view(request, *args, **kwargs)

    mark_exempt(wrapper)
    return wrapper  # type: ignore[return-value]


def mark_exempt(view: View) -> None:
    """Mark ``view``, a function nobody else uses."""
    setattr(view, EXEMPT_MARK, True)
    # And a mark that no other view has. When classes are decorated, Django copies a parent's marks onto
    # the child; this one tells whose they are.
    setattr(view, f"{EXEMPT_MARK}_{next(_number)}", True)


def why_exempt(view: View) -> str:
    """Return why the gate leaves ``view`` alone: it is marked, or one of others'. Empty when it does not."""
    # Not merely true: an object that answers any name with something is not marked.
    if getattr(view, EXEMPT_MARK, None) is True:
        return "" if _only_inherited(view) else "mfa_exempt"
    if getattr(view, "__module__", None) in OTHERS_EXEMPT:
        return _owner(view)
    return why_exempt(inner(view)) if isinstance(view, partial) else ""


def inner(view: View) -> View:
    """Return what a partial is of, which carries no marks itself."""
    while isinstance(view, partial):
        view = view.func
    return view


def _owner(view: View) -> str:
    """Return whose view it is that must stay reachable; empty for any other."""
    target: Any = getattr(view, "view_class", view)
    package = str(target.__module__).partition(".")[0]
    if target.__qualname__ not in OTHERS_EXEMPT.get(target.__module__, ()):
        return ""
    return "Django's own" if package == "django" else f"{package}'s own"


def _only_inherited(view: View) -> bool:
    """Tell whether all marks of a class-based view stand on a parent of its class."""
    view_class = getattr(view, "view_class", None)
    if view_class is None:
        return False
    inherited: set[str] = set()
    for parent in view_class.__mro__[1:]:
        inherited |= _marks(vars(parent).get("dispatch"))
    return _marks(view) <= inherited


def _marks(view: Any) -> set[str]:
    names = getattr(view, "__dict__", {})
    return {name for name in names if name.startswith(f"{EXEMPT_MARK}_")}


def answers_later(view: Callable[..., Any]) -> bool:
    """Tell whether ``view`` must be awaited: a coroutine function, or the method of an async class."""
    if iscoroutinefunction(view):
        return True
    layer: Any = view
    while layer is not None:
        # Django's method_decorator hands over a partial of the bound dispatch() of a class-based view.
        instance = getattr(getattr(layer, "func", None), "__self__", None)
        if getattr(instance, "view_is_async", None) is True:
            return True
        layer = getattr(layer, "__wrapped__", None)
    return False
