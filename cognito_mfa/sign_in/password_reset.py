"""Forgotten passwords: a code is sent, and another password is set with it.

It signs no one in: the code of a mailbox proves nothing about MFA, so the user then signs in as usual.

SECURITY: until the code was right, nothing here depends on whether the user exists.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from dataclasses import replace

from django.db.models import Q
from django.http import HttpRequest

from cognito_mfa.authenticator import identity_lookup, password_changes
from cognito_mfa.cognito import deadline, user_api, user_directory
from cognito_mfa.cognito.types import NOTHING
from cognito_mfa.exceptions import (
    BadCode,
    BadCredentials,
    ChallengeLost,
    ChallengeLostReason,
    CognitoMFAError,
    PasswordRejected,
)
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in import reset_note
from cognito_mfa.sign_in.caller import caller_of
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import PendingSignIn, Step
from cognito_mfa.values.comparison import same
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds that asking whose password it was may take; the reset itself is done
# What Cognito says of single users every day; everything else is for the operator to look at.
EVERYDAY = ("", "NotAuthorizedException", "UserNotFoundException", "UserNotConfirmedException")


def send_code(request: HttpRequest, *, username: str, next_url: str) -> Outcome:
    """Ask Cognito to send a code, and wait for it; the outcome is the same for every username.

    Args:
        request: whose session waits.
        username: as typed; may be an alias.
        next_url: where to go after the sign-in; validated when it is used.

    Raises:
        Busy: there were too many requests.
    """
    try:
        user_api.send_reset_code(username, caller=caller_of(request))
    except BadCredentials as error:
        level = logging.INFO if error.error in EVERYDAY else logging.WARNING
        log_events.write("reset_code_not_sent", str(error), cause=error, level=level)
    return wait_for_code(request, username=username, next_url=next_url, requested=True)


def wait_for_code(
    request: HttpRequest,
    *,
    username: str,
    next_url: str,
    required: bool = False,
    requested: bool = False,
) -> Outcome:
    """Wait for a code that was sent already: a moment ago, or when an administrator reset the password.

    Args:
        request: whose session waits.
        username: as typed; may be an alias.
        next_url: where to go after the sign-in; validated when it is used.
        required: the password works no more until it is reset.
        requested: the code was asked for just now.
    """
    waiting = PendingSignIn(
        step=Step.PASSWORD_RESET,
        username=username,
        next_url=next_url,
        nonce=secrets.token_hex(8),
        code_requested=requested,
        reset_required=required,
    )
    _save(request, waiting)
    return Outcome(Step.PASSWORD_RESET, next_url)


def set_password(
    request: HttpRequest, pending: PendingSignIn, *, code: SecretText, password: SecretText
) -> Outcome:
    """Set the new password with the code; the next step is an ordinary sign-in.

    Args:
        request: the one that carries both.
        pending: this browser's reset.
        code: digits only; empty for the one that was entered before.
        password: the new one, as typed.

    Raises:
        BadCode: wrong or expired, or no such user; the same page may try again.
        PasswordRejected: the pool's policy refuses the password; the code is kept for the next try.
        Busy: there were too many attempts.
        ChallengeLost: this browser's reset is not at this step.
        Unavailable: Cognito may have set it, or not.
    """
    if pending.step is not Step.PASSWORD_RESET:
        raise ChallengeLost(reason=ChallengeLostReason.NOTHING_PENDING)
    code = code or pending.reset_code
    try:
        with pending.discarding_on_failure(request), reset_note.sending(request, pending.username):
            user_api.reset_password(pending.username, code, password, caller=caller_of(request))
    except PasswordRejected:
        _save(request, replace(pending, reset_code=code))
        raise
    except BadCode:
        _save(request, replace(pending, reset_code=NOTHING))
        raise
    pending.discard_progress(request)
    _record(request, pending.username)
    return Outcome(Step.START, pending.next_url)


def _save(request: HttpRequest, pending: PendingSignIn) -> None:
    """Save the reset under a new session key.

    With the old one, someone else could use the code that is kept.
    """
    pending.save(request)
    if request.session.session_key:
        request.session.cycle_key()


def _record(request: HttpRequest, username: str) -> None:
    """Record the reset for the user whose password it was, and end what the old password opened.

    SECURITY: only Cognito can say whose it was, because the name may have been another user's when it was stored
    here. If this site may not ask, the sessions of every user who may be meant end, and no email is sent until the
    next sign-in shows who it is.
    """
    try:
        with deadline.within(PATIENCE):
            found = user_directory.known_as(username)
    except CognitoMFAError as error:
        logger.info("password_reset_not_attributed: %s", error)
        reset_note.remember(request, username, certain=True)
        _end_sessions_of_namesakes(username)
        return
    identity = identity_lookup.by_sub(found.sub) if found else None
    if identity is not None:
        with suppress(ChallengeLost):  # deleted a moment ago
            password_changes.record_reset(request, identity)
    elif found is not None:
        password_changes.record_reset_of_stranger(found.person)


def _end_sessions_of_namesakes(username: str) -> None:
    rows = CognitoIdentity.objects.in_pool().select_related("user")
    near = Q(username__iexact=username) | Q(sub=username) | Q(email__iexact=username)
    meant = [
        identity
        for identity in rows.filter(near)
        if any(same(username, name) for name in (identity.username, identity.sub, identity.email))
    ]
    for identity in meant:
        with suppress(ChallengeLost):
            password_changes.end_sessions(identity)
    if all(identity.status == CognitoIdentity.Status.GONE for identity in meant):
        password_changes.record_doubt_about_stranger(username)
