"""What signed-in users do with their own account: each change begins with the password again.

Every change but the name also asks for the code where Cognito does: it needs an access token, and none is kept.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from cognito_mfa import managed_login
from cognito_mfa.enforcement import gate, guards
from cognito_mfa.exceptions import ChallengeLost, CognitoMFAError
from cognito_mfa.forms import PasswordForm
from cognito_mfa.models import CognitoIdentity, identity_in_pool
from cognito_mfa.sign_in import flows, sign_out_elsewhere
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import Purpose, Step
from cognito_mfa.steps import error_texts
from cognito_mfa.steps.base import StepRules, pages_are_on
from cognito_mfa.steps.error_answers import BAD_CREDENTIALS, answer_to

# Details that are names chosen by users; the others are Cognito's own words.
DETAILS_SHOWN = (
    "SOFTWARE_TOKEN_VERIFIED",
    "SOFTWARE_TOKEN_REPLACED",
    "SOFTWARE_TOKEN_REMOVED",
    "CHANGE_UNCONFIRMED",
    "RENAMED",
)
EVENTS_PER_PAGE = 25


def no_app_text() -> str:
    return _("You don’t have an authenticator app to rename.")


def no_codes_text() -> str:
    return _("Set up an authenticator app before you create recovery codes.")


class ChangeStep(StepRules):
    """The start of a change: the password again, or a recent sign-in elsewhere."""

    step = Step.START
    purpose: ClassVar[Purpose]

    @property
    def identity(self) -> CognitoIdentity | None:
        return identity_in_pool(self.request.user)

    def form_type(self) -> type[Form]:
        return Form if managed_login.is_active(self.request) else PasswordForm

    def handle_error(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        # Only the password was asked for: which of two values was wrong is no secret here.
        if answer_to(error) is not BAD_CREDENTIALS or "password" not in form.fields:
            return super().handle_error(error, form)
        self.log_refusal(error)
        return self.refuse(form, error, "password", error_texts.wrong_password_again())

    def restart(self, text: str, reason: StrEnum | None = None) -> HttpResponse:
        return self.end_change(error_texts.change_lost(reason))

    def submit(self, form: Any) -> Outcome:
        if managed_login.is_active(self.request):
            return managed_login.start_setup(self.request, purpose=self.purpose)
        identity = self.identity
        return flows.start_sign_in(
            self.request,
            self.pending,
            username=identity.username if identity else "",
            password=form.cleaned_data["password"],
            purpose=self.purpose,
        )


class SignOutElsewhereStep(ChangeStep):
    """End all other sessions. A user who has just entered a code need not enter the password.

    Without the site's AWS keys the tokens can be revoked with one of the user's own alone, which the password gives.
    """

    purpose = Purpose.SIGN_OUT

    @property
    def is_confirmed(self) -> bool:
        """Return whether the user entered a code recently, and nothing else needs the password."""
        return not self.has("password") and not guards.require_recent(
            gate.proof_age(self.request, self.request.user)
        )

    def form_type(self) -> type[Form]:
        return Form if self.is_confirmed else super().form_type()

    def answer_form(self, form: Form) -> HttpResponse:
        identity = self.identity
        if identity is None or not self.is_confirmed:
            return super().answer_form(form)
        try:
            revoked = sign_out_elsewhere.with_site_credentials(self.request, identity)
        except ChallengeLost as error:
            return self.end_change(error_texts.change_lost(error.reason))
        if revoked or managed_login.is_active(self.request):
            return self.show_step(Outcome(Step.OWN_PAGE, ""))
        return self.ask_for_password()

    def ask_for_password(self) -> HttpResponse:
        """Return the answer that asks for the password, which leads to a token of the user's own."""
        raise NotImplementedError


def has_app(identity: CognitoIdentity | None) -> bool:
    """Return whether there is an authenticator app to turn off, as far as is known."""
    if identity is None:
        return False
    return bool(
        identity.software_token
        or identity.unconfirmed
        or identity.status == CognitoIdentity.Status.ENABLED
    )


def may_change_password(request: HttpRequest, identity: CognitoIdentity | None) -> bool:
    """Return whether the user's password can be changed here, and not only where they sign in.

    Args:
        request: of the signed-in user.
        identity: the user's.
    """
    return pages_are_on() and not managed_login.is_active(request) and identity is not None
