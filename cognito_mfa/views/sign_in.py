"""The pages of the sign-in: password, new password, challenge, link; and the sign-out."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.generic import TemplateView

from cognito_mfa import managed_login
from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.redirects import safe_url, support_url
from cognito_mfa.managed_login import judgment
from cognito_mfa.models import identity_of
from cognito_mfa.sign_in import link_question
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.steps import error_texts, password_rules
from cognito_mfa.steps.sign_in import ChallengeStep, LinkStep, NewPasswordStep, SignInStep
from cognito_mfa.views.base import Page, StepView


class SignInView(SignInStep, StepView):
    """Username and password; a redirect for users who sign in elsewhere."""

    template_name = "cognito_mfa/sign_in.html"
    focuses_first_field = True

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


class NewPasswordView(NewPasswordStep, StepView):
    """The first password that an invited user chooses."""

    template_name = "cognito_mfa/new_password.html"
    focuses_first_field = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**password_rules.context(), **kwargs)


class ChallengeView(ChallengeStep, StepView):
    """The code of a challenge; or the choice of a factor, if Cognito offers several."""

    template_name = "cognito_mfa/challenge.html"
    focuses_first_field = True

    def get_template_names(self) -> list[str]:
        return [
            "cognito_mfa/select_challenge.html" if self.is_choosing_factor else self.template_name
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        pending = self.pending
        return super().get_context_data(
            device_name=pending.device_name,
            is_open=pending.is_setup_unconfirmed,
            change=error_texts.change_title(pending.purpose),
            is_last_step=pending.purpose in (Purpose.REMOVE, Purpose.SIGN_OUT),
            **kwargs,
        )


class LinkView(LinkStep, StepView):
    """Asks the signed-in user whether the account of the pool is theirs, too; names both accounts."""

    template_name = "cognito_mfa/link.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        link_question.discard_foreign(request)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person = link_question.person_of(self.pending)
        return super().get_context_data(
            here=self.request.user.get_username(),
            account=person.username,
            address=person.email,
            question=link_question.digest(self.pending),
            **kwargs,
        )


class SignOutView(Page):
    """End the session."""

    allows_impersonators = True
    http_method_names = ["post"]
    form_page = "device"

    def post(self, request: HttpRequest) -> HttpResponse:
        was_signed_in = request.user.is_authenticated
        pending = PendingSignIn.load(request)
        logout(request)
        target = settings.LOGOUT_REDIRECT_URL
        if target:
            return HttpResponseRedirect(resolve_url(target))
        if was_signed_in:
            return self.redirect_to_sign_in(text=_("You’re signed out."))
        if pending is None:
            return self.redirect_to_sign_in()
        return self.redirect_to_sign_in(text=_("Sign-in canceled."), next_url=pending.next_url)
