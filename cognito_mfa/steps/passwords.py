"""The steps of a forgotten password, and the new password of a signed-in user.

SECURITY: the steps for a forgotten password say the same for every username. Nothing shows whether there is such a
user, or whether a code was sent.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.utils.translation import gettext as _

from cognito_mfa.cognito.types import NOTHING
from cognito_mfa.exceptions import BadCode, BadCredentials, ChallengeLostReason, CognitoMFAError
from cognito_mfa.forms import PasswordChangeForm, PasswordResetConfirmForm, PasswordResetForm
from cognito_mfa.sign_in import flows, password_reset
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.steps import error_texts
from cognito_mfa.steps.base import StepRules, WithDestination
from cognito_mfa.steps.changes import ChangeStep


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


class StartPasswordChangeStep(ChangeStep):
    """The current password, the new one, and the code of the authenticator app, all in one request.

    Cognito requires the current password twice, to sign in and to change it. No password is kept between two requests,
    so that one request sends both. Only users whose code is sent after the password enter it again, in
    ``ChangePasswordStep``, and so do those whose new password Cognito refuses.
    """

    purpose = Purpose.CHANGE_PASSWORD
    is_confirmed = False  # password and code were right; what follows is the change
    is_changed = False

    @cached_property
    def has_app(self) -> bool:
        """Whether the user's authenticator app is known here, so that its code is asked for."""
        return self.identity is not None and self.identity.software_token is not None

    @cached_property
    def is_code_sent(self) -> bool:
        """Whether the code is sent only after the password."""
        return not self.has_app and self.identity is not None and self.identity.uses_sent_codes

    @cached_property
    def end(self) -> ChangePasswordStep:
        """The step that changes the password, at this very request."""
        end = self.make_end()
        end.pending = PendingSignIn.load(self.request) or self.pending
        return end

    def make_end(self) -> ChangePasswordStep:
        """Return the step that changes the password, for the same request."""
        raise NotImplementedError

    @property
    def claimed(self) -> PendingSignIn | None:
        return PendingSignIn(step=Step.PASSWORD_CHANGE)

    @property
    def can_retry(self) -> bool:
        return not self.is_changed

    def form_type(self) -> type[Form]:
        return super().form_type() if self.is_code_sent else PasswordChangeForm

    def form_options(self) -> dict[str, Any]:
        return {} if self.is_code_sent else {"asks_code": self.has_app}

    def submit(self, form: Any) -> Outcome:
        if self.is_code_sent:
            return super().submit(form)
        outcome = flows.confirm_password_change(
            self.request,
            self.pending,
            username=self.identity.username if self.identity else "",
            password=form.cleaned_data["old_password"],
            code=form.cleaned_data.get("code", NOTHING),
        )
        if outcome.step is not Step.PASSWORD_CHANGE:
            flows.renew_key(self.request)
            messages.info(self.request, error_texts.password_not_changed_yet(), fail_silently=True)
            return outcome
        self.is_confirmed = True
        outcome = self.end.submit(form)
        self.is_changed = True
        return outcome

    def handle_error(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        if self.is_confirmed:
            return self.hand_over(error, form)
        if isinstance(error, BadCredentials) and "old_password" in form.fields:
            self.log_refusal(error)
            return self.refuse(form, error, "old_password", error_texts.wrong_password_again())
        return super().handle_error(error, form)

    def hand_over(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        """Return the answer of the step that failed, where the user goes on without another code.

        Args:
            error: of the change.
            form: that was submitted.
        """
        form.fields.pop("code", None)
        response = self.end.handle_error(error, form)
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            flows.renew_key(self.request)
        return response


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
