"""The base of every view of the API, and of the steps that it shares with the pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ClassVar

from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.messages.storage.base import BaseStorage
from django.core.exceptions import NON_FIELD_ERRORS
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.decorators import classonlymethod
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View

from cognito_mfa.api import bodies, origins, outages, problems, state
from cognito_mfa.api.bodies import BodyRefused, Kind
from cognito_mfa.enforcement import gate, impersonation, unchanged_sessions, view_marks
from cognito_mfa.exceptions import Busy, CognitoMFAError, LinkRefused, ServiceError
from cognito_mfa.models import CognitoIdentity, identity_in_pool, key_of
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Step
from cognito_mfa.steps import csrf, error_texts, unknown_outcomes
from cognito_mfa.steps.base import StepRules
from cognito_mfa.steps.error_answers import RESTART, ErrorAnswer, answer_to, entry_text
from cognito_mfa.steps.request_limits import one_request
from cognito_mfa.values import languages
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger("django.security.csrf")

WAIT_SECONDS = 2  # until the answer to another post of the same step exists


class _Messages(BaseStorage):
    """Collects the messages of the flows for the answer, where pages show them on the next page."""

    def _get(self, *_args: Any, **_kwargs: Any) -> tuple[list[Any], bool]:
        return [], True

    def _store(self, *_args: Any, **_kwargs: Any) -> list[Any]:
        return []


class ApiView(View):
    """A view of the API: JSON in and out, never cached, with Django's CSRF check."""

    http_method_names = ["get", "head", "post", "patch", "options"]
    members: ClassVar[Mapping[str, Kind]] = {}  # of the body
    is_own = False  # only for signed-in users
    allows_impersonators = False  # users who act as another user
    data: dict[str, Any]

    @classonlymethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # noqa: N805 - a class method
        """Return the view, wrapped in what all views of the API share."""
        view: Callable[..., HttpResponseBase] = super().as_view(**initkwargs)

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with one_request():
                return cls.refuse_early(request) or view(request, *args, **kwargs)

        checked = sensitive_post_parameters()(csrf.protect(_reject)(answer))

        @wraps(view)
        def outermost(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            with translation.override(languages.with_catalog()):
                response = origins.refuse(request) or outages.answering(
                    lambda request: checked(request, *args, **kwargs), request
                )
            add_never_cache_headers(response)
            patch_vary_headers(response, ("Accept-Language", "Cookie", "Origin"))
            return response

        # The site's CSRF middleware skips the view, and ours, a subclass, answers with a problem document.
        exempt: Callable[..., HttpResponseBase] = csrf_exempt(outermost)
        return view_marks.mark_outages(exempt, outages.answer_to)

    @classmethod
    def refuse_early(cls, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a request that must not reach the view; None for any other."""
        if cls.is_own and not request.user.is_authenticated:
            return problems.response("sign_in_required")
        if not cls.allows_impersonators and impersonation.find(request, request.user) is not None:
            return problems.response("impersonating")
        return None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        kept, self.said = getattr(request, "_messages", None), _Messages(request)
        request._messages = self.said  # type: ignore[attr-defined]  # noqa: SLF001 - as Django's middleware sets it
        try:
            self.data = {}
            if request.method in ("POST", "PATCH") and hasattr(self, request.method.lower()):
                self.data = bodies.read(request, self.members)
            return super().dispatch(request, *args, **kwargs)
        except BodyRefused as error:
            return self.problem(error.code, fields=error.fields)
        except Http404:
            return self.problem("not_found")
        finally:
            request._messages = kept  # type: ignore[attr-defined]  # noqa: SLF001 - likewise

    def http_method_not_allowed(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        allow = super().http_method_not_allowed(request, *args, **kwargs)["Allow"]
        response = self.problem("method_not_allowed")
        response["Allow"] = allow
        return response

    def problem(self, code: str, **members: Any) -> HttpResponse:
        """Return a problem document; see ``problems.response``.

        Args:
            code: of the problem.
            members: of the document, besides the common ones.
        """
        return problems.response(code, **members)

    def answer(self, next_url: str = "", *, text: str = "") -> HttpResponse:
        """Return the session object.

        Args:
            next_url: where the user goes after the sign-in; validated here.
            text: what was done, besides the messages of the flows.
        """
        self.reload_user()
        said = [text] if text else []
        said += [str(message) for message in self.said]
        return JsonResponse(
            state.session_object(self.request, next_url=next_url, messages=said),
            headers=origins.csrf_header(self.request),
        )

    def reload_user(self) -> None:
        """Load the session's user again after a post, because the flow may have changed it.

        A user whom the site itself put into the request, for example because of a header, stays.
        """
        signed_in = self.request.session.get(SESSION_KEY)
        if self.request.method != "GET" and str(signed_in) == key_of(self.request.user):
            self.request.user = get_user(self.request)

    @property
    def identity(self) -> CognitoIdentity | None:
        return identity_in_pool(self.request.user)


def _reject(
    request: HttpRequest, reason: str, _djangos: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    extra = {"status_code": 403, "request": request}
    logger.warning("Forbidden (%s): %s", reason, request.path, extra=extra)
    return problems.response("csrf_failed")


class ApiStep(StepRules, ApiView):
    """A step that it shares with the pages, with the user's answer in the body and the outcome as JSON."""

    http_method_names = ["post", "options"]
    # The fields of the form that a member of the body fills; by default the one with its name.
    filled: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return self.at_step(lambda: self.once(self.take))

    def take(self) -> HttpResponse:
        """Handle the user's answer in the body, and return the response."""
        form = self.form_type()(self.form_data(), **self.form_options())
        return self.answer_form(form) if form.is_valid() else self.show_errors(form)

    def form_data(self) -> dict[str, Any]:
        """Return the values of the body by the names of the form's fields."""
        return {
            field: value
            for name, value in self.data.items()
            for field in self.filled.get(name, (name,))
        }

    def given(self, name: str) -> str:
        value = self.data.get(name)
        return value if isinstance(value, str) else ""

    def has(self, name: str) -> bool:
        return bool(self.data.get(name))

    def problem(self, code: str, **members: Any) -> HttpResponse:
        self.reload_user()
        return super().problem(code, step=state.step_of(self.request), **members)

    # ------------------------------------------------------------------------------------------- the ends

    def show_step(self, outcome: Outcome) -> HttpResponse:
        return self.answer(outcome.next_url)

    def show_other_step(self) -> HttpResponse:
        return self.problem("wrong_step")

    def show_outdated(self) -> HttpResponse:
        return self.problem("wrong_step")

    def show_errors(self, form: Form) -> HttpResponse:
        return self.refused("invalid", None, form)

    def show_refusal(self, form: Form, answer: ErrorAnswer) -> HttpResponse:
        return self.refused(answer.code, answer.status, form)

    def refused(self, code: str, status: int | None, form: Form) -> HttpResponse:
        """Return the problem document for a form with errors.

        Args:
            code: frozen.
            status: of the response; None for that of the code.
            form: with its errors.
        """
        fields, texts = self._errors(form)
        every = [text for found in fields.values() for text in found]
        detail = " ".join(texts or dict.fromkeys(every))
        return self.problem(code, status=status, detail=detail, fields=fields)

    def _errors(self, form: Form) -> tuple[dict[str, list[str]], list[str]]:
        """Return the errors of ``form`` by member, and those about the whole form."""
        members = {field: name for name, fields in self.filled.items() for field in fields}
        found: dict[str, list[str]] = {}
        whole: list[str] = []
        for field, errors in form.errors.items():
            texts = [str(text) for text in list(errors)]
            if field == NON_FIELD_ERRORS:
                whole = texts
                continue
            kept = found.setdefault(members.get(field, self.member_of(field)), [])
            kept += [text for text in texts if text not in kept]
        return found, whole

    def member_of(self, field: str) -> str:
        """Return the member of the body that fills a field of the form."""
        return field

    def start_over(self, text: str, next_url: str) -> HttpResponse:
        user = self.request.user
        if not text and user.is_authenticated and gate.is_proven(self.request, user):
            return self.problem("wrong_step")
        return self._lost(text or error_texts.nothing_pending())

    def sign_in_again(self, text: str, next_url: str) -> HttpResponse:
        return self.problem("sign_in_again", status=401, detail=text)

    def end_change(self, text: str, answer: ErrorAnswer = RESTART) -> HttpResponse:
        return self.problem(
            answer.code, status=answer.status, detail=text or error_texts.change_lost()
        )

    def _lost(self, text: str) -> HttpResponse:
        return self.problem(RESTART.code, status=RESTART.status, detail=text)

    def show_blocked(self, error: CognitoMFAError) -> HttpResponse:
        answer, entry = answer_to(error), entry_text(error)
        reference = error.reference if isinstance(error, LinkRefused) else ""
        more = {"reference": reference} if reference else {}
        detail = " ".join(filter(None, (str(answer.text(error)), entry)))
        return self.problem(answer.code, status=answer.status, detail=detail, **more)

    def retry_later(
        self, form: Form, text: str, answer: ErrorAnswer, *, seconds: int
    ) -> HttpResponse:
        return self.problem(answer.code, status=answer.status, detail=text, retry_after=seconds)

    def show_unavailable(
        self, text: str, answer: ErrorAnswer, error: Busy | ServiceError
    ) -> HttpResponse:
        advice = unknown_outcomes.advice(self.pending, self.step, error)
        return self.problem(
            answer.code,
            status=answer.status,
            detail=f"{text} {advice}",
            retry_after=error.retry_after,
        )

    def wait_for_other_submission(self) -> HttpResponse:
        unchanged_sessions.keep_session_unchanged(self.request)
        return ApiView.problem(self, "in_progress", retry_after=WAIT_SECONDS)


def has_pending(request: HttpRequest, step: Step) -> PendingSignIn | None:
    """Return the pending sign-in if it is at ``step``.

    Args:
        request: whose session stores it.
        step: the expected step.
    """
    pending = PendingSignIn.load(request)
    return pending if pending is not None and pending.step is step else None


def opened_text(secret: SecretText, make: Callable[[str], Any]) -> Any:
    """Return the result of ``make`` for a secret.

    Args:
        secret: that its user may see.
        make: returns what to show.

    Raises:
        RuntimeError: it failed. The original error is dropped, because its frames contain the secret.
    """
    failed = ""
    try:
        return make(secret.reveal())
    except Exception as error:  # noqa: BLE001 - any error has the secret in its frames
        failed = type(error).__name__
    raise RuntimeError(f"the secret cannot be shown: {failed}")
