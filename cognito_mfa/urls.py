"""URLs, in the namespace ``cognito_mfa``. All are reachable through the gate, or nobody could pass it.

The views are imported at the first request for one of them: a process that never signs anybody in
pays nothing for forms, flows and the gateway.
"""

from __future__ import annotations

from importlib import import_module

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.urls.resolvers import URLPattern

from cognito_mfa.decorators import mfa_exempt

app_name = "cognito_mfa"


def _page(route: str, view_class: str, name: str) -> URLPattern:
    """Return the pattern of one page; the view is the attribute ``view_class`` of ``views``."""

    def view(request: HttpRequest) -> HttpResponseBase:
        views = import_module("cognito_mfa.views")
        response: HttpResponseBase = getattr(views, view_class).as_view()(request)
        return response

    view.__name__ = view.__qualname__ = view_class
    return path(route, login_not_required(mfa_exempt(view)), name=name)


urlpatterns = [
    _page("sign-in/", "SignInView", "sign_in"),
    _page("sign-out/", "SignOutView", "sign_out"),
    _page("new-password/", "NewPasswordView", "new_password"),
    _page("challenge/", "ChallengeView", "challenge"),
    _page("setup/", "SetupView", "setup"),
    _page("setup/cancel/", "SetupCancelView", "setup_cancel"),
    _page("setup/done/", "SetupDoneView", "setup_done"),
]
