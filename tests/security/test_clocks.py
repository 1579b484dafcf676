"""Clocks of a site's servers differ, and jump: what was stored or received by one that was ahead neither lasts
longer nor stops anyone. One rule: up to ``clocks.SKEW`` seconds in the future is now, and more is no time at all."""

from __future__ import annotations

import datetime as dt
import io
import time
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from cognito_mfa.authenticator import emails
from cognito_mfa.conf import problems
from cognito_mfa.contrib.asgi import RequireMFA
from cognito_mfa.decorators import mfa_recent
from cognito_mfa.enforcement import policy
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.reports import overview
from tests.visitor import Visitor

pytestmark = pytest.mark.django_db
YEAR = 365 * 86400
SHIFTS = [
    (20, True),
    (YEAR, False),
]  # seconds that the clock was ahead, and whether what it told counts


def ahead(seconds: float) -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=seconds)


@pytest.mark.over_api
@pytest.mark.parametrize(("seconds", "counts"), SHIFTS)
def test_a_pending_sign_in_lasts_no_longer(
    seconds: float,
    counts: bool,
    pool: LocalPool,
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Turns red with ``expires_at > time.time()`` in ``PendingSignIn.load``."""
    visitor.set_up()
    visitor.sign_out()
    true = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: true() + seconds)
        visitor.sign_in()
    page = visitor.get(reverse("cognito_mfa:challenge"))
    assert (page.status_code == 200) == counts


@pytest.mark.over_api
@pytest.mark.parametrize(("seconds", "counts"), SHIFTS)
def test_a_proof_lasts_no_longer(
    seconds: float, counts: bool, pool: LocalPool, visitor: Visitor
) -> None:
    visitor.set_up()
    session = visitor.client.session
    session["_cognito_mfa_proof"] = {**session["_cognito_mfa_proof"], "at": time.time() + seconds}
    session.save()
    assert visitor.is_in() == counts


@pytest.mark.parametrize(("seconds", "counts"), SHIFTS)
def test_no_ones_time_to_set_up_is_longer(
    seconds: float, counts: bool, optional_pool: LocalPool, visitor: Visitor, settings: Any
) -> None:
    """Turns red without ``seconds_since`` in ``policy.first_seen``."""
    settings.COGNITO_MFA = {**settings.COGNITO_MFA, "GRACE_PERIOD": 86400}
    visitor.sign_in()
    get_user_model().objects.update(date_joined=ahead(seconds))
    CognitoIdentity.objects.update(created_at=ahead(seconds))
    user = get_user_model().objects.get()
    assert policy.has_time(policy.deadline(user)) == counts
    visitor.sign_out()
    visitor.sign_in()  # with the link as it is now: a session of another link ends
    assert visitor.is_in() == counts


@pytest.mark.parametrize(("seconds", "counts"), SHIFTS)
def test_no_one_is_left_out_when_every_user_is_asked_about(
    seconds: float, counts: bool, pool: LocalPool, visitor: Visitor
) -> None:
    """Turns red without ``clocks.latest`` in ``cognito_mfa_sync`` and in ``overview.count``."""
    visitor.set_up()
    CognitoIdentity.objects.update(checked_at=ahead(seconds))
    assert overview.measure().stale == (0 if counts else 1)
    call_command("cognito_mfa_sync", "--older-than", "1", stdout=io.StringIO())
    checked = CognitoIdentity.objects.get().checked_at
    assert checked is not None
    assert (checked > timezone.now()) == counts


def test_events_of_the_future_keep_no_mail_back(
    pool: LocalPool, visitor: Visitor, django_capture_on_commit_callbacks: Any
) -> None:
    """Mails are limited for each day. Turns red without ``clocks.latest`` in ``emails._emails_in_last_day``."""
    visitor.set_up()
    CognitoIdentity.objects.update(email="newcomer@example.com")
    identity = CognitoIdentity.objects.get()
    for _ in range(50):
        MFAEvent.objects.record(MFAEvent.Kind.SOFTWARE_TOKEN_REPLACED, identity)
    MFAEvent.objects.update(at=ahead(YEAR))
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        emails.send("software_token_replaced", identity)
    assert mail.outbox


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1])
def test_no_duration_is_without_end(seconds: float) -> None:
    names = [
        "PROOF_MAX_AGE",
        "REAUTH_MAX_AGE",
        "GRACE_PERIOD",
        "SESSION_IDLE",
        "STATUS_MAX_AGE",
        "GRANT_MAX_AGE",
    ]
    given: dict[str, object] = dict.fromkeys(names, seconds)
    found = {problem.setting for problem in problems(given)}
    assert set(names) <= found
    with pytest.raises(ValueError, match="max_age"):
        mfa_recent(seconds)(print)
    with pytest.raises(ValueError, match="recheck"):
        RequireMFA(None, recheck=seconds)  # type: ignore[arg-type]
