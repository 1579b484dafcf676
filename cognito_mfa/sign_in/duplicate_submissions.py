"""One answer at a time for each step: of posts that come at once, a double click, one goes to Cognito.

A code works once. Of two posts of the same code the second would be told that it is wrong, or to start again,
after the first one signed the user in; and the browser shows the answer to the second.

What was claimed is a row, since a site has more than one process, and a lock would be held while Cognito answers.
The row of a step that is over is kept: a late post of it is told to wait as well, and nothing needs to be written.
Only who has a pending sign-in, and so gave the right password, or a reset with the right code can leave one.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from cognito_mfa.cognito.deadline import DEADLINE
from cognito_mfa.cognito.types import NOTHING
from cognito_mfa.databases import atomic_for
from cognito_mfa.models import PostedStep
from cognito_mfa.sign_in.pending import TTL, PendingSignIn
from cognito_mfa.values.clocks import seconds_since
from cognito_mfa.values.secret_text import SecretText

# Seconds after which a post that never ended, such as of a killed process, is forgotten: its calls share one deadline.
ABANDONED_AFTER = DEADLINE + 8.0
DELETE_EVERY = 20  # rows from one cleanup to the next
DELETED_AT_ONCE = 100  # old rows that one cleanup deletes at most


def claim(request: HttpRequest, pending: PendingSignIn) -> PostedStep | None:
    """Claim the step for this post.

    None if another post of it is on its way, or was accepted a moment ago.

    Args:
        request: the one that answers the step.
        pending: the sign-in that the step belongs to.
    """
    browser, step = _browser_digest(request.session.session_key or ""), _step_digest(pending)
    try:
        with atomic_for(PostedStep):  # most steps are the first that a session key claims
            made = PostedStep.objects.create(browser=browser, step=step)
    except IntegrityError:
        return _claim_next_step(browser, step)
    if made.pk % DELETE_EVERY == 0:
        _delete_old()
    return made


def _claim_next_step(browser: str, step: str) -> PostedStep | None:
    """Claim the step in the row that the browser's session key has already."""
    row, made = PostedStep.objects.get_or_create(browser=browser, defaults={"step": step})
    if made:  # the other submission released it just now
        return row
    if row.step == step and _is_recent(row, ABANDONED_AFTER):
        return None
    now = timezone.now()
    unchanged = PostedStep.objects.filter(pk=row.pk, step=row.step, at=row.at)
    if not unchanged.update(step=step, at=now):
        return None
    row.step, row.at = step, now
    return row


def release(row: PostedStep) -> None:
    """Allow another answer to the step: the code was wrong, or the outcome is unknown."""
    PostedStep.objects.filter(pk=row.pk, step=row.step, at=row.at).delete()


def is_late(request: HttpRequest) -> bool:
    """Return whether another post of this browser ended its session a moment ago."""
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not cookie or request.session.session_key:
        return False
    row = PostedStep.objects.filter(browser=_browser_digest(cookie)).first()
    return row is not None and _is_recent(row, TTL)


def keep_session_unchanged(request: HttpRequest) -> None:
    """Let this answer neither write nor delete the browser's session.

    The other post's answer may have given the browser a new one, which a cookie of this answer would replace.
    Django does nothing for a session that does not say whether it was used.
    """
    session: Any = type(request.session)(request.session.session_key)
    del session.accessed
    request.session = session


def _is_recent(row: PostedStep, limit: float) -> bool:
    ago = seconds_since(row.at)
    return ago is not None and ago < limit


def _step_digest(pending: PendingSignIn) -> str:
    """Return what distinguishes this step from the next: Cognito's session string moves with each answer."""
    session = pending.challenge.cognito_session if pending.challenge else NOTHING
    given = SecretText(f"{session.reveal()} {pending.secret.reveal()} {pending.nonce}")
    return _digest(pending.step.name, given)


def _browser_digest(session_key: str) -> str:
    return _digest("browser", SecretText(session_key))


def _digest(what: str, text: SecretText) -> str:
    salt = f"cognito_mfa.sign_in.duplicate_submissions.{what}"
    return salted_hmac(salt, text.reveal(), algorithm="sha256").hexdigest()


def _delete_old() -> None:
    old = PostedStep.objects.filter(at__lt=timezone.now() - dt.timedelta(seconds=2 * TTL))
    keys = list(old.order_by("pk").values_list("pk", flat=True)[:DELETED_AT_ONCE])
    if keys:
        PostedStep.objects.filter(pk__in=keys).delete()
