"""What the pages share: one step of a sign-in, and every way that it can end.

GET shows, POST calls Cognito. Any error of Cognito becomes a page of ours, never a server error and never a sign-in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from functools import wraps
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.sessions.backends.base import UpdateError
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.cache import add_never_cache_headers
from django.utils.decorators import classonlymethod
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, View

from cognito_mfa.authenticator.email_delivery import waiting_once
from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import gate, impersonation, responses
from cognito_mfa.enforcement.account_state import own_backend
from cognito_mfa.enforcement.impersonation import Impersonation
from cognito_mfa.enforcement.redirects import destination, own_path, safe_url, site_context
from cognito_mfa.exceptions import (
    AccountActionNeeded,
    BadCode,
    BadCredentials,
    Busy,
    ChallengeLost,
    ChallengeLostReason,
    ChallengeNotSupported,
    CognitoMFAError,
    ConfirmationNeeded,
    LinkRefused,
    Refused,
    RemovalNotAllowed,
    ServiceError,
)
from cognito_mfa.models import identity_of, key_of
from cognito_mfa.monitoring import calls, log_events
from cognito_mfa.sign_in import duplicate_submissions, password_reset
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Step
from cognito_mfa.values import languages
from cognito_mfa.views import error_texts, focus, post_redirects, posted_secrets, stale_pages
from cognito_mfa.views.error_pages import BLOCKED, DEVICE, RESTART, UNAVAILABLE, page_for
from cognito_mfa.views.post_redirects import Answer, SeeOther
from cognito_mfa.views.progress import Progress, progress_of

# Errors that have their event where they are counted or recorded, and one that is no refusal.
LOGGED_ELSEWHERE = (
    BadCode,
    BadCredentials,
    ChallengeNotSupported,
    ConfirmationNeeded,
    LinkRefused,
    ServiceError,
)

WAIT = "wait"  # in the address of the page that asks for patience
WAIT_SECONDS = 2  # seconds from the page that asks for patience to the next


def conceals_posted_secrets(
    view: Callable[..., HttpResponseBase],
) -> Callable[..., HttpResponseBase]:
    """Decorate ``view``, so that neither it nor a report ever sees what was typed as plain text."""

    @wraps(view)
    def closing(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        posted_secrets.close(request)
        return view(request, *args, **kwargs)

    return closing


def decorated(
    view: Callable[..., HttpResponseBase], *, form_page: Callable[[HttpRequest], str]
) -> Callable[..., HttpResponseBase]:
    """Return ``view`` with what every page has: no caching, no framing, protection of what is posted.

    Args:
        view: of a page.
        form_page: returns the path of the page that its form is on.
    """
    view = xframe_options_deny(never_cache(conceals_posted_secrets(view)))
    # Closed after the check of the token, which answers what happens where the body cannot be read.
    view = sensitive_post_parameters()(stale_pages.protect(form_page)(view))
    # The site's middleware leaves the check to ours, which is the same one and answers with a page of ours.
    return csrf_exempt(view)


def pages_are_on() -> bool:
    """Return whether passwords can be reset and changed here: the site wants it, and users sign in here."""
    return get_conf().PASSWORD_PAGES and own_backend() is not None


class PageResponse(TemplateResponse):
    """A page in the language of our texts, also where its base template is the site's."""

    @property
    def rendered_content(self) -> str:
        """Return the page; the texts of the site's own base template are in the same language as ours."""
        with translation.override(languages.with_catalog()):
            return super().rendered_content


class Page(View):
    """What every page of ours has: no caching, no framing, CSRF protection, the support address.

    A browser never sees the answer to a POST: it is redirected, also after an error, and the page says what happened.
    """

    http_method_names = ["get", "head", "post", "options"]
    response_class: type[HttpResponse] = PageResponse
    allows_impersonators = False  # users who act as another user
    form_page = ""  # the URL name of the page that the form is on; empty for this one
    answer: Answer | None = None  # to the POST that led here

    @classonlymethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # noqa: N805 - a class method
        """Return the view, behind the question whose page it would be: before anything else of it runs."""
        view: Callable[..., HttpResponseBase] = super().as_view(**initkwargs)

        @wraps(view)
        def own(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            acting = None if cls.allows_impersonators else impersonation.find(request, request.user)
            if acting is not None:
                return cls.answer_impersonator(request, acting)
            calls.forget()
            with waiting_once():
                response = view(request, *args, **kwargs)
            post_redirects.forget_cookie(request, response)
            return cls.explain_stale(request, response)

        return decorated(own, form_page=cls.form_path)

    @classmethod
    def form_path(cls, request: HttpRequest) -> str:
        """Return the path of the page that the form is on."""
        return reverse(f"cognito_mfa:{cls.form_page}") if cls.form_page else own_path(request)

    @classmethod
    def answer_impersonator(cls, request: HttpRequest, acting: Impersonation) -> HttpResponseBase:
        """Return the answer for a user who acts as another user.

        Args:
            request: for this page.
            acting: the impersonation.
        """
        if post_redirects.wants_redirect(request):
            return SeeOther(reverse("cognito_mfa:device"))
        response = responses.impersonation_page(request, acting, unproven=False)
        add_never_cache_headers(response)
        return response

    @classmethod
    def explain_stale(cls, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Return ``response`` with the reason why the form before it was not accepted, where it was stale.

        Args:
            request: for this page.
            response: to it, not yet rendered.
        """
        text = stale_pages.text_for(request) if request.method == "GET" else ""
        if text and isinstance(response, TemplateResponse):
            response.context_data = {**(response.context_data or {}), "stale": text}
        elif text and isinstance(response, HttpResponseRedirect):
            if not request.user.is_authenticated and request.session.is_empty():
                return stale_pages.told_again(request, response)
            signed_in = request.user.is_authenticated and not gate.blocks(request, request.user)
            said = stale_pages.already_signed_in() if signed_in else text
            messages.info(request, said, fail_silently=True)
        return response

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.answer = post_redirects.take(request)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        if not post_redirects.wants_redirect(request):
            return response
        return post_redirects.redirected(request, response, self.form_url())

    def form_url(self) -> str:
        """Return the address of the page that the form is on, as the browser left it."""
        query = self.request.GET.copy()
        query.pop(stale_pages.PARAMETER, None)
        query.pop(WAIT, None)
        for name, value in self.form_query().items():  # update() would add to what is there
            query[name] = value
        path = self.form_path(self.request)
        return f"{path}?{query.urlencode()}" if query else path

    def form_query(self) -> dict[str, str]:
        """Return what the page must be told, beside what its address says already."""
        return {}

    def shared_context(self) -> dict[str, Any]:
        """Return what every page shows: whose it is, who is signed in, and where help is."""
        return {**site_context(self.request), "password_pages": pages_are_on()}

    def redirect_to_step(self, outcome: Outcome) -> HttpResponse:
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

    def redirect_to_device(self, *, text: str = "") -> HttpResponse:
        """Return the redirect to the user's own page, after a change that went no further."""
        if text:
            messages.info(self.request, text, fail_silently=True)
        return HttpResponseRedirect(reverse("cognito_mfa:device"))

    def redirect_to_sign_in(
        self, *, text: str = "", next_url: str = "", set_up: bool = False
    ) -> HttpResponse:
        """Return the redirect to the beginning, with a word why.

        Args:
            text: a message for the user; empty for none.
            next_url: where to go afterwards; validated here.
            set_up: also for a user who is signed in, and with MFA at the end.
        """
        if text:
            messages.info(self.request, text, fail_silently=True)
        query = {**({"setup": "1"} if set_up else {}), "next": safe_url(self.request, next_url)}
        given = urlencode({name: value for name, value in query.items() if value})
        return HttpResponseRedirect(reverse("cognito_mfa:sign_in") + (f"?{given}" if given else ""))

    def redirect_to_sign_in_again(self, text: str, next_url: str) -> HttpResponse:
        """Return the redirect to the page that asks a user who signs in elsewhere to do so again.

        Args:
            text: a message for the user.
            next_url: where to go afterwards; validated here.
        """
        messages.info(self.request, text, fail_silently=True)
        way_back = safe_url(self.request, next_url)
        query = {"again": "1", **({"next": way_back} if way_back else {})}
        return HttpResponseRedirect(f"{reverse('cognito_mfa:sign_in')}?{urlencode(query)}")


class FormPage(Page, FormView):
    """A page with a form. The first field that needs attention has the focus."""

    focuses_first_field = False  # also without an error: where nothing has to be read before

    def get_form(self, form_class: type[Form] | None = None) -> Form:
        form: Form = super().get_form(form_class)
        if self.answer is not None and not self.answer.template:
            self.answer.show_in(form)
        return form

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        focus.set_in(context["form"], when_flawless=self.focuses_first_field)
        return context


class StepView(FormPage):
    """One step of a sign-in: a form, the flow for its answer, and every way that it can end."""

    step: ClassVar[Step]
    pending: PendingSignIn

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and WAIT in request.GET:
            return self.show_wait()
        if self.answer is not None and self.answer.template:
            context = {**self.answer.context, **self.shared_context()}
            return PageResponse(request, self.answer.template, context)
        self.pending = PendingSignIn.load(request) or PendingSignIn()
        if self.step not in (Step.START, self.pending.step):
            return self.redirect_to_current_step()
        response = super().dispatch(request, *args, **kwargs)
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _save_session(request)
        return response

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.step is Step.START:  # nothing pending yet: each post is a sign-in of its own
            return super().post(request, *args, **kwargs)
        key, claim = request.session.session_key, duplicate_submissions.claim(request, self.pending)
        if claim is None:
            return self.wait_for_other_submission()
        try:
            response: HttpResponse = super().post(request, *args, **kwargs)
        except BaseException:
            duplicate_submissions.release(claim)
            raise
        if self.can_retry:
            duplicate_submissions.release(claim)
        if (
            request.session.session_key != key
        ):  # no other request knows the new one, or can have ended it
            return response
        try:
            _save_now(request)
        except UpdateError:  # another tab began anew, or signed out: Django would answer a bare 400
            return self.wait_for_other_submission()
        return response

    def wait_for_other_submission(self) -> HttpResponse:
        """Return the answer to a post of what another one of this browser answers, or has answered just now."""
        next_url = safe_url(self.request, self.pending.next_url)
        if not post_redirects.wants_redirect(self.request):
            return self.show_wait(next_url)
        duplicate_submissions.keep_session_unchanged(self.request)
        query = urlencode({WAIT: "1", **({"next": next_url} if next_url else {})})
        return SeeOther(f"{reverse(f'cognito_mfa:{self.step.value}')}?{query}")

    def show_wait(self, next_url: str = "") -> HttpResponse:
        """Return the page that asks for patience, and leads back to this step.

        Args:
            next_url: where to go after the sign-in; empty to read it from the address.
        """
        way_back = next_url or safe_url(self.request, self.request.GET.get("next"))
        query = f"?{urlencode({'next': way_back})}" if way_back else ""
        onward = reverse(f"cognito_mfa:{self.step.value}") + query
        context = {"onward": onward, "seconds": WAIT_SECONDS, **self.shared_context()}
        response = render(self.request, "cognito_mfa/wait.html", context)
        duplicate_submissions.keep_session_unchanged(self.request)
        return response

    def redirect_to_current_step(self) -> HttpResponse:
        """Return the answer when this is not the step that the sign-in is at."""
        pending = self.pending
        is_post = self.request.method == "POST"
        if pending.step is not Step.START:
            if is_post:
                self.log_stale(f"at_{pending.step.value}")
            return self.redirect_to_step(Outcome(pending.step, pending.next_url))
        if is_post and duplicate_submissions.is_late(self.request):
            return self.wait_for_other_submission()
        expired = PendingSignIn.take_expired(self.request)
        if is_post:
            lost = ChallengeLostReason
            self.log_stale(lost.TIMED_OUT if expired is not None else lost.NOTHING_PENDING)
        if expired is not None:
            self.pending = expired
            return self.restart(error_texts.timed_out(), ChallengeLostReason.TIMED_OUT)
        proven = self.request.user.is_authenticated and gate.is_proven(
            self.request, self.request.user
        )
        text = error_texts.nothing_pending() if is_post and not proven else ""
        return self.redirect_to_sign_in(
            text=text, next_url=pending.next_url or self.request.GET.get("next", "")
        )

    def log_stale(self, reason: str) -> None:
        """Log that a form was sent for a step that the sign-in is not at, for ``reason``."""
        user = key_of(self.request.user)
        log_events.write("stale_step", user=user, step=self.step.value, reason=reason)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {"pending": self.pending, "progress": self.progress, **self.shared_context()}
        return super().get_context_data(**{**context, **kwargs})

    @property
    def progress(self) -> Progress | None:
        """Return which step of how many this page is; None where that is not known."""
        return progress_of(self.pending, self.step)

    def submit(self, form: Any) -> Outcome:
        """Do what the form asks for; raises ``CognitoMFAError``."""
        raise NotImplementedError

    def form_valid(self, form: Form) -> HttpResponse:
        try:
            outcome = self.submit(form)
        except CognitoMFAError as error:
            return self.handle_error(error, form)
        return self.redirect_to_step(outcome)

    def handle_error(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        """Return the page for ``error``, as ``ERROR_PAGES`` says.

        Args:
            error: what ``submit`` raised.
            form: the valid form that was submitted.
        """
        self.log_refusal(error)
        if isinstance(error, AccountActionNeeded) and self.leads_to_reset(error):
            return self.require_password_reset(form)
        page = page_for(error)
        if page.status == HTTPStatus.FOUND:
            return self.redirect_after_error(error)
        if page.template == BLOCKED:
            return self.show_blocked(error)
        if isinstance(error, (Busy, ServiceError)):
            return self.show_failure(form, error)
        if not self.can_retry or (page.field and page.field not in form.fields):
            # Cognito declares errors that make no sense here.
            return self.restart(error_texts.not_completed())
        form.add_error(page.field, self.error_text(error))
        return self.form_invalid(form)

    @staticmethod
    def leads_to_reset(error: AccountActionNeeded) -> bool:
        """Return whether the password has to be reset, and can be here."""
        # Only the right password reveals that: see "Order of checks" in docs/cognito-behavior.md.
        return error.action == "reset_password" and pages_are_on()

    def require_password_reset(self, form: Form) -> HttpResponse:
        """Return the redirect to where the password is reset, with the code that was sent or another one."""
        identity = identity_of(self.request.user)
        known = self.pending.username or (identity.username if identity else "")
        outcome = password_reset.wait_for_code(
            self.request,
            username=form.cleaned_data.get("username") or known,
            next_url=getattr(self, "next_url", self.pending.next_url),
            required=True,
        )
        return self.redirect_to_step(outcome)

    def redirect_after_error(self, error: CognitoMFAError) -> HttpResponse:
        """Return the redirect to where ``error`` can be put right."""
        page = page_for(error)
        if page.template == RESTART:
            return self.restart(page.text(error), error.reason)
        if page.template == DEVICE:
            return self.redirect_to_device(text=page.text(error))
        next_url = getattr(self, "next_url", self.pending.next_url)
        return self.redirect_to_sign_in_again(page.text(error), next_url)

    def error_text(self, error: CognitoMFAError) -> Any:
        """Return what the form says about ``error``: one text or several."""
        return page_for(error).text(error)

    def log_refusal(self, error: CognitoMFAError) -> None:
        """Log what was refused, so that an operator who is asked about it finds the request.

        Args:
            error: of Cognito's, or ours. Wrong passwords and codes are logged where they are counted, and failures with the
                reference that the page shows.
        """
        is_password = isinstance(error, AccountActionNeeded) and self.step is Step.START
        if is_password or isinstance(error, LOGGED_ELSEWHERE):
            return
        told: log_events.Fields = {"user": key_of(self.request.user), "step": self.step.value}
        if isinstance(error, RemovalNotAllowed):
            if error.by in ("policy", "pool"):
                log_events.write("removal_refused", cause=error, **told)
        elif error.operation:
            log_events.write("cognito_refused", cause=error, **told)
        elif isinstance(error, ChallengeLost):
            log_events.write("stale_step", cause=error, **told)
        else:
            log_events.write("step_refused", cause=error, **told)

    def restart(self, text: str, reason: StrEnum | None = None) -> HttpResponse:
        """Start again; unless another request of this browser was faster, and must not be undone.

        Args:
            text: why, for a user who has to enter the password again.
            reason: of the error; the texts for other users depend on it.
        """
        if self.pending.is_change:
            return self.redirect_to_device(text=error_texts.change_lost(reason))
        if self.pending.signed_in_already:
            return self.redirect_to_sign_in_again(
                error_texts.setup_lost(reason), self.pending.next_url
            )
        session, next_url = self.request.session, self.pending.next_url
        if session.session_key and not session.exists(session.session_key):
            session.modified = False
            return self.redirect_to_sign_in(next_url=next_url)
        return self.redirect_to_sign_in(text=text, next_url=next_url)

    def retry_later(self, form: Form, text: str, *, status: int, seconds: int) -> HttpResponse:
        """Show the same page with all that was typed except secrets.

        Args:
            form: the one that was submitted.
            text: what its page says.
            status: of the response.
            seconds: until the next attempt makes sense.
        """
        form.add_error(None, text)
        response = self.render_to_response(self.get_context_data(form=form), status=status)
        response["Retry-After"] = str(seconds)
        return response

    def show_failure(self, form: Form, error: Busy | ServiceError) -> HttpResponse:
        """Show the step again while it can be retried, else a way back.

        Args:
            form: the form that was submitted.
            error: Cognito or its configuration failed, or there were too many attempts.
        """
        page, subject = (
            page_for(error),
            log_failure(error) if isinstance(error, ServiceError) else error,
        )
        if not self.can_retry:
            return self.show_unavailable(
                page.text(subject),
                status=page.status,
                seconds=error.retry_after,
                # What ended here was confirmed before: only the answer to it failed.
                is_definite=error.is_definite and self.step is not Step.SETUP,
                # The answer to the code led no further, so that the change itself was never asked for.
                is_untouched=error.operation.endswith("RespondToAuthChallenge"),
            )
        text = error_texts.failed(subject) if isinstance(subject, str) else page.text(subject)
        return self.retry_later(form, text, status=page.status, seconds=error.retry_after)

    @property
    def can_retry(self) -> bool:
        """Return whether the step can be submitted again: Cognito may have used it up."""
        pending = PendingSignIn.load(self.request)
        return self.step is Step.START or (pending is not None and pending.step is self.step)

    def show_unavailable(
        self,
        text: str,
        *,
        status: int,
        seconds: int,
        is_definite: bool,
        is_untouched: bool = False,
    ) -> HttpResponse:
        """Show that the step failed or that its outcome is unknown, and how to continue.

        Args:
            text: what the page says.
            status: of the response.
            seconds: until the next attempt makes sense.
            is_definite: nothing was changed.
            is_untouched: nothing of what the sign-in was for was changed.
        """
        context = {
            "text": text,
            "pending": self.pending,
            "is_definite": is_definite,
            "is_untouched": is_untouched,
            "uses_app": self.pending.uses_app,
            "challenge": self.pending.challenge.name if self.pending.challenge else "",
            **self.shared_context(),
        }
        response = PageResponse(self.request, UNAVAILABLE, context, status=status)
        response["Retry-After"] = str(seconds)
        return response

    def show_blocked(self, error: CognitoMFAError) -> HttpResponse:
        """Show that the account cannot be used here, and who can change that."""
        context = {
            "reason": page_for(error).text(error),
            "entry": error_texts.entry_stays_valid() if _has_confirmed_entry(error) else "",
            "reference": error.reference if isinstance(error, LinkRefused) else "",
            "pending": self.pending,
            "signed_in": self.request.user.is_authenticated,
            **self.shared_context(),
        }
        return PageResponse(self.request, BLOCKED, context, status=page_for(error).status)


def _has_confirmed_entry(error: CognitoMFAError) -> bool:
    return isinstance(error, Refused) and error.has_authenticator


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


def log_failure(error: ServiceError) -> str:
    """Log for the operator, and return the reference that the user can quote."""
    reference = secrets.token_hex(4)
    log_events.write("cognito_failed", cause=error, reference=reference)
    return reference
