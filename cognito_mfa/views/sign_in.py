"""The pages of the sign-in: password, new password, challenge, link; and the sign-out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from cognito_mfa import managed_login
from cognito_mfa.cognito.types import EMAIL_OTP, SELECT_MFA_TYPE, SMS_MFA
from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.redirects import safe_url, support_url
from cognito_mfa.exceptions import AttributesRejected, BadCode, CognitoMFAError
from cognito_mfa.forms import (
    CodeForm,
    FactorForm,
    LinkForm,
    NewPasswordForm,
    SignInForm,
)
from cognito_mfa.managed_login import judgment
from cognito_mfa.models import identity_of
from cognito_mfa.sign_in import flows
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.views import error_texts, password_rules
from cognito_mfa.views.base import Page, StepView
from cognito_mfa.views.error_pages import BAD_CREDENTIALS, page_for


class SignInView(StepView):
    """Username and password; a redirect for users who sign in elsewhere."""

    template_name = "cognito_mfa/sign_in.html"
    focuses_first_field = True
    form_class = SignInForm
    step = Step.START

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        here = "here" in request.GET and judgment.may_sign_in_here(request)
        if managed_login.is_active(request) and not here:
            return SignInElsewhereView.as_view()(request)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.answer is not None:  # to a sign-in in a tab of before
            return super().get(request, *args, **kwargs)
        signed_in = request.user.is_authenticated and not gate.blocks(request, request.user)
        if signed_in and not {"switch", "again", "setup", "here"} & set(request.GET):
            return self.redirect_to_step(Outcome(Step.DONE, self.next_url))
        return super().get(request, *args, **kwargs)

    @property
    def next_url(self) -> str:
        given = self.request.POST.get("next") or self.request.GET.get("next") or ""
        return safe_url(self.request, given or self.pending.next_url)

    @property
    def purpose(self) -> Purpose:
        asked = "setup" in self.request.GET or "setup" in self.request.POST
        return Purpose.SET_UP if asked else self.pending.purpose

    @property
    def is_switching_user(self) -> bool:
        """Return whether the user said that they are not the one who is signed in."""
        given = "switch" in self.request.GET or "switch" in self.request.POST
        return given or self.pending.is_switching_user

    def form_query(self) -> dict[str, str]:
        asked = {name: "1" for name in ("switch", "setup") if name in self.request.POST}
        return {**asked, **({"next": self.next_url} if self.next_url else {})}

    def get_initial(self) -> dict[str, Any]:
        identity = identity_of(self.request.user)
        known = identity.username if identity and not self.is_switching_user else ""
        return {"username": self.pending.username or known}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        confirming = self.request.user.is_authenticated and not self.is_switching_user
        return super().get_context_data(
            next=self.next_url,
            confirming=confirming,
            switch=self.is_switching_user,
            again=confirming and gate.is_proven(self.request, self.request.user),
            sets_up=self.purpose is Purpose.SET_UP,
            **kwargs,
        )

    def error_text(self, error: CognitoMFAError) -> Any:
        texts = super().error_text(error)
        # SECURITY: by the page and not by the error, so that every cause reads the same.
        if page_for(error) is BAD_CREDENTIALS and not self.request.user.is_authenticated:
            return [*texts, error_texts.invited_long_ago()]
        return texts

    def submit(self, form: SignInForm) -> Outcome:
        return flows.start_sign_in(
            self.request,
            self.pending,
            username=form.cleaned_data["username"],
            password=form.cleaned_data["password"],
            next_url=self.next_url,
            purpose=self.purpose,
            is_switching_user=self.is_switching_user,
        )


class SignInElsewhereView(Page, TemplateView):
    """The page for users who sign in through another package: no password is asked for."""

    template_name = "cognito_mfa/sign_in_elsewhere.html"

    @property
    def next_url(self) -> str:
        given = self.request.POST.get("next") or self.request.GET.get("next")
        return safe_url(self.request, given)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not {"switch", "again"} & set(request.GET):
            wanted = "setup" in request.GET or gate.blocks(request, request.user)
            step = Step.SETUP if wanted else Step.DONE
            query = f"?{urlencode({'next': self.next_url})}" if self.next_url else ""
            if step is Step.SETUP:
                return HttpResponseRedirect(reverse("cognito_mfa:setup") + query)
            return self.redirect_to_step(Outcome(step, self.next_url))
        return self.render_to_response(self.get_context_data(next=self.next_url))

    def post(self, request: HttpRequest) -> HttpResponse:
        next_url = self.next_url
        logout(request)
        judgment.record_redirect(request)
        query = f"?{urlencode({'next': next_url})}" if next_url else ""
        return HttpResponseRedirect(resolve_url(settings.LOGIN_URL) + query)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            support_url=support_url(),
            may_sign_in_here=judgment.may_sign_in_here(self.request),
            **kwargs,
        )


class NewPasswordView(StepView):
    """The first password that an invited user chooses."""

    template_name = "cognito_mfa/new_password.html"
    focuses_first_field = True
    form_class = NewPasswordForm
    step = Step.NEW_PASSWORD

    def get_form_kwargs(self) -> dict[str, Any]:
        challenge = self.pending.required_challenge
        return {
            **super().get_form_kwargs(),
            "attributes": challenge.required_attributes,
            "present": challenge.present_attributes,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**password_rules.context(), **kwargs)

    def submit(self, form: NewPasswordForm) -> Outcome:
        password = form.cleaned_data["new_password1"]
        return flows.set_new_password(
            self.request, self.pending, password=password, attributes=form.attributes
        )

    def handle_error(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        if not isinstance(error, AttributesRejected):
            return super().handle_error(error, form)
        for name in error.names:
            field = name if name in form.fields else None
            form.add_error(field, self.error_text(error))
            if field and error.already_set:
                form.fields[field].required = False
        return self.form_invalid(form)


class ChallengeView(StepView):
    """The code of a challenge; or the choice of a factor, if Cognito offers several."""

    template_name = "cognito_mfa/challenge.html"
    focuses_first_field = True
    step = Step.CHALLENGE

    @property
    def is_choosing_factor(self) -> bool:
        return self.pending.required_challenge.name == SELECT_MFA_TYPE

    def get_template_names(self) -> list[str]:
        return [
            "cognito_mfa/select_challenge.html" if self.is_choosing_factor else self.template_name
        ]

    def get_form_class(self) -> type[Form]:
        return FactorForm if self.is_choosing_factor else CodeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        challenge = self.pending.required_challenge
        own = (
            {"factors": challenge.factors}
            if self.is_choosing_factor
            else {"challenge": challenge.name}
        )
        return {**super().get_form_kwargs(), **own}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        pending = self.pending
        return super().get_context_data(
            device_name=pending.device_name, is_open=pending.is_setup_unconfirmed, **kwargs
        )

    def error_text(self, error: CognitoMFAError) -> Any:
        was_sent = self.pending.required_challenge.name in (SMS_MFA, EMAIL_OTP)
        if was_sent and isinstance(error, BadCode):
            return error_texts.wrong_sent_code()
        return super().error_text(error)

    def submit(self, form: Form) -> Outcome:
        if self.is_choosing_factor:
            return flows.choose_factor(
                self.request, self.pending, factor=form.cleaned_data["factor"]
            )
        return flows.answer_code(self.request, self.pending, code=form.cleaned_data["code"])


class LinkView(StepView):
    """The question to who is signed in, whether the account of the pool is theirs as well; both are named.

    SECURITY: without it, anyone who signs in at an unattended browser would get that user's account for good.
    """

    template_name = "cognito_mfa/link.html"
    form_class = LinkForm
    step = Step.LINK

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        flows.discard_foreign_link(request)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person = flows.person_to_link(self.pending)
        return super().get_context_data(
            here=self.request.user.get_username(),
            account=person.username,
            address=person.email,
            question=flows.link_question(self.pending),
            **kwargs,
        )

    def submit(self, form: LinkForm) -> Outcome:
        answered = form.cleaned_data["question"]
        if answered and answered != flows.link_question(self.pending):
            return Outcome(Step.LINK, "")  # another tab began anew: the page names who waits now
        if form.cleaned_data["answer"] == "yes":
            return flows.confirm_link(self.request)
        flows.decline_link(self.request)
        messages.info(self.request, error_texts.link_declined(), fail_silently=True)
        return Outcome(Step.START, "")


class SignOutView(Page):
    """End the session."""

    allows_impersonators = True
    http_method_names = ["post"]
    form_page = "device"

    def post(self, request: HttpRequest) -> HttpResponse:
        was_signed_in = request.user.is_authenticated
        was_pending = PendingSignIn.load(request) is not None
        logout(request)
        target = settings.LOGOUT_REDIRECT_URL
        if target:
            return HttpResponseRedirect(resolve_url(target))
        if was_signed_in:
            return self.redirect_to_sign_in(text=_("You’re signed out."))
        return self.redirect_to_sign_in(text=_("Sign-in canceled.") if was_pending else "")
