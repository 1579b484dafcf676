"""One answer at a time for each step: of posts that come at once, a double click, one goes to Cognito.

A code works once. Of two posts of the same code the second would be told that it is wrong, or to start again,
after the first one signed the user in; and the browser shows the answer to the second.

What was claimed is a row, since a site has more than one process, and a lock would be held while Cognito answers.
The row of a step that is over is kept: a late post of it is told to wait as well, and nothing needs to be written.
That of a setup also tells the next sign-in of an authenticator that Cognito confirmed for a process that was killed before
the site recorded it.
Only who has a pending sign-in, and so gave the right password, or a reset with the right code can leave one.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from cognito_mfa.cognito.deadline import DEADLINE
from cognito_mfa.cognito.types import NOTHING
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for
from cognito_mfa.models import PostedStep
from cognito_mfa.sign_in.pending import TTL, PendingSignIn, Step
from cognito_mfa.values.clocks import seconds_since
from cognito_mfa.values.secret_text import SecretText

# Seconds after which a post that never ended, such as of a killed process, is forgotten: its calls share one deadline.
ABANDONED_AFTER = DEADLINE + 8.0
KEPT = 2.0 * TTL  # seconds
DELETE_EVERY = 20  # rows from one cleanup to the next
DELETED_AT_ONCE = 100  # old rows that one cleanup deletes at most


class Claim(NamedTuple):
    """A step that one post answers.

    Attributes:
        row: what keeps other posts of it away.
        follows_setup: whether the row also tells of a setup that the browser posted earlier.
    """

    row: PostedStep
    follows_setup: bool


def claim(request: HttpRequest, pending: PendingSignIn) -> Claim | None:
    """Claim the step for this post.

    None if another post of it is on its way, or was accepted a moment ago.

    Args:
        request: the one that answers the step.
        pending: the sign-in that the step belongs to.
    """
    browser, step = _browser_digest(request.session.session_key or ""), _step_digest(pending)
    setup_of = _user_digest(_pool_username(pending)) if pending.step is Step.SETUP else ""
    try:
        with atomic_for(PostedStep):  # most steps are the first that a session key claims
            made = PostedStep.objects.create(browser=browser, step=step, setup_of=setup_of)
    except IntegrityError:
        return _claim_next_step(browser, step, setup_of)
    if made.pk % DELETE_EVERY == 0:
        _delete_old()
    return Claim(made, follows_setup=False)


def _claim_next_step(browser: str, step: str, setup_of: str) -> Claim | None:
    """Claim the step in the existing row of the browser's session key."""
    first = {"step": step, "setup_of": setup_of}
    row, made = PostedStep.objects.get_or_create(browser=browser, defaults=first)
    if made:  # the other submission released it just now
        return Claim(row, follows_setup=False)
    if row.step == step and _is_recent(row, ABANDONED_AFTER):
        return None
    follows_setup = bool(row.setup_of and not setup_of)
    unchanged = PostedStep.objects.filter(pk=row.pk, step=row.step, at=row.at)
    row.step, row.at, row.setup_of = step, timezone.now(), setup_of or row.setup_of
    if not unchanged.update(step=row.step, at=row.at, setup_of=row.setup_of):
        return None
    return Claim(row, follows_setup)


def release(claim: Claim) -> None:
    """Allow another answer to the step: the code was wrong, or the outcome is unknown."""
    row = claim.row
    unchanged = PostedStep.objects.filter(pk=row.pk, step=row.step, at=row.at)
    if claim.follows_setup:
        unchanged.update(step="")
    else:
        unchanged.delete()


def has_unrecorded_setup(username: str) -> bool:
    """Return whether Cognito may have confirmed an authenticator that was never recorded.

    Args:
        username: the pool's own name of the user.
    """
    rows = PostedStep.objects.filter(setup_of=_user_digest(username))
    return any(_is_recent(row, KEPT) for row in rows)


def forget_setup(username: str) -> None:
    """Remember that the setups which were posted for ``username`` are recorded."""
    PostedStep.objects.filter(setup_of=_user_digest(username)).update(setup_of="")


def is_late(request: HttpRequest) -> bool:
    """Return whether another post of this browser ended its session a moment ago."""
    cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not cookie or request.session.session_key:
        return False
    row = PostedStep.objects.filter(browser=_browser_digest(cookie)).first()
    return row is not None and _is_recent(row, TTL)


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


def _pool_username(pending: PendingSignIn) -> str:
    return pending.challenge.username if pending.challenge else pending.username


def _user_digest(username: str) -> str:
    return _digest("setup", SecretText(f"{get_conf().USER_POOL_ID} {username}"))


def _digest(what: str, text: SecretText) -> str:
    salt = f"cognito_mfa.sign_in.duplicate_submissions.{what}"
    return salted_hmac(salt, text.reveal(), algorithm="sha256").hexdigest()


def _delete_old() -> None:
    old = PostedStep.objects.filter(at__lt=timezone.now() - dt.timedelta(seconds=KEPT))
    keys = list(old.order_by("pk").values_list("pk", flat=True)[:DELETED_AT_ONCE])
    if keys:
        PostedStep.objects.filter(pk__in=keys).delete()
