"""The pages to reset a forgotten password and to change a password.

SECURITY: the pages for a forgotten password say the same for every username. Nothing shows whether there is such a
user, or whether a code was sent.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from cognito_mfa import managed_login
from cognito_mfa.models import identity_of
from cognito_mfa.sign_in.pending import PendingSignIn, Step
from cognito_mfa.steps import password_rules
from cognito_mfa.steps.base import pages_are_on
from cognito_mfa.steps.passwords import (
    ChangePasswordStep,
    ForgotPasswordStep,
    ResetPasswordStep,
    StartPasswordChangeStep,
)
from cognito_mfa.views.base import StepView
from cognito_mfa.views.device import ChangeView, OwnPage


class PasswordPage(StepView):
    """A page that ``PASSWORD_PAGES`` turns off."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not pages_are_on():
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class PasswordResetView(ForgotPasswordStep, PasswordPage):
    """Ask for the username, and send a code to the user's verified address."""

    template_name = "cognito_mfa/password_reset.html"
    focuses_first_field = True

    @property
    def has_code(self) -> bool:
        return "have_code" in self.request.POST

    def form_query(self) -> dict[str, str]:
        return {"next": self.next_url} if self.next_url else {}

    def get_initial(self) -> dict[str, Any]:
        identity = identity_of(self.request.user)
        return {"username": self.pending.username or (identity.username if identity else "")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(next=self.next_url, **kwargs)


class PasswordResetConfirmView(ResetPasswordStep, PasswordPage):
    """The code that was sent, and the new password."""

    template_name = "cognito_mfa/password_reset_confirm.html"
    focuses_first_field = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            username=self.pending.username, **password_rules.context(), **kwargs
        )

    def form_invalid(self, form: Form) -> HttpResponse:
        pending = type(self.pending).load(self.request)
        if pending is not None and pending.reset_code:
            form.keep_code()  # type: ignore[attr-defined]
        return super().form_invalid(form)

    def ask_for_code(self, text: str) -> HttpResponse:
        if text:
            messages.info(self.request, text, fail_silently=True)
        return HttpResponseRedirect(reverse("cognito_mfa:password_reset"))


class PasswordChangeView(StartPasswordChangeStep, PasswordPage, ChangeView):
    """Both passwords and the code; the password alone where the code is sent after it."""

    template_name = "cognito_mfa/password_change.html"
    focuses_first_field = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _refuse_elsewhere(request)
        return super().dispatch(request, *args, **kwargs)

    def make_end(self) -> PasswordChangeConfirmView:
        end = PasswordChangeConfirmView()
        end.setup(self.request)
        return end

    def form_url(self) -> str:
        """Return the address of the page that goes on: without the code, once it was right."""
        pending = PendingSignIn.load(self.request)
        goes_on = pending is not None and pending.step is Step.PASSWORD_CHANGE
        return reverse("cognito_mfa:password_change_confirm") if goes_on else super().form_url()

    @property
    def step_url(self) -> str:
        return reverse("cognito_mfa:password_change")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            has_app=self.has_app,
            is_code_sent=self.is_code_sent,
            **password_rules.context(),
            **kwargs,
        )


class PasswordChangeConfirmView(ChangePasswordStep, PasswordPage, OwnPage, StepView):
    """The current password again, and the new one."""

    template_name = "cognito_mfa/password_change_confirm.html"
    focuses_first_field = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _refuse_elsewhere(request)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            username=self.pending.username, **password_rules.context(), **kwargs
        )

    def ask_for_password(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("cognito_mfa:password_change"))


def _refuse_elsewhere(request: HttpRequest) -> None:
    """Answer 404 to users whose password is changed where they sign in."""
    if managed_login.is_active(request):
        raise Http404
