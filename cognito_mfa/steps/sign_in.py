"""The steps of a sign-in: password, new password, challenge, recovery code, link."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse

from cognito_mfa.attribute_fields import length_error
from cognito_mfa.cognito.types import EMAIL_OTP, SELECT_MFA_TYPE, SMS_MFA
from cognito_mfa.exceptions import AttributesRejected, BadCode, CognitoMFAError
from cognito_mfa.forms import (
    CodeForm,
    FactorForm,
    LinkForm,
    NewPasswordForm,
    RecoveryCodeForm,
    SignInForm,
)
from cognito_mfa.sign_in import flows, link_question, lost_device
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import Purpose, Step
from cognito_mfa.steps import error_texts
from cognito_mfa.steps.base import StepRules, WithDestination
from cognito_mfa.steps.error_answers import BAD_CREDENTIALS, answer_to


class SignInStep(WithDestination):
    """Username and password."""

    step_form = SignInForm
    step = Step.START

    @property
    def purpose(self) -> Purpose:
        if self.has("setup"):
            return Purpose.SET_UP
        # Who signs in wants nothing else, whatever they were about to change.
        return Purpose.SIGN_IN if self.pending.is_change else self.pending.purpose

    @property
    def is_switching_user(self) -> bool:
        """Return whether the user said that they are not the one who is signed in."""
        return self.has("switch") or self.pending.is_switching_user

    def error_text(self, error: CognitoMFAError) -> Any:
        texts = super().error_text(error)
        # SECURITY: by the step and not by the error, so that every cause reads the same.
        if answer_to(error) is BAD_CREDENTIALS and not self.request.user.is_authenticated:
            return [*texts, error_texts.invited_long_ago()]
        return texts

    def submit(self, form: Any) -> Outcome:
        return flows.start_sign_in(
            self.request,
            self.pending,
            username=form.cleaned_data["username"],
            password=form.cleaned_data["password"],
            next_url=self.next_url,
            purpose=self.purpose,
            is_switching_user=self.is_switching_user,
        )


class NewPasswordStep(StepRules):
    """The first password that an invited user chooses."""

    step_form = NewPasswordForm
    step = Step.NEW_PASSWORD

    def form_options(self) -> dict[str, Any]:
        challenge = self.pending.required_challenge
        return {
            "attributes": challenge.required_attributes,
            "present": challenge.present_attributes,
        }

    def submit(self, form: Any) -> Outcome:
        password = form.cleaned_data["new_password1"]
        return flows.set_new_password(
            self.request, self.pending, password=password, attributes=form.attributes
        )

    def handle_error(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        if not isinstance(error, AttributesRejected):
            return super().handle_error(error, form)
        for name in error.names:
            field = name if name in form.fields else None
            entered = str(form.cleaned_data.get(name, ""))
            limits = {"shortest": error.shortest.get(name), "longest": error.longest.get(name)}
            form.add_error(field, length_error(entered, **limits) or self.error_text(error))
            if field and error.already_set:
                form.fields[field].required = False
        return self.show_refusal(form, answer_to(error))


class ChallengeStep(StepRules):
    """The code of a challenge; or the choice of a factor, if Cognito offers several."""

    step = Step.CHALLENGE

    @property
    def is_choosing_factor(self) -> bool:
        return self.pending.required_challenge.name == SELECT_MFA_TYPE

    def form_type(self) -> type[Form]:
        return FactorForm if self.is_choosing_factor else CodeForm

    def form_options(self) -> dict[str, Any]:
        challenge = self.pending.required_challenge
        if self.is_choosing_factor:
            return {"factors": challenge.factors}
        return {"challenge": challenge.name}

    def error_text(self, error: CognitoMFAError) -> Any:
        was_sent = self.pending.required_challenge.name in (SMS_MFA, EMAIL_OTP)
        if was_sent and isinstance(error, BadCode):
            return error_texts.wrong_sent_code()
        return super().error_text(error)

    def submit(self, form: Any) -> Outcome:
        if self.is_choosing_factor:
            return flows.choose_factor(
                self.request, self.pending, factor=form.cleaned_data["factor"]
            )
        return flows.answer_code(self.request, self.pending, code=form.cleaned_data["code"])


class RecoverStep(StepRules):
    """A recovery code instead of the code of a device that is lost. The password was right already."""

    step_form = RecoveryCodeForm
    step = Step.CHALLENGE

    def answer_form(self, form: Form) -> HttpResponse:
        try:
            confirmed = lost_device.recover(
                self.request, self.pending, code=form.cleaned_data["code"]
            )
        except CognitoMFAError as error:
            return self.handle_error(error, form)
        text = error_texts.recovered() if confirmed else error_texts.recovery_unconfirmed()
        return self.show_recovered(text, "" if self.pending.is_change else self.pending.next_url)

    def show_recovered(self, text: str, next_url: str) -> HttpResponse:
        """Return the answer that leads to the password, and then to a new setup.

        Args:
            text: what happened.
            next_url: where to go afterwards; to be validated.
        """
        raise NotImplementedError

    def error_text(self, error: CognitoMFAError) -> Any:
        if isinstance(error, BadCode):
            return error_texts.wrong_recovery_code()
        return super().error_text(error)

    def failure_text(self, text: str) -> str:
        """Return ``text``, and that the recovery code was not used up: the reset did not happen."""
        return f"{text} {error_texts.recovery_code_kept()}"


class LinkStep(StepRules):
    """Asks the signed-in user whether the pool's account is theirs, too. The page names both accounts.

    SECURITY: without it, anyone who signs in at an unattended browser would get that user's account for good.
    """

    step_form = LinkForm
    step = Step.LINK

    def submit(self, form: Any) -> Outcome:
        answered = form.cleaned_data["question"]
        if answered and answered != link_question.digest(self.pending):
            return Outcome(Step.LINK, "")  # another tab began anew: the page names who waits now
        if form.cleaned_data["answer"] == "yes":
            return link_question.confirm(self.request)
        link_question.decline(self.request)
        messages.info(self.request, error_texts.link_declined(), fail_silently=True)
        return Outcome(Step.START, "")
