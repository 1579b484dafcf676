"""The pages to reset a forgotten password and to change a password.

SECURITY: the pages for a forgotten password say the same for every username. Nothing shows whether there is such a
user, or whether a code was sent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _

from cognito_mfa import managed_login
from cognito_mfa.enforcement.redirects import safe_url
from cognito_mfa.exceptions import BadCode, BadCredentials, ChallengeLostReason, CognitoMFAError
from cognito_mfa.forms import PasswordChangeForm, PasswordResetConfirmForm, PasswordResetForm
from cognito_mfa.models import identity_of
from cognito_mfa.sign_in import flows, password_reset
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.views import error_texts, password_rules
from cognito_mfa.views.base import StepView, pages_are_on
from cognito_mfa.views.device import ChangeView, OwnPage
from cognito_mfa.views.progress import Progress


class PasswordPage(StepView):
    """A page that ``PASSWORD_PAGES`` turns off."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not pages_are_on():
            raise Http404
        return super().dispatch(request, *args, **kwargs)


class PasswordResetView(PasswordPage):
    """Ask for the username, and send a code to the user's verified address."""

    template_name = "cognito_mfa/password_reset.html"
    focuses_first_field = True
    form_class = PasswordResetForm
    step = Step.START

    @property
    def next_url(self) -> str:
        given = self.request.POST.get("next") or self.request.GET.get("next") or ""
        return safe_url(self.request, given or self.pending.next_url)

    def form_query(self) -> dict[str, str]:
        return {"next": self.next_url} if self.next_url else {}

    def get_initial(self) -> dict[str, Any]:
        identity = identity_of(self.request.user)
        return {"username": self.pending.username or (identity.username if identity else "")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(next=self.next_url, **kwargs)

    def submit(self, form: Form) -> Outcome:
        given = {"username": form.cleaned_data["username"], "next_url": self.next_url}
        if "have_code" in self.request.POST:
            return password_reset.wait_for_code(self.request, **given)
        return password_reset.send_code(self.request, **given)


class PasswordResetConfirmView(PasswordPage):
    """The code that was sent, and the new password."""

    template_name = "cognito_mfa/password_reset_confirm.html"
    focuses_first_field = True
    form_class = PasswordResetConfirmForm
    step = Step.PASSWORD_RESET

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "has_code": bool(self.pending.reset_code)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            username=self.pending.username, **password_rules.context(), **kwargs
        )

    def submit(self, form: Form) -> Outcome:
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
            form.add_error(None, error_texts.reset_not_accepted())
            return self.form_invalid(form)
        return super().handle_error(error, form)

    def form_invalid(self, form: Form) -> HttpResponse:
        pending = type(self.pending).load(self.request)
        if pending is not None and pending.reset_code:
            form.keep_code()  # type: ignore[attr-defined]
        return super().form_invalid(form)

    def redirect_to_current_step(self) -> HttpResponse:
        if self.pending.step is not Step.START:
            return super().redirect_to_current_step()
        if self.request.method == "POST" and self.pending.username:
            return self.redirect_to_sign_in()  # another post of this browser was faster
        if PendingSignIn.take_expired(self.request):
            return self.restart("", ChallengeLostReason.TIMED_OUT)
        return self.restart("") if self.request.method == "POST" else self._redirect_to_start()

    def restart(self, _text: str, reason: StrEnum | None = None) -> HttpResponse:
        messages.info(self.request, error_texts.reset_lost(reason), fail_silently=True)
        return self._redirect_to_start()

    def _redirect_to_start(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("cognito_mfa:password_reset"))


class PasswordChangeView(PasswordPage, ChangeView):
    """The beginning of a change: the password, and the code where Cognito asks for one."""

    template_name = "cognito_mfa/password_change.html"
    focuses_first_field = True
    purpose = Purpose.CHANGE_PASSWORD

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _refuse_elsewhere(request)
        return super().dispatch(request, *args, **kwargs)


class PasswordChangeConfirmView(PasswordPage, OwnPage, StepView):
    """The current password again, and the new one."""

    template_name = "cognito_mfa/password_change_confirm.html"
    focuses_first_field = True
    form_class = PasswordChangeForm
    step = Step.PASSWORD_CHANGE

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        _refuse_elsewhere(request)
        return super().dispatch(request, *args, **kwargs)

    @property
    def progress(self) -> Progress:
        asked = 3 if self.identity and self.identity.software_token else 2
        return Progress(asked, asked)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            username=self.pending.username, **password_rules.context(), **kwargs
        )

    def submit(self, form: Form) -> Outcome:
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
            form.add_error("old_password", error_texts.wrong_password())
            return self.form_invalid(form)
        return super().handle_error(error, form)

    def redirect_to_current_step(self) -> HttpResponse:
        if self.pending.step is not Step.START:
            return super().redirect_to_current_step()
        if self.request.method == "POST":
            return (
                self.redirect_to_device()
            )  # another post of this browser was faster, or it took too long
        return HttpResponseRedirect(reverse("cognito_mfa:password_change"))


def _refuse_elsewhere(request: HttpRequest) -> None:
    """Answer 404 to users whose password is changed where they sign in."""
    if managed_login.is_active(request):
        raise Http404
