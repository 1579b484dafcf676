"""Views of passwords, and of what signed-in users do with their own account."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from cognito_mfa import managed_login
from cognito_mfa.api import state
from cognito_mfa.api.base import ApiStep, ApiView, has_pending, opened_text
from cognito_mfa.authenticator import recovery, recovery_codes
from cognito_mfa.enforcement import gate, guards
from cognito_mfa.exceptions import Busy, ChallengeLost, RemovalNotAllowed
from cognito_mfa.forms import RenameForm
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.sign_in import removal, shown_recovery_codes
from cognito_mfa.sign_in.pending import Purpose, Step
from cognito_mfa.steps import changes, error_texts
from cognito_mfa.steps.base import FORM_ID, pages_are_on
from cognito_mfa.steps.changes import ChangeStep, SignOutElsewhereStep
from cognito_mfa.steps.error_answers import RESTART, answer_to
from cognito_mfa.steps.passwords import (
    ChangePasswordStep,
    ForgotPasswordStep,
    ResetPasswordStep,
    StartPasswordChangeStep,
)
from cognito_mfa.values.recovery_code import grouped
from cognito_mfa.values.secret_text import SecretText


class _PasswordStep(ApiStep):
    """A step that ``PASSWORD_PAGES`` turns off."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not pages_are_on():
            raise Http404
        return super().post(request, *args, **kwargs)


class ForgotPassword(ForgotPasswordStep, _PasswordStep):
    """Send a code. The answer is the same for every username."""

    members = {"username": str, "next": str, "have_code": bool}


class ResetPassword(ResetPasswordStep, _PasswordStep):
    """Accept the code that was sent, and the new password."""

    members = {"code": SecretText, "password": SecretText, FORM_ID: str}
    filled = {"password": ("new_password1", "new_password2")}

    def ask_for_code(self, text: str) -> HttpResponse:
        return self._lost(text or error_texts.reset_lost())


class _Change(ChangeStep, ApiStep):
    """The start of a change, with the password again."""

    is_own = True
    members = {"password": SecretText}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if self.identity is None:  # not linked yet: signed in by another backend
            return self.problem("not_set_up")
        return super().post(request, *args, **kwargs)


class Replace(_Change):
    """Switch to another phone. The old app works until the new one is confirmed."""

    purpose = Purpose.REPLACE


class Remove(_Change):
    """Turn off two-step verification, if settings, policy, and pool allow it."""

    purpose = Purpose.REMOVE

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not removal.may_remove(request):  # so no password is sent to Cognito
            error = RemovalNotAllowed("policy")
            answer = answer_to(error)
            return self.end_change(answer.text(error), answer)
        return super().post(request, *args, **kwargs)


class SignOutElsewhere(SignOutElsewhereStep, _Change):
    """End all other sessions. Without a recent code, the password is required."""

    def ask_for_password(self) -> HttpResponse:
        # The other sessions have ended, and a message says what was not possible.
        return self.answer()


class _ChangeStart(_Change):
    """The start of a password change."""

    purpose = Purpose.CHANGE_PASSWORD


class _ChangeAtOnce(StartPasswordChangeStep, _Change):
    """A password change in one request: both passwords, and the code of the authenticator app."""

    members = {
        "password": SecretText,
        "new_password": SecretText,
        "code": SecretText,
        FORM_ID: str,
    }
    filled = {
        "password": ("password", "old_password"),
        "new_password": ("new_password1", "new_password2"),
    }

    def make_end(self) -> _ChangeEnd:
        end = _ChangeEnd()
        end.setup(self.request)
        end.data, end.said = self.data, self.said
        return end


class _ChangeEnd(ChangePasswordStep, ApiStep):
    """The current password again, and the new one."""

    members = {"password": SecretText, "new_password": SecretText, FORM_ID: str}
    filled = {"password": ("old_password",), "new_password": ("new_password1", "new_password2")}

    def ask_for_password(self) -> HttpResponse:
        return self._lost(error_texts.change_lost())


class ChangePassword(ApiView):
    """A password change in one request, or in two if the first body has no new password."""

    http_method_names = ["post", "options"]
    is_own = True
    members = _ChangeAtOnce.members

    def post(self, request: HttpRequest) -> HttpResponseBase:
        if not pages_are_on() or managed_login.is_active(request):
            raise Http404
        step = self._step()
        step.setup(request)
        step.data, step.said = self.data, self.said
        return step.post(request)

    def _step(self) -> ApiStep:
        if "new_password" not in self.data:
            return _ChangeStart()
        return _ChangeEnd() if has_pending(self.request, Step.PASSWORD_CHANGE) else _ChangeAtOnce()


class Device(ApiView):
    """The authenticator app that is set up. PATCH renames its device."""

    http_method_names = ["get", "head", "patch", "options"]
    is_own = True
    members = {"friendly_name": str}

    def get(self, request: HttpRequest) -> HttpResponse:
        identity = self.identity
        token = identity.software_token if identity else None
        return JsonResponse(
            {
                "friendly_name": token.friendly_name if token else "",
                "set_up_at": state.iso(token.verified_at) if token else None,
                "last_used_at": state.iso(token.last_used_at)
                if token and token.last_used_at
                else None,
                "status": _status(identity),
            }
        )

    def patch(self, request: HttpRequest) -> HttpResponse:
        identity = self.identity
        if identity is None or identity.software_token is None:
            return self.problem("not_set_up", detail=changes.no_app_text())
        denial = guards.require_recent(gate.proof_age(request, request.user))
        if denial is not None:
            return self.problem(denial.code)
        form = RenameForm(self.data)
        # An empty name deletes the old one, so a body without a name is not the same as an empty name.
        form.fields["friendly_name"].required = "friendly_name" not in self.data
        if not form.is_valid():
            texts = [str(text) for text in list(form.errors["friendly_name"])]
            return self.problem("invalid", detail=" ".join(texts), fields={"friendly_name": texts})
        try:
            removal.rename(identity, form.cleaned_data["friendly_name"])
        except Busy as error:
            return _busy(self, error)
        return self.answer()


def _status(identity: CognitoIdentity | None) -> str:
    """Return the status that Cognito last reported; ``unconfirmed`` if its answer to a change is unknown."""
    if identity is None:
        return "not_set_up"
    return "unconfirmed" if identity.unconfirmed else identity.status.lower()


def _busy(view: ApiView, error: Busy) -> HttpResponse:
    answer = answer_to(error)
    return view.problem(
        answer.code,
        status=answer.status,
        detail=answer.text(error),
        retry_after=error.retry_after,
    )


class Activity(ApiView):
    """All of the user's activity, newest first, in pages."""

    http_method_names = ["get", "head", "options"]
    is_own = True

    def get(self, request: HttpRequest) -> HttpResponse:
        identity = self.identity
        events = identity.events.all() if identity else MFAEvent.objects.none()
        page = Paginator(events, changes.EVENTS_PER_PAGE).get_page(request.GET.get("page"))
        return JsonResponse(
            {
                "events": [_event(event) for event in page.object_list],
                "page": page.number,
                "pages": page.paginator.num_pages,
                "count": page.paginator.count,
            }
        )


def _event(event: MFAEvent) -> dict[str, Any]:
    return {
        "at": state.iso(event.at),
        "kind": event.kind,
        "text": event.text_for_user,
        "detail": event.detail if event.kind in changes.DETAILS_SHOWN else "",
        "by_administrator": event.actor_id is not None,
    }


class RecoveryCodes(ApiView):
    """The number of recovery codes left, and the codes while they may be shown. POST creates a new set."""

    http_method_names = ["get", "head", "post", "options"]
    is_own = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._refusal(recent=False) or self._codes()

    def post(self, request: HttpRequest) -> HttpResponse:
        refused = self._refusal(recent=True)
        identity = self.identity
        if refused is not None or identity is None:
            return refused or self.problem("not_set_up")
        try:
            shown_recovery_codes.create(request, identity)
        except ChallengeLost:
            text = error_texts.codes_not_created()
            return self.problem(RESTART.code, status=HTTPStatus.CONFLICT, detail=text)
        except Busy as error:
            return _busy(self, error)
        return self._codes()

    def _refusal(self, *, recent: bool) -> HttpResponse | None:
        if not recovery.is_offered():
            raise Http404
        identity = self.identity
        if identity is None or identity.software_token is None:
            return self.problem("not_set_up", detail=changes.no_codes_text())
        denial = guards.require_recent(gate.proof_age(self.request, self.request.user))
        return self.problem(denial.code) if recent and denial is not None else None

    def _codes(self) -> HttpResponse:
        identity = self.identity
        proven = gate.is_proven(self.request, self.request.user)
        codes = shown_recovery_codes.load(self.request, identity) if proven else []
        left = recovery_codes.left(identity) if identity else 0

        def shown(text: str) -> HttpResponse:
            return JsonResponse({"left": left, "codes": text.split()})

        text = SecretText(" ".join(grouped(code.reveal()) for code in codes))
        response: HttpResponse = opened_text(text, shown)
        return response


class RecoveryCodesSaved(ApiView):
    """Hide the recovery codes after the user has saved them."""

    http_method_names = ["post", "options"]
    is_own = True

    def post(self, request: HttpRequest) -> HttpResponse:
        shown_recovery_codes.forget(request)
        return self.answer()
