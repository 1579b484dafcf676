"""The URLs of the API, in the namespace ``cognito_mfa_api``. Those of the sign-in are exempt from MFA."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.urls.resolvers import URLPattern
from django.views import View

from cognito_mfa.api import account, openapi, sign_in
from cognito_mfa.databases import own_transactions
from cognito_mfa.enforcement.view_marks import mfa_exempt

app_name = "cognito_mfa_api"


def _own(route: str, view_class: type[View], name: str) -> URLPattern:
    """Return the pattern of a view that requires MFA, and that itself tells visitors to sign in."""
    return path(route, login_not_required(own_transactions(view_class.as_view())), name=name)


def _open(route: str, view_class: type[View], name: str) -> URLPattern:
    """Return the pattern of a view that is exempt from MFA."""
    view = mfa_exempt(own_transactions(view_class.as_view()))
    return path(route, login_not_required(view), name=name)


urlpatterns = [
    _open("openapi.json", openapi.OpenApiView, "openapi"),
    _open("session/", sign_in.SessionView, "session"),
    _open("sign-in/", sign_in.SignIn, "sign_in"),
    _open("challenge/", sign_in.Challenge, "challenge"),
    _open("recover/", sign_in.Recover, "recover"),
    _open("new-password/", sign_in.NewPassword, "new_password"),
    _open("link/", sign_in.Link, "link"),
    _open("setup/", sign_in.Setup, "setup"),
    _open("setup/start/", sign_in.SetupStart, "setup_start"),
    _open("cancel/", sign_in.CancelView, "cancel"),
    _open("sign-out/", sign_in.SignOutView, "sign_out"),
    _open("forgot-password/", account.ForgotPassword, "forgot_password"),
    _open("reset-password/", account.ResetPassword, "reset_password"),
    _own("device/", account.Device, "device"),
    _own("device/replace/", account.Replace, "device_replace"),
    _own("device/remove/", account.Remove, "device_remove"),
    _own("change-password/", account.ChangePassword, "change_password"),
    _own("sign-out-elsewhere/", account.SignOutElsewhere, "sign_out_elsewhere"),
    _own("recovery-codes/", account.RecoveryCodes, "recovery_codes"),
    _own("recovery-codes/saved/", account.RecoveryCodesSaved, "recovery_codes_saved"),
    _own("activity/", account.Activity, "activity"),
]
