"""The steps of a setup: its start after a sign-in elsewhere, the code that confirms it, and canceling."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from django.forms import Form
from django.http import HttpResponse
from django.utils import timezone

from cognito_mfa import managed_login
from cognito_mfa.exceptions import BadCode, BadCodeReason, CognitoMFAError
from cognito_mfa.forms import SetupForm
from cognito_mfa.sign_in import flows
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import TTL, PendingSignIn, Purpose, Step
from cognito_mfa.steps import error_texts
from cognito_mfa.steps.base import StepRules, WithDestination

SHORTEST_SESSION = (
    180  # seconds: the least that AuthSessionValidity of an app client can be, and its default
)
# What the text for a wrong code says besides.
KNOWN_CAUSES = (BadCodeReason.EARLIER_SECRET, BadCodeReason.TOO_EARLY, BadCodeReason.TOO_LATE)


def valid_until(pending: PendingSignIn) -> dt.datetime | None:
    """Return until when the QR code can be confirmed at least: Cognito does not say how long it waits."""
    if not pending.shown_at:
        return None
    seconds = TTL if pending.tokens else SHORTEST_SESSION
    return timezone.localtime(dt.datetime.fromtimestamp(pending.shown_at + seconds, tz=dt.UTC))


def canceled_text(pending: PendingSignIn) -> str:
    """Return what is said after ``pending`` was canceled."""
    was_shown = pending.step is Step.SETUP
    if pending.purpose is Purpose.CHANGE_PASSWORD and not was_shown:
        return error_texts.password_not_changed()
    if pending.uses_app:
        return error_texts.change_canceled(was_shown=was_shown)
    return error_texts.setup_canceled(was_shown=was_shown)


class SetupStep(StepRules):
    """The code that confirms the QR code."""

    step_form = SetupForm
    step = Step.SETUP

    def error_text(self, error: CognitoMFAError) -> Any:
        # Both entries have the same name in the app. The old secret is not known here, so its code is not recognized.
        if (
            isinstance(error, BadCode)
            and self.pending.has_old_app
            and not error.already_used
            and error.reason not in KNOWN_CAUSES
        ):
            return error_texts.wrong_code_of_two_entries()
        return super().error_text(error)

    def submit(self, form: Any) -> Outcome:
        return flows.finish_setup(
            self.request,
            self.pending,
            code=form.cleaned_data["code"],
            friendly_name=form.cleaned_data["friendly_name"],
        )


class SetupStartStep(WithDestination):
    """The start of a setup for users who sign in elsewhere: no password is asked for."""

    step_form = Form
    step = Step.START

    def submit(self, form: Any) -> Outcome:
        return managed_login.start_setup(self.request, next_url=self.next_url)

    def restart(self, _text: str, reason: StrEnum | None = None) -> HttpResponse:
        return self.sign_in_again(error_texts.setup_lost(reason), self.next_url)
