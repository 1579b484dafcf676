"""URLs, in the namespace ``cognito_mfa``. Those of the sign-in are reachable through the gate, or
nobody could pass it.

The views are imported at the first request for one of them: a process that never signs anybody in
pays nothing for forms, flows and the gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.urls.resolvers import URLPattern

from cognito_mfa.enforcement.exempt_views import mfa_exempt

app_name = "cognito_mfa"


def _own_page(route: str, view_class: str, name: str) -> URLPattern:
    """Return the pattern of a page for people who are past the gate."""
    return path(route, _late("device_views", view_class), name=name)


def _open_page(route: str, view_class: str, name: str) -> URLPattern:
    """Return the pattern of a page that everybody reaches."""
    view = mfa_exempt(_late("views", view_class))
    return path(route, login_not_required(view), name=name)


def _late(module: str, view_class: str) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return the view of the class, which is imported when it is first asked for."""

    def view(request: HttpRequest) -> HttpResponseBase:
        views = import_module(f"cognito_mfa.{module}")
        response: HttpResponseBase = getattr(views, view_class).as_view()(request)
        return response

    view.__name__ = view.__qualname__ = view_class
    # The flows make their own transactions: none may stay open while Cognito answers.
    return transaction.non_atomic_requests(view)


urlpatterns = [
    _open_page("sign-in/", "SignInView", "sign_in"),
    _open_page("sign-out/", "SignOutView", "sign_out"),
    _open_page("new-password/", "NewPasswordView", "new_password"),
    _open_page("challenge/", "ChallengeView", "challenge"),
    _open_page("link/", "LinkView", "link"),
    _open_page("setup/", "SetupView", "setup"),
    _open_page("setup/cancel/", "SetupCancelView", "setup_cancel"),
    _open_page("setup/done/", "SetupDoneView", "setup_done"),
    _own_page("device/", "DeviceView", "device"),
    _own_page("device/rename/", "DeviceRenameView", "device_rename"),
    _own_page("device/replace/", "DeviceReplaceView", "device_replace"),
    _own_page("device/remove/", "DeviceRemoveView", "device_remove"),
    _own_page("device/history/", "HistoryView", "history"),
]
