"""URLs, in the namespace ``cognito_mfa``. All are reachable through the gate, or nobody could pass it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.urls.resolvers import URLPattern
from django.views.generic import View

from cognito_mfa import views
from cognito_mfa.decorators import mfa_exempt

app_name = "cognito_mfa"


def _open(route: str, view: type[View], name: str) -> URLPattern:
    function = login_not_required(mfa_exempt(view.as_view()))
    return path(route, function, name=name)


urlpatterns = [
    _open("sign-in/", views.SignInView, "sign_in"),
    _open("sign-out/", views.SignOutView, "sign_out"),
    _open("new-password/", views.NewPasswordView, "new_password"),
    _open("challenge/", views.ChallengeView, "challenge"),
    _open("setup/", views.SetupView, "setup"),
    _open("setup/cancel/", views.SetupCancelView, "setup_cancel"),
    _open("setup/done/", views.SetupDoneView, "setup_done"),
]
