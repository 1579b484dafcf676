"""The steps of a forgotten password, and the new password of a signed-in user.

SECURITY: the steps for a forgotten password say the same for every username. Nothing shows whether there is such a
user, or whether a code was sent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.utils.translation import gettext as _

from cognito_mfa.exceptions import BadCode, BadCredentials, ChallengeLostReason, CognitoMFAError
from cognito_mfa.forms import PasswordChangeForm, PasswordResetConfirmForm, PasswordResetForm
from cognito_mfa.sign_in import flows, password_reset
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Step
from cognito_mfa.steps import error_texts
from cognito_mfa.steps.base import StepRules, WithDestination


class ForgotPasswordStep(WithDestination):
    """Send a code to the user's verified address, or wait for one that was sent already."""

    step_form = PasswordResetForm
    step = Step.START

    @property
    def has_code(self) -> bool:
        """Return whether the user says that they have a code already."""
        return self.has("have_code")

    def submit(self, form: Any) -> Outcome:
        given = {"username": form.cleaned_data["username"], "next_url": self.next_url}
        if self.has_code:
            return password_reset.wait_for_code(self.request, **given)
        return password_reset.send_code(self.request, **given)


class ResetPasswordStep(StepRules):
    """The code that was sent, and the new password."""

    step_form = PasswordResetConfirmForm
    step = Step.PASSWORD_RESET

    def form_options(self) -> dict[str, Any]:
        return {"has_code": bool(self.pending.reset_code)}

    def submit(self, form: Any) -> Outcome:
        outcome = password_reset.set_password(
            self.request,
            self.pending,
            code=form.cleaned_data["code"],
            password=form.cleaned_data["new_password1"],
        )
        text = _("Your password was changed. Sign in with your new password.")
        messages.success(self.request, text, fail_silently=True)
        return outcome

    def handle_error(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        if isinstance(error, BadCode):
            form.fields["code"].required = True  # it is not kept any longer
            form["code"].help_text = ""
            return self.refuse(form, error, None, error_texts.reset_not_accepted())
        return super().handle_error(error, form)

    def leave_step(self) -> HttpResponse:
        if self.pending.step is not Step.START:
            return super().leave_step()
        is_post = self.request.method == "POST"
        if is_post and self.pending.username:
            return self.start_over("", "")  # another post of this browser was faster
        if PendingSignIn.take_expired(self.request):
            return self.restart("", ChallengeLostReason.TIMED_OUT)
        return self.restart("") if is_post else self.ask_for_code("")

    def restart(self, _text: str, reason: StrEnum | None = None) -> HttpResponse:
        return self.ask_for_code(error_texts.reset_lost(reason))

    def ask_for_code(self, text: str) -> HttpResponse:
        """Return the answer that leads back to where a code is asked for.

        Args:
            text: why; empty where the user need not be told.
        """
        raise NotImplementedError


class ChangePasswordStep(StepRules):
    """The current password again, and the new one."""

    step_form = PasswordChangeForm
    step = Step.PASSWORD_CHANGE

    def submit(self, form: Any) -> Outcome:
        outcome = flows.change_password(
            self.request,
            self.pending,
            previous=form.cleaned_data["old_password"],
            proposed=form.cleaned_data["new_password1"],
        )
        text = _("Your password was changed. You’re signed out everywhere else on this site.")
        messages.success(self.request, text, fail_silently=True)
        return outcome

    def handle_error(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        if isinstance(error, BadCredentials):
            return self.refuse(form, error, "old_password", error_texts.wrong_password())
        return super().handle_error(error, form)

    def leave_step(self) -> HttpResponse:
        if self.pending.step is not Step.START:
            return super().leave_step()
        if self.request.method == "POST":
            # Another post of this browser was faster, or it took too long.
            return self.end_change("")
        return self.ask_for_password()

    def ask_for_password(self) -> HttpResponse:
        """Return the answer that leads to the start of the change."""
        raise NotImplementedError
