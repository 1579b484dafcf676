"""The pages of a setup: the QR code and the code that confirms it, canceling, and the end."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import TemplateView

from cognito_mfa import managed_login
from cognito_mfa.cognito.errors import hint_for
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import gate, proof
from cognito_mfa.enforcement.redirects import destination
from cognito_mfa.exceptions import (
    Busy,
    CognitoMFAError,
    ScopeMissing,
    ServiceError,
)
from cognito_mfa.managed_login import judgment, setup
from cognito_mfa.managed_login.tokens import unchecked_person
from cognito_mfa.models import SoftwareToken, identity_of
from cognito_mfa.sign_in import setup_email
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step, clear_pending
from cognito_mfa.steps import error_texts
from cognito_mfa.steps.base import log_failure
from cognito_mfa.steps.qr import grouped, otpauth_uri, qr_svg
from cognito_mfa.steps.setup import SetupStartStep, SetupStep, canceled_text, valid_until
from cognito_mfa.views import device_names
from cognito_mfa.views.base import Page, PageResponse, StepView
from cognito_mfa.views.device import recovery_context
from cognito_mfa.views.secret_rendering import Placeholders

SCOPE_HINT = hint_for("Scope")


class SetupView(SetupStep, StepView):
    """The QR code and the key, as often as the page is loaded, and the code that confirms them."""

    template_name = "cognito_mfa/setup.html"

    def leave_step(self) -> HttpResponse:
        if self.pending.step is Step.START and managed_login.is_active(self.request):
            return SetupStartView.as_view()(self.request)  # type: ignore[return-value]
        return super().leave_step()

    def get_initial(self) -> dict[str, Any]:
        suggested = device_names.suggest(self.request, taken=self.current_name)
        return {"friendly_name": self.pending.friendly_name or suggested}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        issuer = get_conf().ISSUER or self.request.get_host()
        return super().get_context_data(
            issuer=issuer,
            account=self.pending.username,
            current_name=self.current_name,
            valid_until=valid_until(self.pending),
            **kwargs,
        )

    @cached_property
    def current_name(self) -> str:
        """The name of the device that is replaced; empty where there is none."""
        identity = identity_of(self.request.user) if self.pending.has_old_app else None
        token = identity.software_token if identity else None
        return token.friendly_name if token else ""

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Show the secret in all its forms, none of which any template, tag or processor ever sees.

        Args:
            context: of the template.
            **kwargs: for the response, such as its status.
        """
        secret, page = self.pending.secret, Placeholders()
        issuer, account = context["issuer"], context["account"]

        def uri() -> str:
            return otpauth_uri(secret.reveal(), issuer=issuer, account=account)

        def group(number: int) -> str:
            return grouped(secret.reveal())[number]

        groups = range(len(grouped(secret.reveal())))
        shown = {
            "otpauth_uri": page.stand_for(uri),
            "qr": page.stand_for(lambda: qr_svg(uri())),
            "key": page.stand_for(secret.reveal),
            "key_groups": [page.stand_for(partial(group, number)) for number in groups],
        }
        response = super().render_to_response({**context, **shown}, **kwargs)
        response.add_post_render_callback(page.fill)  # type: ignore[attr-defined]
        return response


class SetupStartView(SetupStartStep, StepView):
    """The start of a setup for users who sign in elsewhere: a button, and no password.

    GET only reads the session; only POST calls Cognito.
    """

    template_name = "cognito_mfa/setup_start.html"

    def form_query(self) -> dict[str, str]:
        return {"next": self.next_url} if self.next_url else {}

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.answer is not None:
            return super().get(request, *args, **kwargs)
        if gate.is_proven(request, request.user):
            return self.redirect_to_step(Outcome(Step.DONE, self.next_url))
        provider = proof.federated_provider(request.session.get(proof.FEDERATED_KEY), request.user)
        if provider:
            return self.show_setup_impossible(error_texts.federated(provider), status=403)
        person = unchecked_person(request)
        if person is not None and not setup.allows_setup(person):
            return self.show_failure(self.get_form(), ScopeMissing(hint=SCOPE_HINT))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person = unchecked_person(self.request)
        recent = person is not None and setup.is_recent(person, setup.SETUP_MAX_AGE)
        known = identity_of(self.request.user)
        account = (known.email or known.username) if known else person.username if person else ""
        return super().get_context_data(
            next=self.next_url,
            recent=recent,
            account=account,
            may_sign_in_here=judgment.may_sign_in_here(self.request),
            **kwargs,
        )

    def show_blocked(self, error: CognitoMFAError) -> HttpResponse:
        return self.show_setup_impossible(error_texts.no_setup(error), status=403)

    def show_failure(self, form: Form, error: Busy | ServiceError) -> HttpResponse:
        if not isinstance(error, ScopeMissing):
            return super().show_failure(form, error)
        return self.show_setup_impossible(error_texts.scope_missing(log_failure(error)), status=503)

    def show_setup_impossible(self, reason: str, *, status: int) -> HttpResponse:
        """Say why setup is impossible, and who can change that.

        Args:
            reason: what the page says.
            status: of the response.
        """
        context = {"reason": reason, **self.shared_context()}
        template = "cognito_mfa/setup_impossible.html"
        return PageResponse(self.request, template, context, status=status)


class SetupCancelView(Page):
    """Cancel the setup: Cognito has confirmed nothing, and the secret is dropped."""

    http_method_names = ["post"]
    form_page = "setup"

    def post(self, request: HttpRequest) -> HttpResponse:
        pending = PendingSignIn.load(request)
        if pending is not None and pending.step is Step.SETUP and "again" in request.POST:
            return self.start_again(pending)
        clear_pending(request)
        if pending is None:  # finished or canceled in another tab, or its time was over
            text = error_texts.nothing_to_cancel()
            is_signed_in = request.user.is_authenticated
            go = self.redirect_to_device if is_signed_in else self.redirect_to_sign_in
            return go(text=text)
        if pending.is_change:
            return self.redirect_to_device(text=canceled_text(pending))
        return self.redirect_to_sign_in(text=canceled_text(pending), next_url=pending.next_url)

    def start_again(self, pending: PendingSignIn) -> HttpResponse:
        """Return the redirect to where the user gets a new QR code: each needs a fresh sign-in at Cognito."""
        if pending.signed_in_already:
            clear_pending(self.request)
            return HttpResponseRedirect(reverse("cognito_mfa:setup"))
        text = error_texts.new_qr_code()
        if pending.purpose is Purpose.REPLACE:
            messages.info(self.request, text, fail_silently=True)
            return HttpResponseRedirect(reverse("cognito_mfa:device_replace"))
        set_up = pending.purpose is Purpose.SET_UP
        return self.redirect_to_sign_in(text=text, next_url=pending.next_url, set_up=set_up)


class SetupDoneView(Page, TemplateView):
    """The end of a setup: what is set up, and a link to the page that the user asked for."""

    template_name = "cognito_mfa/setup_done.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        identity = identity_of(request.user)
        if identity is None or not gate.is_proven(request, request.user):
            return self.redirect_to_sign_in()
        if identity.software_token is None:  # turned off or reset since
            return self.redirect_to_device()
        tokens = list(identity.software_tokens.all()[:2])
        replaced = len(tokens) > 1 and tokens[1].retired_because == SoftwareToken.Retired.REPLACED
        came_from = reverse("cognito_mfa:device") if replaced else ""
        context = self.get_context_data(
            software_token=identity.software_token,
            replaced=replaced,
            switched_on=not identity.unconfirmed,
            **recovery_context(identity),
            **setup_email.recall(request, identity.software_token),
            next=destination(request, request.GET.get("next") or came_from),
            **self.shared_context(),
        )
        return self.render_to_response(context)
