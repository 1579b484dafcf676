"""The URLs, in the namespace ``cognito_mfa``; those of the sign-in are exempt from MFA."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import path
from django.urls.resolvers import URLPattern
from django.views import View

from cognito_mfa.databases import own_transactions
from cognito_mfa.enforcement.view_marks import mfa_exempt
from cognito_mfa.views import device, passwords, recovery, setup, sign_in

app_name = "cognito_mfa"


def _own_page(route: str, view_class: type[View], name: str) -> URLPattern:
    """Return the pattern of a page that requires MFA."""
    return path(route, own_transactions(view_class.as_view()), name=name)


def _open_page(route: str, view_class: type[View], name: str) -> URLPattern:
    """Return the pattern of a page that is exempt from MFA."""
    view = mfa_exempt(own_transactions(view_class.as_view()))
    return path(route, login_not_required(view), name=name)


urlpatterns = [
    _own_page("", device.IndexView, "index"),
    _open_page("sign-in/", sign_in.SignInView, "sign_in"),
    _open_page("sign-out/", sign_in.SignOutView, "sign_out"),
    _open_page("new-password/", sign_in.NewPasswordView, "new_password"),
    _open_page("password/reset/", passwords.PasswordResetView, "password_reset"),
    _open_page(
        "password/reset/confirm/", passwords.PasswordResetConfirmView, "password_reset_confirm"
    ),
    _open_page("challenge/", sign_in.ChallengeView, "challenge"),
    _open_page("recover/", recovery.RecoverView, "recover"),
    _open_page("link/", sign_in.LinkView, "link"),
    _open_page("setup/", setup.SetupView, "setup"),
    _open_page("setup/cancel/", setup.SetupCancelView, "setup_cancel"),
    _open_page("setup/done/", setup.SetupDoneView, "setup_done"),
    _own_page("device/", device.DeviceView, "device"),
    _own_page("password/change/", passwords.PasswordChangeView, "password_change"),
    _own_page(
        "password/change/confirm/", passwords.PasswordChangeConfirmView, "password_change_confirm"
    ),
    _own_page("device/rename/", device.DeviceRenameView, "device_rename"),
    _own_page("device/replace/", device.DeviceReplaceView, "device_replace"),
    _own_page("device/remove/", device.DeviceRemoveView, "device_remove"),
    _own_page("sign-out-elsewhere/", device.SignOutElsewhereView, "sign_out_elsewhere"),
    _own_page("recovery-codes/", recovery.RecoveryCodesView, "recovery_codes"),
    _own_page("recovery-codes/text/", recovery.RecoveryCodesTextView, "recovery_codes_text"),
    _own_page("recovery-codes/saved/", recovery.RecoveryCodesSavedView, "recovery_codes_saved"),
    _own_page("device/history/", device.HistoryView, "history"),
]
