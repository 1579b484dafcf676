"""Accepts a recovery code instead of a lost device's code, and resets the authenticator app.

The next sign-in leads to the setup.
"""

from __future__ import annotations

from django.http import HttpRequest

from cognito_mfa.authenticator import (
    code_attempts,
    identity_lookup,
    recovery,
    recovery_codes,
    username_reuse,
)
from cognito_mfa.authenticator.identity_lookup import ChallengedUser
from cognito_mfa.cognito import admin_api, claims
from cognito_mfa.cognito.types import Challenge, Tokens
from cognito_mfa.exceptions import ChallengeLost, ChallengeLostReason, UserGone
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.sign_in import completion
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.sign_in.subject import check_current, subject_of
from cognito_mfa.values.secret_text import SecretText


def recover(request: HttpRequest, pending: PendingSignIn, *, code: SecretText) -> bool:
    """Reset the authenticator whose code is asked for, with a recovery code.

    The sign-in is over then: the password starts a new one, which leads to the setup.

    Args:
        request: the one that carries the recovery code.
        pending: this browser's pending sign-in.
        code: in normal form.

    Returns:
        Whether Cognito confirmed it. If not, the next sign-in finishes it.

    Raises:
        BadCode: wrong or used; the same page may try again.
        Busy: too soon after a wrong code, or Cognito throttles; the recovery code is still valid.
        CodeAttemptsLocked: too many wrong codes.
        ChallengeLost: start again.
        CognitoMFAError: Cognito refused the reset; the recovery code is still valid.
    """
    rows = check_current(request, pending, Step.CHALLENGE)
    if not (pending.offers_recovery and recovery.is_possible()):
        raise ChallengeLost(reason=ChallengeLostReason.NOT_OFFERED)
    user = subject_of(pending, rows)
    with (
        pending.discarding_on_failure(request),
        code_attempts.attempt(request, user=user, method=recovery_codes.METHOD),
    ):
        identity = _certain_identity(user)
        found = recovery_codes.check(identity, code)
        completion.check_active(found.identity)
        started = recovery.start(found.identity, found)
    _expect_setup(request, pending)  # now: what comes next may fail, and the challenge is void
    return recovery.finish(started)


def finish_interrupted(reply: Challenge | Tokens) -> bool:
    """Finish the reset that a recovery code started, if it was interrupted; return whether that was done.

    SECURITY: a challenge contains only a name, which a former user may have had. The reset is about the ``sub`` that
    asked for it, and changes nothing for another user.
    """
    identity = (
        identity_lookup.by_sub(claims.read_person(reply).sub)
        if isinstance(reply, Tokens)
        else identity_lookup.by_username(reply.username)
    )
    return identity is not None and recovery.finish_interrupted(identity)


def _certain_identity(user: ChallengedUser) -> CognitoIdentity | None:
    """Return the identity of ``user``, if it is certainly theirs.

    SECURITY: a challenge contains only a name, which may be a former user's. Their codes must not be good for the
    account of the user who has the name now, so Cognito is asked who has it.

    Raises:
        CognitoMFAError: Cognito did not say; no code was looked at.
    """
    identity = user.identity
    if identity is None or user.sub:
        return identity
    try:
        factors = admin_api.read_factors(identity.sub)
    except UserGone:
        username_reuse.retire(identity)
        return None
    return identity if factors.username == user.username else None


def _expect_setup(request: HttpRequest, pending: PendingSignIn) -> None:
    """Let the next sign-in of this browser lead to the setup; a change by a signed-in user is over."""
    following = PendingSignIn(
        purpose=Purpose.SET_UP,
        username=pending.username,
        next_url="" if pending.is_change else pending.next_url,
        is_switching_user=pending.is_switching_user,
    )
    following.save(request)
