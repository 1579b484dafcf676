"""One step of a sign-in or a change: its form, the flow for its answer, and every way that it can end.

Any error of Cognito becomes an answer of ours, never a server error and never a sign-in. What each end looks like is
said by who shows it: a page, or the API.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from http import HTTPStatus
from typing import Any, ClassVar

from django.contrib.sessions.backends.base import UpdateError
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.account_state import own_backend
from cognito_mfa.enforcement.redirects import safe_url
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
    RemovalNotAllowed,
    ServiceError,
)
from cognito_mfa.models import identity_of, key_of
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in import duplicate_submissions, password_reset
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Step
from cognito_mfa.steps import error_texts
from cognito_mfa.steps.error_answers import RESTART, End, ErrorAnswer, answer_to

# The field with the sign-in that a form belongs to. A site's own template may lack it, and is then not compared.
FORM_ID = "sign_in"

# Errors that have their event where they are counted or recorded, and one that is no refusal.
LOGGED_ELSEWHERE = (
    BadCode,
    BadCredentials,
    ChallengeNotSupported,
    ConfirmationNeeded,
    LinkRefused,
    ServiceError,
)


def pages_are_on() -> bool:
    """Return whether passwords can be reset and changed here: it is turned on, and users sign in here."""
    return get_conf().PASSWORD_PAGES and own_backend() is not None


class StepRules:
    """The rules of one step, for a view that turns each outcome into a response."""

    step: ClassVar[Step]
    step_form: type[Form]
    request: HttpRequest
    pending: PendingSignIn

    # ------------------------------------------------------------------------------ what each step says

    def submit(self, form: Any) -> Outcome:
        """Perform the step with the valid form; raises ``CognitoMFAError``."""
        raise NotImplementedError

    def error_text(self, error: CognitoMFAError) -> Any:
        """Return the form's text for ``error``, or several texts."""
        return answer_to(error).text(error)

    def form_type(self) -> type[Form]:
        """Return the class of the step's form."""
        return self.step_form

    def form_options(self) -> dict[str, Any]:
        """Return the arguments of the form, in addition to the entered data."""
        return {}

    @property
    def next_url(self) -> str:
        """Return where the user goes afterwards; to be validated."""
        return self.pending.next_url

    # ------------------------------------------------------------------- what who shows the step must say

    def given(self, name: str) -> str:
        """Return the request's value for ``name`` that is not part of the form; empty if there is none."""
        raise NotImplementedError

    def has(self, name: str) -> bool:
        """Return whether the request has a value for ``name``, whatever it is."""
        raise NotImplementedError

    def show_step(self, outcome: Outcome) -> HttpResponse:
        """Return the answer after the step was taken."""
        raise NotImplementedError

    def show_other_step(self) -> HttpResponse:
        """Return the answer if the sign-in is at another step."""
        raise NotImplementedError

    def show_outdated(self) -> HttpResponse:
        """Return the answer to a form of an older sign-in or change; nothing of it is used."""
        raise NotImplementedError

    def show_errors(self, form: Form) -> HttpResponse:
        """Return this step again, with the errors of ``form``."""
        raise NotImplementedError

    def start_over(self, text: str, next_url: str) -> HttpResponse:
        """Return the answer that leads back to the password.

        Args:
            text: why; empty where the user need not be told.
            next_url: where to go afterwards; to be validated.
        """
        raise NotImplementedError

    def sign_in_again(self, text: str, next_url: str) -> HttpResponse:
        """Return the answer that leads back to where a user signed in through another package.

        Args:
            text: why.
            next_url: where to go afterwards; to be validated.
        """
        raise NotImplementedError

    def end_change(self, text: str, answer: ErrorAnswer = RESTART) -> HttpResponse:
        """Return the answer after a change by a signed-in user came to nothing.

        Args:
            text: why.
            answer: of the table.
        """
        raise NotImplementedError

    def show_blocked(self, error: CognitoMFAError) -> HttpResponse:
        """Return the answer if the account cannot be used here, which says who can change that."""
        raise NotImplementedError

    def retry_later(
        self, form: Form, text: str, answer: ErrorAnswer, *, seconds: int
    ) -> HttpResponse:
        """Return this step again, if it can be tried later.

        Args:
            form: the one that was submitted.
            text: what is said.
            answer: of the table.
            seconds: until the next attempt makes sense.
        """
        raise NotImplementedError

    def show_unavailable(
        self, text: str, answer: ErrorAnswer, error: Busy | ServiceError
    ) -> HttpResponse:
        """Return the answer if the step failed permanently, or its outcome is unknown.

        Args:
            text: what is said.
            answer: of the table.
            error: why it failed.
        """
        raise NotImplementedError

    def wait_for_other_submission(self) -> HttpResponse:
        """Return the answer to a duplicate post, whose step another post is performing or just performed."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------ the rules

    def at_step(self, act: Callable[[], HttpResponseBase]) -> HttpResponseBase:
        """Return the result of ``act``, if the sign-in is at this step."""
        self.pending = PendingSignIn.load(self.request) or PendingSignIn()
        if self.is_outdated():
            self.log_stale("another_sign_in")
            return self.show_outdated()
        if self.step not in (Step.START, self.pending.step):
            return self.leave_step()
        response = act()
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _save_session(self.request)
        return response

    def is_outdated(self) -> bool:
        """Return whether the form is of a sign-in that gave way to another user's, or to a change."""
        shown, pending = self.given(FORM_ID), self.pending
        if not shown or Step.START in (self.step, pending.step):
            return False
        return self.request.method == "POST" and shown != pending.form_id

    def leave_step(self) -> HttpResponse:
        """Return the answer if the sign-in is not at this step."""
        pending = self.pending
        is_post = self.request.method == "POST"
        if pending.step is not Step.START:
            if is_post:
                self.log_stale(f"at_{pending.step.value}")
            return self.show_other_step()
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
        return self.start_over(text, pending.next_url or self.given("next"))

    def log_stale(self, reason: str) -> None:
        """Log that a form was sent for a step that the sign-in is not at, for ``reason``."""
        user = key_of(self.request.user)
        log_events.write("stale_step", user=user, step=self.step.value, reason=reason)

    def once(self, act: Callable[[], HttpResponse]) -> HttpResponse:
        """Return what ``act`` returns; of posts of the same step that come at once, one is answered by it."""
        claimed, request = self.claimed, self.request
        if claimed is None:
            return act()
        key, claim = request.session.session_key, duplicate_submissions.claim(request, claimed)
        if claim is None:
            return self.wait_for_other_submission()
        try:
            response = act()
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

    def answer_form(self, form: Form) -> HttpResponse:
        """Return the answer to a valid form."""
        try:
            outcome = self.submit(form)
        except CognitoMFAError as error:
            return self.handle_error(error, form)
        return self.show_step(outcome)

    def handle_error(self, error: CognitoMFAError, form: Form) -> HttpResponse:
        """Return the answer to ``error``, as ``ERROR_ANSWERS`` says.

        Args:
            error: what ``submit`` raised.
            form: the valid form that was submitted.
        """
        self.log_refusal(error)
        if isinstance(error, AccountActionNeeded) and self.leads_to_reset(error):
            return self.require_password_reset(form)
        answer = answer_to(error)
        if answer.end in (End.RESTART, End.OWN_PAGE, End.SIGN_IN_AGAIN):
            return self.leave_after_error(error)
        if answer.end is End.BLOCKED:
            return self.show_blocked(error)
        if isinstance(error, (Busy, ServiceError)):
            return self.show_failure(form, error)
        if not self.can_retry or (answer.field and answer.field not in form.fields):
            # Cognito declares errors that make no sense here.
            return self.restart(error_texts.not_completed())
        return self.refuse(form, error, answer.field)

    def refuse(
        self, form: Form, error: CognitoMFAError, field: str | None, text: Any = None
    ) -> HttpResponse:
        """Return this step again, with what is wrong.

        Args:
            form: the one that was submitted.
            error: what is wrong.
            field: of the form; None for all of it.
            text: what is said; by default the text for ``error``.
        """
        form.add_error(field, self.error_text(error) if text is None else text)
        return self.show_refusal(form, answer_to(error))

    def show_refusal(self, form: Form, answer: ErrorAnswer) -> HttpResponse:
        """Return this step again, after Cognito refused what was entered.

        Args:
            form: with its errors.
            answer: of the table.
        """
        return self.show_errors(form)

    @staticmethod
    def leads_to_reset(error: AccountActionNeeded) -> bool:
        """Return whether the password has to be reset, and can be here."""
        # Only the right password reveals that: see "Order of checks" in docs/cognito-behavior.md.
        return error.action == "reset_password" and pages_are_on()

    def require_password_reset(self, form: Form) -> HttpResponse:
        """Redirect to the password reset, which accepts the code that was sent or a new one."""
        identity = identity_of(self.request.user)
        known = self.pending.username or (identity.username if identity else "")
        outcome = password_reset.wait_for_code(
            self.request,
            username=form.cleaned_data.get("username") or known,
            next_url=self.next_url,
            required=True,
        )
        return self.show_step(outcome)

    def leave_after_error(self, error: CognitoMFAError) -> HttpResponse:
        """Return the answer that leads the user to where ``error`` can be fixed."""
        answer = answer_to(error)
        if answer.end is End.RESTART:
            return self.restart(answer.text(error), error.reason)
        if answer.end is End.OWN_PAGE:
            return self.end_change(answer.text(error), answer)
        return self.sign_in_again(answer.text(error), self.next_url)

    def log_refusal(self, error: CognitoMFAError) -> None:
        """Log what was refused, so that an operator who is asked about it finds the request.

        Args:
            error: of Cognito's, or ours. Wrong passwords and codes are logged where they are counted, and failures with the
                reference that the user is shown.
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
        """Start again, unless another request of this browser was faster: it must not be undone.

        Args:
            text: why, for a user who has to enter the password again.
            reason: of the error; the texts for other users depend on it.
        """
        if self.pending.is_change:
            return self.end_change(error_texts.change_lost(reason))
        if self.pending.signed_in_already:
            return self.sign_in_again(error_texts.setup_lost(reason), self.pending.next_url)
        session, next_url = self.request.session, self.pending.next_url
        if session.session_key and not session.exists(session.session_key):
            session.modified = False
            return self.start_over("", next_url)
        return self.start_over(text, next_url)

    def show_failure(self, form: Form, error: Busy | ServiceError) -> HttpResponse:
        """Show the step again while it can be retried, else a way back.

        Args:
            form: the form that was submitted.
            error: Cognito or its configuration failed, or there were too many attempts.
        """
        answer, subject = (
            answer_to(error),
            log_failure(error) if isinstance(error, ServiceError) else error,
        )
        if not self.can_retry:
            return self.show_unavailable(answer.text(subject), answer, error)
        text = error_texts.failed(subject) if isinstance(subject, str) else answer.text(subject)
        return self.retry_later(form, text, answer, seconds=error.retry_after)

    @property
    def claimed(self) -> PendingSignIn | None:
        """Return what posts of this step have in common; None where each is a sign-in of its own."""
        return None if self.step is Step.START else self.pending

    @property
    def can_retry(self) -> bool:
        """Return whether the step can be submitted again: Cognito may have used it up."""
        pending = PendingSignIn.load(self.request)
        return self.step is Step.START or (pending is not None and pending.step is self.step)


class WithDestination(StepRules):
    """A step whose request says where the user goes afterwards."""

    @property
    def next_url(self) -> str:
        return safe_url(self.request, self.given("next") or self.pending.next_url)


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
