"""The marks with which a view tells the gate how to treat it.

A mark belongs to one view and names it, since marks travel: ``functools.wraps`` copies all attributes of a view onto
another function, and Django copies those of a class's ``dispatch()`` onto what ``as_view()`` returns. A subclass of an
exempt view is gated again, unless it says so itself, and so is a function that merely looks like an exempt view.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial, wraps
from http import HTTPStatus
from itertools import count
from types import FunctionType, MethodType
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse

View = Callable[..., Any]
OutageAnswer = Callable[[HttpRequest, Exception], HttpResponse | None]
Marked = TypeVar("Marked", bound=Callable[..., Any])

EXEMPT_MARK = "cognito_mfa_exempt"
VIEW_GAVE_404 = (
    "_cognito_mfa_view_gave_404"  # of the request: its view said that there is no such page
)
OUTAGE_MARK = "cognito_mfa_outage"
REQUIRED_MARK = "cognito_mfa_required"  # for the gate map; such views guard themselves

# Views of others that must stay reachable: to leave, to switch back, to change the language, to load a style sheet,
# to sign in again at Cognito. By identity of the view, so that no path and no other view can pass for them.
OTHERS_EXEMPT = {
    "django.contrib.auth.views": {"LogoutView"},
    "django.contrib.staticfiles.views": {"serve"},
    "django.views.i18n": {"set_language", "JavaScriptCatalog"},
    "allauth.account.views": {"LogoutView"},
    "allauth.account.views._logout": {"LogoutView"},  # since 65.22
    "hijack.views": {"ReleaseUserView"},
    "impersonate.views": {"stop_impersonate"},
    "mozilla_django_oidc.views": {
        "OIDCAuthenticationCallbackView",
        "OIDCAuthenticationRequestView",
        "OIDCLogoutView",
    },
    "wagtail.admin.views.account": {"LogoutView"},
}
# Whose wrappers show what the view in them shows, or less.
KNOWN_PACKAGES = {"cognito_mfa", *(module.partition(".")[0] for module in OTHERS_EXEMPT)}
# Where functions are made that stand for a class.
AS_VIEW = {"django.views.generic.base", "rest_framework.viewsets"}
_number = count()


def mfa_exempt(view: Marked) -> Marked:
    """Exempt ``view`` from MFA: an imprint, a help page, a health check."""
    # A wrapper instead of a mark on the view itself, which may be in use elsewhere without the mark.
    if is_async_view(view):

        @wraps(view)
        async def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return _note_404(request, await view(request, *args, **kwargs))

    else:

        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            return _note_404(request, view(request, *args, **kwargs))

    mark_exempt(wrapper)
    return wrapper  # type: ignore[return-value]


def _note_404(request: Any, response: Any) -> Any:
    """Return ``response``, and note that it says that there is no page.

    A fallback may answer in its place.
    """
    if getattr(response, "status_code", None) == HTTPStatus.NOT_FOUND:
        # Of Django's own request, also where an API hands over one of its own.
        vars(getattr(request, "_request", request))[VIEW_GAVE_404] = True
    return response


def mark_exempt(view: View) -> None:
    """Mark ``view``, a function with no other use."""
    _mark(view, EXEMPT_MARK)


def mark_required(view: View) -> None:
    """Mark ``view``, a function with no other use, as one that guards itself."""
    _mark(view, REQUIRED_MARK)


def mark_outages(view: Marked, answer: OutageAnswer) -> Marked:
    """Mark ``view`` as one that also answers failures that happen before it runs.

    Args:
        view: a function with no other use.
        answer: returns the response to what was raised; None where Django's own applies.
    """
    setattr(view, OUTAGE_MARK, answer)
    return view


def answer_to_outage(view: View, request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the response to an error raised before ``view`` was called; None for Django's own.

    Args:
        view: which Django resolved.
        request: that was for it.
        error: what was raised.
    """
    answer: OutageAnswer | None = getattr(view, OUTAGE_MARK, None)
    return answer(request, error) if answer is not None else None


def _mark(view: View, mark: str) -> None:
    setattr(view, mark, view)
    # Again under a unique name: of two decorated methods, one on top of the other, Django keeps one value for each
    # name.
    setattr(view, f"{mark}_{next(_number)}", view)


def why_exempt(view: View) -> str:
    """Return why ``view`` is exempt: a mark, or the package that it is from; empty if it is not."""
    # Most views are functions with neither mark nor a known name, copies included.
    if (
        type(view) is FunctionType
        and EXEMPT_MARK not in view.__dict__
        and view.__module__ not in OTHERS_EXEMPT
    ):
        return ""
    layer: View | None = view
    while layer is not None:
        why = "mfa_exempt" if _is_marked(layer) else _owner(layer)
        if why:
            return why
        layer = unwrap_known(layer)
    return ""


def looks_exempt(view: View) -> bool:
    """Return whether ``view`` is gated although it wraps an exempt view or claims to be one.

    What such a view shows is unknown. For the system check.
    """
    if why_exempt(view):
        return False
    layer: Any = unwrap_all_known(view)
    seen: list[Any] = []
    while layer is not None and not any(layer is one for one in seen):
        if why_exempt(layer):
            return True
        seen.append(layer)
        layer = getattr(layer, "__wrapped__", None)
    return False


def guards_itself(view: View) -> bool:
    """Return whether ``view`` requires MFA by itself, whatever wraps it."""
    layer: View | None = view
    while layer is not None:
        if type(layer) is FunctionType and layer.__dict__.get(REQUIRED_MARK) is layer:
            return True
        view_class = view_class_of(layer)
        if view_class is not None and _own_marks(view_class.dispatch, REQUIRED_MARK):
            return True
        layer = unwrap_known(layer)
    return False


def unwrap_known(view: View) -> View | None:
    """Return the view that ``view`` certainly wraps; None if that is not certain.

    Certain are partials, and the wrappers of packages that we know: where a function was written, and what it holds,
    cannot be copied.
    """
    if type(view) is partial:
        return view.func
    if type(view) is not FunctionType or _package(view) not in KNOWN_PACKAGES:
        return None
    wrapped: View | None = getattr(view, "__wrapped__", None)
    return wrapped if any(one is wrapped for one in held_by(view).values()) else None


def unwrap_all_known(view: View) -> View:
    """Return the view without all known wrappers."""
    while (below := unwrap_known(view)) is not None:
        view = below
    return view


def view_class_of(view: View) -> Any:
    """Return the class that ``view`` was made of by ``as_view()``; None for any other view."""
    if type(view) is not FunctionType or view.__globals__.get("__name__") not in AS_VIEW:
        return None
    return held_by(view).get("cls")


def _is_marked(view: View) -> bool:
    if type(view) is MethodType:
        return bool(_own_marks(view.__func__, EXEMPT_MARK))
    if type(view) is not FunctionType:
        return False  # an object may answer any name with anything
    if view.__dict__.get(EXEMPT_MARK) is view:
        return True
    view_class = view_class_of(view)
    if view_class is None:
        return False
    parents = (vars(one).get("dispatch") for one in view_class.__mro__[1:])
    inherited = {mark for dispatch in parents for mark in _marks(dispatch, EXEMPT_MARK)}
    return bool(_own_marks(vars(view_class).get("dispatch"), EXEMPT_MARK) - inherited)


def _own_marks(method: Any, mark: str) -> set[str]:
    """Return the marks that ``method_decorator`` put on ``method``.

    Without those that came with a copy of another method.
    """
    below = unwrap_known(method)
    if below is None:
        return set()
    return (_marks(method, mark) - _marks(below, mark)) | _own_marks(below, mark)


def _marks(view: Any, mark: str) -> set[str]:
    return {name for name in getattr(view, "__dict__", {}) if name.startswith(f"{mark}_")}


def held_by(function: Any) -> dict[str, Any]:
    """Return the values in a function's closure; none for any other object."""
    if type(function) is not FunctionType:
        return {}
    held = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # not filled yet
            held[name] = cell.cell_contents
    return held


def _package(function: FunctionType) -> str:
    return str(function.__globals__.get("__name__", "")).partition(".")[0]


def _owner(view: View) -> str:
    """Return whose view it is that must stay reachable; empty for any other."""
    target: Any = view_class_of(view) or view
    module, name = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
    if name not in OTHERS_EXEMPT.get(str(module), ()):
        return ""
    # The very view, and none that was given its name.
    if getattr(sys.modules.get(str(module)), str(name), None) is not target:
        return ""
    package = str(module).partition(".")[0]
    return "Django's own" if package == "django" else f"{package}'s own"


def is_async_view(view: Callable[..., Any]) -> bool:
    """Return whether ``view`` must be awaited: a coroutine function, or the method of an async class."""
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
