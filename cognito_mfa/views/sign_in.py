"""The pages: they turn a form into a flow, and what came of it into the next page.

GET shows, POST talks to Cognito. Whatever Cognito says or fails to say becomes a page of ours: never
a server error, never a sign-in.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from contextlib import suppress
from functools import partial, singledispatchmethod, wraps
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.sessions.backends.base import UpdateError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import classonlymethod, method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView, View

from cognito_mfa.authenticator import notifications
from cognito_mfa.cognito.errors import hint_for
from cognito_mfa.cognito.gateway import EMAIL_OTP, SELECT_MFA_TYPE, SMS_MFA
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import arrival, gate, impersonation, responses
from cognito_mfa.enforcement.redirects import destination, safe_url, support_url
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    BadCode,
    Busy,
    ChallengeLost,
    ChallengeNotSupported,
    CodeAttemptsLocked,
    CognitoMFAError,
    PasswordRejected,
    Refused,
    RemovalNotAllowed,
    ScopeMissing,
    ServiceError,
    SignInAgain,
    TokenRejected,
    Unavailable,
)
from cognito_mfa.forms import (
    CodeForm,
    FactorForm,
    LinkForm,
    NewPasswordForm,
    SetupForm,
    SignInForm,
)
from cognito_mfa.managed_login import tokens as other_sign_in
from cognito_mfa.models import PostedStep, SoftwareToken, identity_of
from cognito_mfa.sign_in import double_posts, flows, pending
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.views import messages as texts
from cognito_mfa.views import posted
from cognito_mfa.views.placeholders import Placeholders
from cognito_mfa.views.qr import grouped, otpauth_uri, qr_svg

logger = logging.getLogger(__name__)

WAIT = 2  # seconds from the page that asks for patience to the next


def closes_what_was_posted(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Decorate ``view``, so that neither it nor a report ever sees what was typed as plain text."""

    @wraps(view)
    def closing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        posted.close(request)
        return view(request, *args, **kwargs)

    return closing


# Closed after the check of the token, which answers what happens where the body cannot be read.
PROTECTED: list[Callable[..., Any]] = [
    sensitive_post_parameters(),
    csrf_protect,
    closes_what_was_posted,
    never_cache,
    xframe_options_deny,
]


# ----------------------------------------------------------------------------------- what they share


@method_decorator(PROTECTED, name="dispatch")
class Page(View):
    """What every page of ours has: no caching, no framing, CSRF protection, the support address."""

    http_method_names = ["get", "head", "post", "options"]
    for_impersonators = False  # for somebody who acts as another user

    @classonlymethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # noqa: N805 - a class method
        """Return the view, behind the question whose page it would be: before anything else of it runs."""
        view: Callable[..., HttpResponseBase] = super().as_view(**initkwargs)

        @wraps(view)
        def own(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            acting = None if cls.for_impersonators else impersonation.of(request, request.user)
            if acting is None:
                return view(request, *args, **kwargs)
            response = responses.impersonator_page(request, acting, unproven=False)
            add_never_cache_headers(response)
            return response

        return own

    @staticmethod
    def common() -> dict[str, Any]:
        """Return what every page shows: whose it is, and where help is."""
        return {"site": get_conf().ISSUER, "support_url": support_url()}

    def after(self, outcome: Outcome) -> HttpResponse:
        """Return the redirect to the page of the next step."""
        if outcome.step is Step.DONE:
            return HttpResponseRedirect(destination(self.request, outcome.next_url))
        next_url = safe_url(self.request, outcome.next_url)
        query = (
            f"?{urlencode({'next': next_url})}"
            if outcome.step is Step.SETUP_DONE and next_url
            else ""
        )
        return HttpResponseRedirect(reverse(f"cognito_mfa:{outcome.step.value}") + query)

    def to_device(self, *, text: str = "") -> HttpResponse:
        """Return the redirect to the person's own page, after a change that went no further."""
        if text:
            messages.info(self.request, text, fail_silently=True)
        return HttpResponseRedirect(reverse("cognito_mfa:device"))

    def to_sign_in(
        self, *, text: str = "", next_url: str = "", set_up: bool = False
    ) -> HttpResponse:
        """Return the redirect to the beginning, with a word why.

        Args:
            set_up: also for somebody who is signed in, and with a second factor at the end of it.
        """
        if text:
            messages.info(self.request, text, fail_silently=True)
        query = {**({"setup": "1"} if set_up else {}), "next": safe_url(self.request, next_url)}
        given = urlencode({name: value for name, value in query.items() if value})
        return HttpResponseRedirect(reverse("cognito_mfa:sign_in") + (f"?{given}" if given else ""))

    def to_sign_in_again(self, text: str, next_url: str) -> HttpResponse:
        """Return the redirect to where somebody who signs in elsewhere learns that they must, and why."""
        messages.info(self.request, text, fail_silently=True)
        way_back = safe_url(self.request, next_url)
        query = {"again": "1", **({"next": way_back} if way_back else {})}
        return HttpResponseRedirect(f"{reverse('cognito_mfa:sign_in')}?{urlencode(query)}")


class StepView(Page, FormView):
    """One step of a sign-in: a form, the flow that takes its answer, and every way that can end."""

    step: ClassVar[Step]
    begun: PendingSignIn

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.begun = PendingSignIn.load(request) or PendingSignIn()
        if self.step not in (Step.START, self.begun.step):
            return self.elsewhere()
        response = super().dispatch(request, *args, **kwargs)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _save_session(request)
        return response

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.step is Step.START:  # nothing pending yet: each post is a sign-in of its own
            return super().post(request, *args, **kwargs)
        claim = double_posts.take(request, self.begun)
        if claim is None:
            return self.being_answered()
        try:
            response: HttpResponse = super().post(request, *args, **kwargs)
        except BaseException:
            double_posts.release(claim)
            raise
        (double_posts.release if self.stands else double_posts.accept)(claim)
        try:
            _save_now(request)
        except UpdateError:  # another tab began anew, or signed out: Django would answer a bare 400
            return self.being_answered()
        return response

    def being_answered(self) -> HttpResponse:
        """Return the page for a post of what another one of this browser answers, or has answered just now."""
        next_url = safe_url(self.request, self.begun.next_url)
        query = f"?{urlencode({'next': next_url})}" if next_url else ""
        onward = reverse(f"cognito_mfa:{self.step.value}") + query
        context = {"onward": onward, "seconds": WAIT, **self.common()}
        response = render(self.request, "cognito_mfa/wait.html", context)
        double_posts.leave_session_alone(self.request)
        return response

    def overtaken(self, faster: PostedStep) -> HttpResponse:
        """Return the answer to a post that came when another one had ended its session."""
        if not faster.accepted:
            return self.being_answered()
        response = self.to_sign_in()  # which leads on whoever has the new session
        double_posts.leave_session_alone(self.request)
        return response

    def elsewhere(self) -> HttpResponse:
        """Return the answer when this is not the step that the sign-in is at."""
        begun = self.begun
        if begun.step is not Step.START:
            return self.after(Outcome(begun.step, begun.next_url))
        is_post = self.request.method == "POST"
        faster = double_posts.faster(self.request) if is_post else None
        if faster is not None:
            return self.overtaken(faster)
        proven = self.request.user.is_authenticated and gate.is_proven(
            self.request, self.request.user
        )
        text = texts.start_again() if is_post and not proven else ""
        return self.to_sign_in(
            text=text, next_url=begun.next_url or self.request.GET.get("next", "")
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(begun=self.begun, **self.common(), **kwargs)

    def take(self, form: Any) -> Outcome:
        """Do what the form asks for; raises ``CognitoMFAError``."""
        raise NotImplementedError

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            outcome = self.take(form)
        except CognitoMFAError as error:
            return self.refused(error, form)
        return self.after(outcome)

    @singledispatchmethod
    def refused(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        """Return the page that says what went wrong, and to whom it is up now.

        By default something typed does not fit, and the form says so.
        """
        field, text = self.on_form(error)
        if not self.stands or (field and field not in form.fields):
            return self.lost()  # Cognito declares errors that make no sense here
        form.add_error(field, text)
        return self.form_invalid(form)

    @refused.register(ChallengeLost)
    @refused.register(TokenRejected)
    def _refused_as_lost(self, _error: CognitoMFAError, _form: Form) -> HttpResponse:
        return self.lost()

    @refused.register
    def _refused_as_busy(self, error: Busy, form: Form) -> HttpResponse:
        text = texts.busy(error.retry_after)
        if not self.stands:
            return self.unavailable(text, status=429, seconds=error.retry_after)
        return self.later(form, text, status=429, seconds=error.retry_after)

    @refused.register
    def _refused_as_failed(self, error: ServiceError, form: Form) -> HttpResponse:
        return self.failed(form, error)

    @refused.register(Refused)
    @refused.register(ChallengeNotSupported)
    @refused.register(CodeAttemptsLocked)
    def _refused_for_good(self, error: CognitoMFAError, _form: Form) -> HttpResponse:
        return self.blocked(error)

    @refused.register
    def _refused_by_account(self, error: AccountActionNeeded, form: Form) -> HttpResponse:
        # Cognito says that an account is unconfirmed before it looks at the password (facts §2.1):
        # shown, it would tell a stranger who exists. The need for a reset it tells only with the
        # right password.
        if error.action == "reset_password":
            return self.blocked(error)
        if self.step is not Step.START:
            return self.lost()
        form.add_error(None, texts.bad_credentials())
        return self.form_invalid(form)

    @refused.register
    def _refused_until_signed_in_again(self, error: SignInAgain, _form: Form) -> HttpResponse:
        next_url = getattr(self, "next_url", self.begun.next_url)
        return self.to_sign_in_again(texts.sign_in_again(error), next_url)

    @refused.register
    def _refused_removal(self, error: RemovalNotAllowed, _form: Form) -> HttpResponse:
        return self.to_device(text=texts.removal_not_allowed(error))

    def on_form(self, error: CognitoMFAError) -> tuple[str | None, Any]:
        """Return the field that ``error`` is about, None for the whole form, and what to say."""
        if isinstance(error, BadCode):
            challenge = self.begun.challenge
            was_sent = challenge is not None and challenge.name in (SMS_MFA, EMAIL_OTP)
            return "code", texts.wrong_code(error, was_sent=was_sent)
        if isinstance(error, PasswordRejected):
            return "new_password1", texts.password_rejected(error)
        return None, texts.bad_credentials()

    def lost(self) -> HttpResponse:
        """Start again; unless another request of this browser was faster, and must not be undone."""
        if self.begun.is_change:
            return self.to_device(text=texts.change_was_lost())
        if self.begun.signed_in_already:
            return self.to_sign_in_again(texts.setup_took_too_long(), self.begun.next_url)
        session, next_url = self.request.session, self.begun.next_url
        if session.session_key and not session.exists(session.session_key):
            session.modified = False
            return self.to_sign_in(next_url=next_url)
        return self.to_sign_in(text=texts.start_again(), next_url=next_url)

    def later(self, form: Form, text: str, *, status: int, seconds: int) -> HttpResponse:
        """Show the same page with all that was typed except secrets."""
        form.add_error(None, text)
        response = self.render_to_response(self.get_context_data(form=form), status=status)
        response["Retry-After"] = str(seconds)
        return response

    def failed(self, form: Form, error: ServiceError) -> HttpResponse:
        """Cognito or its configuration failed: the page again where the step stands, else a way back."""
        reference = _log_failure(error)
        if self.stands:
            text = texts.failed(reference)
            return self.later(form, text, status=503, seconds=error.retry_after)
        text = texts.failed_for_good(reference)
        return self.unavailable(text, status=503, seconds=error.retry_after)

    @property
    def stands(self) -> bool:
        """Tell whether what was typed can be sent again: Cognito may have used the step up."""
        begun = PendingSignIn.load(self.request)
        return self.step is Step.START or (begun is not None and begun.step is self.step)

    def unavailable(self, text: str, *, status: int, seconds: int) -> HttpResponse:
        """Show that nobody knows what became of the step, and how that is found out."""
        context = {"text": text, "begun": self.begun, **self.common()}
        response = render(self.request, "cognito_mfa/unavailable.html", context, status=status)
        response["Retry-After"] = str(seconds)
        return response

    def blocked(self, error: CognitoMFAError) -> HttpResponse:
        context = {
            "reason": texts.blocked(error),
            "begun": self.begun,
            "signed_in": self.request.user.is_authenticated,
            **self.common(),
        }
        return render(self.request, "cognito_mfa/blocked.html", context, status=403)


SCOPE_HINT = hint_for("Scope")


# ------------------------------------------------------------------------------------------ pages


class SignInView(StepView):
    """Name and password; for people who sign in elsewhere the way there."""

    template_name = "cognito_mfa/sign_in.html"
    form_class = SignInForm
    step = Step.START

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        here = "here" in request.GET and other_sign_in.may_sign_in_here(request)
        if other_sign_in.is_used(request) and not here:
            return SignInElsewhereView.as_view()(request)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        signed_in = request.user.is_authenticated and not gate.stops(request, request.user)
        if signed_in and not {"switch", "again", "setup", "here"} & set(request.GET):
            return self.after(Outcome(Step.DONE, self.next_url))
        return super().get(request, *args, **kwargs)

    @property
    def next_url(self) -> str:
        given = self.request.POST.get("next") or self.request.GET.get("next") or ""
        return safe_url(self.request, given or self.begun.next_url)

    @property
    def purpose(self) -> Purpose:
        asked = "setup" in self.request.GET or "setup" in self.request.POST
        return Purpose.SET_UP if asked else self.begun.purpose

    @property
    def somebody_else(self) -> bool:
        """Tell whether the person said that they are another than who is signed in."""
        given = "switch" in self.request.GET or "switch" in self.request.POST
        return given or self.begun.somebody_else

    def get_initial(self) -> dict[str, Any]:
        identity = identity_of(self.request.user)
        known = identity.username if identity and not self.somebody_else else ""
        return {"username": self.begun.username or known}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        confirming = self.request.user.is_authenticated and not self.somebody_else
        return super().get_context_data(
            next=self.next_url,
            confirming=confirming,
            switch=self.somebody_else,
            again=confirming and gate.is_proven(self.request, self.request.user),
            sets_up=self.purpose is Purpose.SET_UP,
            **kwargs,
        )

    def take(self, form: SignInForm) -> Outcome:
        return flows.start_sign_in(
            self.request,
            username=form.cleaned_data["username"],
            password=form.cleaned_data["password"],
            next_url=self.next_url,
            purpose=self.purpose,
            somebody_else=self.somebody_else,
        )


class SignInElsewhereView(Page, TemplateView):
    """Whose sign-in is another package's: nobody is asked for a password here."""

    template_name = "cognito_mfa/sign_in_elsewhere.html"

    @property
    def next_url(self) -> str:
        given = self.request.POST.get("next") or self.request.GET.get("next")
        return safe_url(self.request, given)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not {"switch", "again"} & set(request.GET):
            wanted = "setup" in request.GET or gate.stops(request, request.user)
            step = Step.SETUP if wanted else Step.DONE
            query = f"?{urlencode({'next': self.next_url})}" if self.next_url else ""
            if step is Step.SETUP:
                return HttpResponseRedirect(reverse("cognito_mfa:setup") + query)
            return self.after(Outcome(step, self.next_url))
        return self.render_to_response(self.get_context_data(next=self.next_url))

    def post(self, request: HttpRequest) -> HttpResponse:
        next_url = self.next_url
        logout(request)
        other_sign_in.note_sent(request)
        query = f"?{urlencode({'next': next_url})}" if next_url else ""
        return HttpResponseRedirect(resolve_url(settings.LOGIN_URL) + query)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            support_url=support_url(),
            may_sign_in_here=other_sign_in.may_sign_in_here(self.request),
            **kwargs,
        )


class NewPasswordView(StepView):
    """The first password of one's own, for invited people."""

    template_name = "cognito_mfa/new_password.html"
    form_class = NewPasswordForm
    step = Step.NEW_PASSWORD

    def get_form_kwargs(self) -> dict[str, Any]:
        wanted = self.begun.open_challenge.required_attributes
        return {**super().get_form_kwargs(), "attributes": wanted}

    def take(self, form: NewPasswordForm) -> Outcome:
        password = form.cleaned_data["new_password1"]
        return flows.set_new_password(self.request, password=password, attributes=form.attributes)


class ChallengeView(StepView):
    """The code of a second factor; or, where Cognito leaves the choice, which factor."""

    template_name = "cognito_mfa/challenge.html"
    step = Step.CHALLENGE

    @property
    def choosing(self) -> bool:
        return self.begun.open_challenge.name == SELECT_MFA_TYPE

    def get_template_names(self) -> list[str]:
        return ["cognito_mfa/select_challenge.html" if self.choosing else self.template_name]

    def get_form_class(self) -> type[Form]:
        return FactorForm if self.choosing else CodeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        challenge = self.begun.open_challenge
        own = {"factors": challenge.factors} if self.choosing else {"challenge": challenge.name}
        return {**super().get_form_kwargs(), **own}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        begun = self.begun
        return super().get_context_data(
            device_name=flows.device_name(begun), is_open=flows.is_open(begun), **kwargs
        )

    def take(self, form: Form) -> Outcome:
        if self.choosing:
            return flows.choose_factor(self.request, factor=form.cleaned_data["factor"])
        return flows.answer_code(self.request, code=form.cleaned_data["code"])


class LinkView(StepView):
    """The question to who is signed in, whether the account of the pool is theirs as well; both are named.

    SECURITY: without it, whoever signs in at a browser that somebody left would be them from then on.
    """

    template_name = "cognito_mfa/link.html"
    form_class = LinkForm
    step = Step.LINK

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        flows.drop_link_of_others(request)
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person = flows.waiting_person(self.begun)
        return super().get_context_data(
            here=self.request.user.get_username(),
            account=person.username,
            address=person.email,
            question=flows.link_question(self.begun),
            **kwargs,
        )

    def take(self, form: LinkForm) -> Outcome:
        answered = form.cleaned_data["question"]
        if answered and answered != flows.link_question(self.begun):
            return Outcome(Step.LINK, "")  # another tab began anew: the page names who waits now
        if form.cleaned_data["answer"] == "yes":
            return flows.confirm_link(self.request)
        flows.decline_link(self.request)
        messages.info(self.request, texts.link_declined(), fail_silently=True)
        return Outcome(Step.START, "")


class SetupView(StepView):
    """The QR code and the key, as often as the page is loaded, and the code that confirms them."""

    template_name = "cognito_mfa/setup.html"
    form_class = SetupForm
    step = Step.SETUP

    def elsewhere(self) -> HttpResponse:
        if self.begun.step is Step.START and other_sign_in.is_used(self.request):
            return SetupStartView.as_view()(self.request)  # type: ignore[return-value]
        return super().elsewhere()

    def get_initial(self) -> dict[str, Any]:
        return {"friendly_name": self.begun.friendly_name}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        issuer = get_conf().ISSUER or self.request.get_host()
        return super().get_context_data(issuer=issuer, account=self.begun.username, **kwargs)

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Show the secret in all its forms, none of which any template, tag or processor ever sees."""
        secret, page = self.begun.secret, Placeholders()
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

    def take(self, form: SetupForm) -> Outcome:
        return flows.finish_setup(
            self.request,
            code=form.cleaned_data["code"],
            friendly_name=form.cleaned_data["friendly_name"],
        )


class SetupStartView(StepView):
    """The beginning of a set-up for people who sign in elsewhere: a button, and no password.

    GET decides by what the session holds what the page says; only POST asks Cognito.
    """

    template_name = "cognito_mfa/setup_start.html"
    form_class = Form
    step = Step.START

    @property
    def next_url(self) -> str:
        given = self.request.POST.get("next") or self.request.GET.get("next")
        return safe_url(self.request, given or self.begun.next_url)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if gate.is_proven(request, request.user):
            return self.after(Outcome(Step.DONE, self.next_url))
        provider = arrival.provider(request.session.get(arrival.KEY), request.user)
        if provider:
            return self.impossible(texts.federated(provider), status=403)
        person = other_sign_in.person_here(request)
        if person is not None and not other_sign_in.allows_setup(person):
            return self.failed(self.get_form(), ScopeMissing("set-up", "Scope", hint=SCOPE_HINT))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person = other_sign_in.person_here(self.request)
        recent = person is not None and other_sign_in.is_recent(person, other_sign_in.SETUP_MAX_AGE)
        known = identity_of(self.request.user)
        account = (known.email or known.username) if known else person.username if person else ""
        return super().get_context_data(
            next=self.next_url,
            recent=recent,
            account=account,
            may_sign_in_here=other_sign_in.may_sign_in_here(self.request),
            **kwargs,
        )

    def take(self, form: Form) -> Outcome:
        return other_sign_in.begin(self.request, next_url=self.next_url)

    def lost(self) -> HttpResponse:
        return self.to_sign_in_again(texts.setup_took_too_long(), self.next_url)

    def blocked(self, error: CognitoMFAError) -> HttpResponse:
        return self.impossible(texts.no_setup(error), status=403)

    def failed(self, form: Form, error: ServiceError) -> HttpResponse:
        if not isinstance(error, ScopeMissing):
            return super().failed(form, error)
        return self.impossible(texts.scope_missing(_log_failure(error)), status=503)

    def impossible(self, reason: str, *, status: int) -> HttpResponse:
        """Say why there can be no set-up, and who can change that."""
        context = {"reason": reason, "support_url": support_url()}
        return render(self.request, "cognito_mfa/setup_impossible.html", context, status=status)


class SetupCancelView(Page):
    """Break off: Cognito has nothing confirmed, and the secret is forgotten."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        begun = PendingSignIn.load(request)
        pending.clear(request)
        if begun is not None and begun.is_change:
            text = texts.change_stopped(at_picture=begun.step is Step.SETUP)
            return self.to_device(text=text)
        return self.to_sign_in(text=_("The set-up was cancelled. Nothing has changed."))


class SetupDoneView(Page, TemplateView):
    """It worked: what happens from now on, and the way to where the person wanted to go."""

    template_name = "cognito_mfa/setup_done.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        identity = identity_of(request.user)
        if identity is None or not gate.is_proven(request, request.user):
            return self.to_sign_in()
        tokens = list(identity.software_tokens.all()[:2])
        replaced = len(tokens) > 1 and tokens[1].retired_because == SoftwareToken.Retired.REPLACED
        context = self.get_context_data(
            software_token=identity.software_token,
            replaced=replaced,
            switched_on=not identity.unconfirmed,
            mail_sent=bool(get_conf().NOTIFY and notifications.recipients_of(identity)),
            next=destination(request, request.GET.get("next")),
            **self.common(),
        )
        return self.render_to_response(context)


class SignOutView(Page):
    """End the session."""

    for_impersonators = True
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        logout(request)
        target = settings.LOGOUT_REDIRECT_URL
        if target:
            return HttpResponseRedirect(resolve_url(target))
        return self.to_sign_in(text=_("You are signed out."))


# ---------------------------------------------------------------------------------------- refusals


def _save_session(request: HttpRequest) -> None:
    """Save the session, which Django leaves as it was where the answer is a server error.

    What Cognito may have used up, a secret above all, would be shown again with the next page.
    """
    with suppress(UpdateError):  # gone already when another request of this browser was faster
        _save_now(request)


def _save_now(request: HttpRequest) -> None:
    session = request.session
    if session.modified and session.session_key:
        session.save()


def _log_failure(error: ServiceError) -> str:
    """Log for the operator, and return the reference that the person can tell them."""
    reference = secrets.token_hex(4)
    level = logging.WARNING if isinstance(error, Unavailable) else logging.ERROR
    logger.log(level, "cognito_failed [%s]: %s %s", reference, error, getattr(error, "hint", ""))
    return reference
