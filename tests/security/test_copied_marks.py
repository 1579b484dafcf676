"""A mark names its view: whatever copies the attributes of an exempt view is gated, and legitimate marks keep working.

The places: ``view_marks._is_marked`` (``is view``, own marks without the parents'), ``view_marks._owner`` (the very view),
``view_marks.unwrap_known`` (only wrappers that hold what they say they wrap).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial, update_wrapper, wraps
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.views import LogoutView
from django.core import checks
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.i18n import set_language
from pytest_django import Settings
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from cognito_mfa.decorators import mfa_exempt, mfa_required
from cognito_mfa.enforcement import url_map
from cognito_mfa.enforcement.view_marks import EXEMPT_MARK, why_exempt
from cognito_mfa.mixins import MFAExemptMixin
from tests.enforcement.people import unproven
from tests.enforcement.servers import Ask, Send
from tests.enforcement.site import Open, OpenByMixin, Secret, secret
from tests.security.refusal import assert_refused
from tests.urls import urlpatterns as site_urls

pytestmark = pytest.mark.django_db


@mfa_exempt
def open_view(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("open")


def private() -> Callable[..., Any]:
    """Return a function of its own each time: a private view."""

    def view(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        return secret(request)

    return view


def wrapped(like: Any) -> Any:
    return wraps(like)(private())


def without_a_trace(like: Any) -> Any:
    view: Any = wrapped(like)
    del view.__wrapped__
    return view


def attributes_alone(like: Any) -> Any:
    view = private()
    view.__dict__.update(like.__dict__)
    return view


def around_djangos(like: Any) -> Any:
    """A wrapper of Django's that holds one view, and says that it is around another."""
    return update_wrapper(csrf_exempt(private()), like)


class CallableLike:
    """An object that is a view, with the attributes of another."""

    def __init__(self, like: Any) -> None:
        vars(self).update(vars(like))
        self.__wrapped__ = like

    def __call__(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        return secret(request)


class Forwarding:
    """An object that answers for another whatever it is asked."""

    def __init__(self, like: Any) -> None:
        self.like = like

    def __getattr__(self, name: str) -> Any:
        return getattr(self.like, name)

    def __call__(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        return secret(request)


class Echoing(Forwarding):
    """An object that is its own answer."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("cognito_mfa"):
            return self
        raise AttributeError(name)


class OwnPartial(partial):
    def __call__(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        return secret(request)


def partial_with_attributes(like: Any) -> Any:
    view = partial(private())
    view.__dict__.update(like.__dict__)
    return view


WAYS = (
    wrapped,
    without_a_trace,
    attributes_alone,
    around_djangos,
    CallableLike,
    Forwarding,
    Echoing,
)
LIKE = {
    "function": open_view,
    "class": Open.as_view(),
    "mixin": OpenByMixin.as_view(),
    "djangos-function": set_language,
    "djangos-class": LogoutView.as_view(),
}


def like_that_of_open(method: Callable[..., Any]) -> Callable[..., Any]:
    copied: Callable[..., Any] = wraps(Open.dispatch)(method)
    return copied


class ForgedName(Secret):
    """A class that bears the name of an exempt one."""


ForgedName.__module__, ForgedName.__qualname__ = LogoutView.__module__, LogoutView.__qualname__


class CopiedDispatch(Secret):
    @like_that_of_open
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return Secret.dispatch(self, request, *args, **kwargs)


class CopiedDispatchBelow(Secret):
    @method_decorator(never_cache)
    @like_that_of_open
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return Secret.dispatch(self, request, *args, **kwargs)


class ChildWithCopiedDispatch(Open):
    @like_that_of_open
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)


def own_decorator(view: Callable[..., Any]) -> Callable[..., Any]:
    """As sites write them: it cannot be told apart from a private view that was made to look like ``view``."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        view(request, *args, **kwargs)
        return secret(request)

    return inner


GATED: dict[str, Any] = {
    **{f"{name}/{way.__name__}": way(like) for name, like in LIKE.items() for way in WAYS},
    **{f"{name}/below-djangos": csrf_exempt(wrapped(like)) for name, like in LIKE.items()},
    **{f"{name}/partial-of-a-copy": partial(wrapped(like)) for name, like in LIKE.items()},
    **{f"{name}/partial-with": partial_with_attributes(like) for name, like in LIKE.items()},
    "partial/of-a-subclass": OwnPartial(open_view),
    "class/forged-name": ForgedName.as_view(),
    "class/copied-dispatch": CopiedDispatch.as_view(),
    "class/copied-dispatch-below": CopiedDispatchBelow.as_view(),
    "class/child-with-copied-dispatch": ChildWithCopiedDispatch.as_view(),
    "own/decorator": own_decorator(open_view),
}
setattr(GATED["class/copied-dispatch"], EXEMPT_MARK, True)


class Urls:
    urlpatterns = [
        *(path(f"copied/{name}/", view) for name, view in GATED.items()),
        *site_urls,
    ]


def test_no_copy_of_a_mark_opens_a_view(send: Send, settings: Settings) -> None:
    """Red when a mark need not be its own view's (``is view``), or a name is enough in ``_owner``."""
    settings.ROOT_URLCONF = Urls
    asks = [Ask(f"/copied/{name}/") for name in GATED]
    for answer in send(unproven(), asks):
        assert_refused(answer)
    assert {name for name, view in GATED.items() if why_exempt(view)} == set()


# ------------------------------------------------------------------------------------- what goes on


@method_decorator(mfa_exempt, name="dispatch")
class OpenApi(APIView):
    """Django REST framework's ``as_view()`` puts a wrapper of Django's around the view."""


@method_decorator([never_cache, mfa_exempt], name="dispatch")
class OpenSet(ViewSet):
    def list(self, request: HttpRequest) -> HttpResponse:
        return secret(request)


@method_decorator(never_cache, name="dispatch")
@method_decorator(mfa_exempt, name="dispatch")
class OpenBelow(View):
    pass


class OpenApiByMixin(MFAExemptMixin, APIView):  # type: ignore[misc]
    pass


class ChildOfApi(OpenApi):
    pass


class ChildOfSet(OpenSet):
    pass


class ByMethod(Secret):
    @method_decorator(mfa_exempt)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().dispatch(request, *args, **kwargs)


@pytest.mark.parametrize(
    "view",
    [
        mfa_exempt(own_decorator(private())),
        never_cache(csrf_exempt(open_view)),
        OpenApi.as_view(),
        OpenSet.as_view({"get": "list"}),
        OpenBelow.as_view(),
        OpenApiByMixin.as_view(),
        ByMethod.as_view(),
        csrf_exempt(LogoutView.as_view()),
        partial(set_language),
    ],
    ids=[
        "a decorator below",
        "decorators of Django on top",
        "an API",
        "a viewset",
        "marked below",
        "an API by mixin",
        "a method",
        "sign-out under a decorator",
        "a partial",
    ],
)
def test_marks_and_wrappers_that_are_known_keep_working(view: Any) -> None:
    """Red when ``inside`` follows no wrapper of Django's, or ``class_of`` finds no class in it."""
    assert why_exempt(view)


@pytest.mark.parametrize(
    "view", [ChildOfApi.as_view(), ChildOfSet.as_view({"get": "list"})], ids=["an API", "a viewset"]
)
def test_children_of_exempt_apis_are_gated(view: Any) -> None:
    assert not why_exempt(view)


@pytest.fixture
def wagtail(monkeypatch: pytest.MonkeyPatch) -> type[View]:
    """Wagtail's view to sign out, in a module of its name: the package need not be installed."""
    module = ModuleType("wagtail.admin.views.account")
    code = "from django.contrib.auth import views\nclass LogoutView(views.LogoutView): pass"
    exec(code, module.__dict__)  # noqa: S102 - the text is above
    monkeypatch.setitem(sys.modules, module.__name__, module)
    view: type[View] = module.__dict__["LogoutView"]
    return view


def made_in(module: str) -> Callable[[Any], Any]:
    """Return a decorator that was written in ``module``, as Wagtail puts its own around all of its views."""
    code = (
        "from functools import wraps\n"
        "def decorator(view):\n"
        "    @wraps(view)\n"
        "    def inner(*args, **kwargs):\n"
        "        return view(*args, **kwargs)\n"
        "    return inner\n"
    )
    written: dict[str, Any] = {"__name__": module}
    exec(code, written)  # noqa: S102 - the text is above
    decorator: Callable[[Any], Any] = written["decorator"]
    return decorator


def test_wagtails_way_out_is_open_under_wagtails_own_wrappers(wagtail: type[View]) -> None:
    """Red without ``wagtail`` among ``OTHERS_EXEMPT``."""
    view = wagtail.as_view()
    assert why_exempt(view) == "wagtail's own"
    assert why_exempt(
        never_cache(made_in("wagtail.admin.urls")(made_in("wagtail.admin.auth")(view)))
    )
    assert not why_exempt(made_in("mysite.views")(view))


# --------------------------------------------------------------------------------------- what is told


def told() -> dict[str, Any]:
    return {str(message.id): message for message in checks.run_checks()}


class Doubtful:
    urlpatterns = [path("help/", own_decorator(open_view)), *site_urls]


class Clear:
    urlpatterns = [
        path("help/", mfa_exempt(own_decorator(private()))),
        path("more/", csrf_exempt(open_view)),
        path("echo/", Echoing(open_view)),
        *site_urls,
    ]


def test_a_decorator_on_top_of_a_mark_is_told_by_the_check(settings: Settings) -> None:
    """Red without ``check_marks``."""
    settings.ROOT_URLCONF = Doubtful
    assert "'help/'" in told()["cognito_mfa.W024"].msg
    settings.ROOT_URLCONF = Clear
    assert "cognito_mfa.W024" not in told()


class Guarded:
    urlpatterns = [
        path("a/", mfa_exempt(mfa_required(secret))),
        path("b/", mfa_exempt(wraps(mfa_required(secret))(private()))),
        *site_urls,
    ]


def test_the_gate_map_believes_no_copied_mark_of_a_guard(settings: Settings) -> None:
    """Red when ``guards_itself`` asks for any value of the mark: a file in CI would call the view gated."""
    settings.ROOT_URLCONF = Guarded
    states = [entry.state for entry in url_map.entries()][:2]
    assert states == [url_map.GATED, url_map.EXEMPT]
