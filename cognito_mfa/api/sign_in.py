"""Views of the sign-in: its state, and each step up to the proof."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from cognito_mfa import managed_login
from cognito_mfa.api import state
from cognito_mfa.api.base import ApiStep, ApiView, has_pending, opened_text
from cognito_mfa.exceptions import Busy, ServiceError
from cognito_mfa.managed_login import judgment
from cognito_mfa.sign_in import link_question
from cognito_mfa.sign_in.pending import PendingSignIn, Step, clear_pending
from cognito_mfa.steps import error_texts
from cognito_mfa.steps.base import FORM_ID
from cognito_mfa.steps.error_answers import ErrorAnswer
from cognito_mfa.steps.qr import otpauth_uri, qr_svg
from cognito_mfa.steps.setup import SetupStartStep, SetupStep, canceled_text
from cognito_mfa.steps.sign_in import (
    ChallengeStep,
    LinkStep,
    NewPasswordStep,
    RecoverStep,
    SignInStep,
)
from cognito_mfa.values.secret_text import SecretText


class SessionView(ApiView):
    """Return the state of the session, and set the CSRF cookie."""

    http_method_names = ["get", "head", "options"]
    allows_impersonators = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.answer()


class SignIn(SignInStep, ApiStep):
    """Username and password."""

    members = {
        "username": str,
        "password": SecretText,
        "next": str,
        "setup": bool,
        "switch": bool,
    }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if managed_login.is_active(request) and not judgment.may_sign_in_here(request):
            return self.problem("sign_in_elsewhere")
        return super().post(request, *args, **kwargs)


class NewPassword(NewPasswordStep, ApiStep):
    """The first password that an invited user chooses, with the attributes that the pool requires."""

    members = {"password": SecretText, "attributes": dict, FORM_ID: str}
    filled = {"password": ("new_password1", "new_password2")}

    def form_data(self) -> dict[str, Any]:
        attributes = self.data.pop("attributes", {})
        known = set(self.pending.required_challenge.required_attributes)
        own = {name: value for name, value in attributes.items() if name in known}
        return {**own, **super().form_data()}

    def member_of(self, field: str) -> str:
        return f"attributes.{field}"


class Challenge(ChallengeStep, ApiStep):
    """The code of a challenge, or the choice of a factor."""

    members = {"code": SecretText, "factor": str, FORM_ID: str}


class Recover(RecoverStep, ApiStep):
    """A recovery code instead of the code of a lost device."""

    members = {"code": SecretText, FORM_ID: str}

    def show_recovered(self, text: str, next_url: str) -> HttpResponse:
        return self.answer(next_url, text=text)

    def show_unavailable(
        self, text: str, answer: ErrorAnswer, error: Busy | ServiceError
    ) -> HttpResponse:
        return super().show_unavailable(self.failure_text(text), answer, error)


class Link(LinkStep, ApiStep):
    """The answer to the question whether the pool's account is the signed-in user's."""

    members = {"answer": str, "question": str}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        link_question.discard_foreign(request)
        return super().post(request, *args, **kwargs)


class Setup(SetupStep, ApiStep):
    """The secret of a setup while its step is pending, and the code that confirms it."""

    http_method_names = ["get", "head", "post", "options"]
    members = {"code": SecretText, "friendly_name": str, FORM_ID: str}

    def get(self, request: HttpRequest) -> HttpResponse:
        pending = has_pending(request, Step.SETUP)
        if pending is None:
            return self.problem("wrong_step")
        issuer, account = state.issuer(request), pending.username

        def shown(secret: str) -> HttpResponse:
            uri = otpauth_uri(secret, issuer=issuer, account=account)
            return JsonResponse(
                {
                    "secret": secret,
                    "otpauth_uri": uri,
                    "qr_svg": str(qr_svg(uri)),
                    "issuer": issuer,
                    "account": account,
                    "expires_in": state.expires_in(pending),
                }
            )

        response: HttpResponse = opened_text(pending.secret, shown)
        return response


class SetupStart(SetupStartStep, ApiStep):
    """The start of a setup for users who sign in through another package."""

    is_own = True
    members: ClassVar[Any] = {"next": str}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not managed_login.is_active(request):
            return self.problem("not_found")
        return super().post(request, *args, **kwargs)


class CancelView(ApiView):
    """Cancel what is pending. Cognito has not confirmed anything, and the secret is dropped."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        pending = PendingSignIn.load(request)
        clear_pending(request)
        return self.answer(
            text=canceled_text(pending) if pending else error_texts.nothing_to_cancel()
        )


class SignOutView(ApiView):
    """End the session."""

    http_method_names = ["post", "options"]
    allows_impersonators = True

    def post(self, request: HttpRequest) -> HttpResponse:
        logout(request)
        return self.answer()
