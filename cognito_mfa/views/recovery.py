"""The pages of recovery codes: one to enter a code, and those to create, show, and save a set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.generic import TemplateView

from cognito_mfa.authenticator import recovery, recovery_codes
from cognito_mfa.decorators import mfa_recent
from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.redirects import safe_url
from cognito_mfa.exceptions import Busy, ChallengeLost, ServiceError
from cognito_mfa.models import identity_of
from cognito_mfa.sign_in import shown_recovery_codes
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import Step
from cognito_mfa.steps import changes, error_texts
from cognito_mfa.steps.error_answers import ErrorAnswer
from cognito_mfa.steps.sign_in import RecoverStep
from cognito_mfa.values.recovery_code import grouped
from cognito_mfa.values.secret_text import SecretText
from cognito_mfa.views.base import PageResponse, StepView
from cognito_mfa.views.device import OwnPage
from cognito_mfa.views.secret_rendering import Placeholders


class RecoverView(RecoverStep, StepView):
    """A recovery code instead of the code of a device that is lost. The password was right already."""

    template_name = "cognito_mfa/recover.html"
    focuses_first_field = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.pending.offers_recovery:
            return self.redirect_to_step(Outcome(Step.CHALLENGE, ""))
        return super().get(request, *args, **kwargs)

    def show_recovered(self, text: str, next_url: str) -> HttpResponse:
        return self.redirect_to_sign_in(text=text, next_url=next_url, set_up=True)

    def show_unavailable(
        self, text: str, answer: ErrorAnswer, error: Busy | ServiceError
    ) -> HttpResponse:
        return super().show_unavailable(self.failure_text(text), answer, error)


class CodesPage(OwnPage):
    """A page about the recovery codes of a signed-in user who has an authenticator app."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            identity = identity_of(request.user)
            if not recovery.is_offered():
                return self.redirect_to_device()
            if identity is None or identity.software_token is None:
                return self.redirect_to_device(text=changes.no_codes_text())
        return self.dispatch_own(request, *args, **kwargs)

    def dispatch_own(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer a user who may have recovery codes.

        Args:
            request: the user's.
            args: of the address.
            kwargs: of the address.
        """
        return super().dispatch(request, *args, **kwargs)

    @property
    def next_url(self) -> str:
        given = self.request.POST.get("next") or self.request.GET.get("next")
        return safe_url(self.request, given)

    def shown_codes(self) -> list[SecretText]:
        """Return the codes that were created a moment ago, if they may be shown still."""
        if not gate.is_proven(self.request, self.request.user):
            return []
        return shown_recovery_codes.load(self.request, self.identity)

    def redirect_to_codes(self) -> HttpResponse:
        """Return the redirect to the page that shows the codes, or how many are left."""
        query = f"?{urlencode({'next': self.next_url})}" if self.next_url else ""
        return HttpResponseRedirect(reverse("cognito_mfa:recovery_codes") + query)


class RecoveryCodesView(CodesPage, TemplateView):
    """How many codes are left; a new set of them, and the codes while they may be shown."""

    template_name = "cognito_mfa/recovery_codes.html"

    def dispatch_own(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        # What is on the page already may be loaded again when the code is no longer recent.
        if request.method != "POST" and request.user.is_authenticated and self.shown_codes():
            return super().dispatch_own(request, *args, **kwargs)
        return self.dispatch_confirmed(request, *args, **kwargs)

    @method_decorator(mfa_recent())
    def dispatch_confirmed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Answer a user who confirmed with a code recently.

        Args:
            request: the user's.
            args: of the address.
            kwargs: of the address.
        """
        return super().dispatch_own(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        identity = self.identity
        if identity is None:  # unlinked since
            return self.redirect_to_device()
        try:
            shown_recovery_codes.create(request, identity)
        except ChallengeLost:
            return self.redirect_to_device(text=error_texts.codes_not_created())
        except Busy as error:
            return self.redirect_to_device(text=error_texts.busy(error))
        return self.redirect_to_codes()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        identity = self.identity
        left = recovery_codes.left(identity) if identity else 0
        return super().get_context_data(
            left=left,
            next=self.next_url,
            device_url=reverse("cognito_mfa:device"),
            **kwargs,
        )

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        page, codes = Placeholders(), self.shown_codes()
        response = super().render_to_response({**context, **_stand_ins(page, codes)}, **kwargs)
        response.add_post_render_callback(page.fill)  # type: ignore[attr-defined]
        return response


class RecoveryCodesTextView(CodesPage):
    """The codes that are shown, as a text file to keep; a POST, so that nothing loads it unasked."""

    http_method_names = ["post"]
    form_page = "recovery_codes"

    def post(self, request: HttpRequest) -> HttpResponseBase:
        page, codes = Placeholders(), self.shown_codes()
        if not codes:
            return self.redirect_to_codes()
        context = {"identity": self.identity, **self.shared_context(), **_stand_ins(page, codes)}
        response = PageResponse(
            request,
            "cognito_mfa/recovery_codes.txt",
            context,
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="recovery-codes.txt"'},
        )
        response.add_post_render_callback(page.fill)
        return response


class RecoveryCodesSavedView(CodesPage):
    """Stops showing the codes after the user has saved them."""

    http_method_names = ["post"]
    form_page = "recovery_codes"

    def post(self, request: HttpRequest) -> HttpResponse:
        shown_recovery_codes.forget(request)
        return HttpResponseRedirect(self.next_url or reverse("cognito_mfa:device"))


def _stand_ins(page: Placeholders, codes: Sequence[SecretText]) -> dict[str, Any]:
    """Return what a template writes for ``codes``; it never sees them."""

    def code(number: int) -> str:
        return grouped(codes[number].reveal())

    def lines() -> str:
        return "\n".join(grouped(each.reveal()) for each in codes)

    return {
        "codes": [page.stand_for(partial(code, number)) for number in range(len(codes))],
        "codes_as_text": page.stand_for(lines) if codes else "",
    }
