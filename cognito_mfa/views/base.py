"""What the pages share: one step of a sign-in, and all its outcomes.

GET shows, POST calls Cognito. Any error of Cognito becomes a page of ours, never a server error and never a sign-in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
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

from cognito_mfa.enforcement import gate, impersonation, responses, unchanged_sessions
from cognito_mfa.enforcement.impersonation import Impersonation
from cognito_mfa.enforcement.redirects import destination, own_path, safe_url, site_context
from cognito_mfa.exceptions import (
    Busy,
    CognitoMFAError,
    LinkRefused,
    ServiceError,
)
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import Step
from cognito_mfa.steps import error_texts, unknown_outcomes
from cognito_mfa.steps.base import StepRules, pages_are_on
from cognito_mfa.steps.error_answers import RESTART, ErrorAnswer, answer_to, entry_text
from cognito_mfa.steps.request_limits import one_request
from cognito_mfa.values import languages
from cognito_mfa.views import focus, post_redirects, posted_secrets, stale_pages
from cognito_mfa.views.post_redirects import Answer, SeeOther
from cognito_mfa.views.progress import Progress, progress_of

BLOCKED = "cognito_mfa/blocked.html"
UNAVAILABLE = "cognito_mfa/unavailable.html"
OUTDATED = "cognito_mfa/outdated.html"
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


class PageResponse(TemplateResponse):
    """A page in the language of our texts, also where its base template is the site's."""

    @property
    def rendered_content(self) -> str:
        """Return the page; the texts of the site's own base template are in the same language as ours."""
        with translation.override(languages.with_catalog()):
            return super().rendered_content


class Page(View):
    """The base of all our pages: no caching, no framing, CSRF protection, and the support address.

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
            with one_request():
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
            said = stale_pages.already_signed_in(request.user) if signed_in else text
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
        """Return the query parameters that the page needs in addition to its path."""
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
        """Return the redirect to the user's own page after a change that was not completed."""
        if text:
            messages.info(self.request, text, fail_silently=True)
        return HttpResponseRedirect(reverse("cognito_mfa:device"))

    def redirect_to_sign_in(
        self, *, text: str = "", next_url: str = "", set_up: bool = False
    ) -> HttpResponse:
        """Return the redirect to the first page, with a message that says why.

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


class StepView(StepRules, FormPage):
    """The page of one step: a form, and what each end of the step looks like."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "GET" and WAIT in request.GET:
            return self.show_wait()
        if self.answer is not None and self.answer.template:
            context = {**self.answer.context, **self.shared_context()}
            return PageResponse(request, self.answer.template, context)
        show = super().dispatch
        return self.at_step(lambda: show(request, *args, **kwargs))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        take = super().post
        return self.once(lambda: take(request, *args, **kwargs))

    def given(self, name: str) -> str:
        return self.request.POST.get(name) or self.request.GET.get(name) or ""

    def has(self, name: str) -> bool:
        return name in self.request.GET or name in self.request.POST

    def get_form_class(self) -> type[Form]:
        return self.form_type()

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), **self.form_options()}

    def form_valid(self, form: Form) -> HttpResponse:
        return self.answer_form(form)

    def show_errors(self, form: Form) -> HttpResponse:
        return self.form_invalid(form)

    def show_step(self, outcome: Outcome) -> HttpResponse:
        return self.redirect_to_step(outcome)

    def show_other_step(self) -> HttpResponse:
        return self.redirect_to_step(Outcome(self.pending.step, self.pending.next_url))

    def show_outdated(self) -> HttpResponse:
        pending = self.pending
        context = {
            "change": error_texts.change_title(pending.purpose),
            "is_reset": pending.step is Step.PASSWORD_RESET,
            "onward": reverse(f"cognito_mfa:{pending.step.value}"),
            "pending": pending,
            **self.shared_context(),
        }
        return PageResponse(self.request, OUTDATED, context, status=HTTPStatus.CONFLICT)

    def start_over(self, text: str, next_url: str) -> HttpResponse:
        return self.redirect_to_sign_in(text=text, next_url=next_url)

    def sign_in_again(self, text: str, next_url: str) -> HttpResponse:
        return self.redirect_to_sign_in_again(text, next_url)

    def end_change(self, text: str, answer: ErrorAnswer = RESTART) -> HttpResponse:
        return self.redirect_to_device(text=text)

    def wait_for_other_submission(self) -> HttpResponse:
        """Return the answer to a post of what another one of this browser answers, or has answered just now."""
        next_url = safe_url(self.request, self.pending.next_url)
        if not post_redirects.wants_redirect(self.request):
            return self.show_wait(next_url)
        unchanged_sessions.keep_session_unchanged(self.request)
        query = urlencode({WAIT: "1", **({"next": next_url} if next_url else {})})
        return SeeOther(f"{self.step_url}?{query}")

    @property
    def step_url(self) -> str:
        """Return the path of the page of this step."""
        return reverse(f"cognito_mfa:{self.step.value}")

    def show_wait(self, next_url: str = "") -> HttpResponse:
        """Return the page that asks for patience, and leads back to this step.

        Args:
            next_url: where to go after the sign-in; empty to read it from the address.
        """
        way_back = next_url or safe_url(self.request, self.request.GET.get("next"))
        query = f"?{urlencode({'next': way_back})}" if way_back else ""
        onward = self.step_url + query
        context = {"onward": onward, "seconds": WAIT_SECONDS, **self.shared_context()}
        response = render(self.request, "cognito_mfa/wait.html", context)
        unchanged_sessions.keep_session_unchanged(self.request)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {"pending": self.pending, "progress": self.progress, **self.shared_context()}
        return super().get_context_data(**{**context, **kwargs})

    @property
    def progress(self) -> Progress | None:
        """Return which step this page is, and of how many; None if that is not known."""
        pending = self.pending
        return progress_of(pending.purpose, self.step, asks_code=pending.expects_code)

    def retry_later(
        self, form: Form, text: str, answer: ErrorAnswer, *, seconds: int
    ) -> HttpResponse:
        """Show the same page with all that was typed except secrets."""
        form.add_error(None, text)
        context = self.get_context_data(form=form)
        response = self.render_to_response(context, status=answer.status)
        response["Retry-After"] = str(seconds)
        return response

    def show_unavailable(
        self, text: str, answer: ErrorAnswer, error: Busy | ServiceError
    ) -> HttpResponse:
        """Show that the step failed or that its outcome is unknown, and how to continue."""
        context = {
            "text": text,
            "pending": self.pending,
            "is_definite": unknown_outcomes.is_definite(self.step, error),
            "advice": unknown_outcomes.advice(self.pending, self.step, error),
            **self.shared_context(),
        }
        response = PageResponse(self.request, UNAVAILABLE, context, status=answer.status)
        response["Retry-After"] = str(error.retry_after)
        return response

    def show_blocked(self, error: CognitoMFAError) -> HttpResponse:
        """Show that the account cannot be used here, and who can change that."""
        context = {
            "reason": answer_to(error).text(error),
            "entry": entry_text(error),
            "reference": error.reference if isinstance(error, LinkRefused) else "",
            "pending": self.pending,
            "signed_in": self.request.user.is_authenticated,
            **self.shared_context(),
        }
        return PageResponse(self.request, BLOCKED, context, status=answer_to(error).status)
