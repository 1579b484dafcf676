"""What follows from Cognito's reply: another page, the setup, a change, or the end of the sign-in."""

from __future__ import annotations

import logging
from dataclasses import replace

from django.http import HttpRequest

from cognito_mfa.authenticator import code_attempts, password_changes, recovery, transitions
from cognito_mfa.cognito import claims
from cognito_mfa.cognito.types import (
    CODE_PARAMETERS,
    MFA_SETUP,
    NEW_PASSWORD_REQUIRED,
    SELECT_MFA_TYPE,
    SOFTWARE_TOKEN_MFA,
    Challenge,
    Tokens,
)
from cognito_mfa.enforcement import policy
from cognito_mfa.exceptions import (
    ChallengeNotSupported,
    ConfirmationNeeded,
    Refused,
    RefusedReason,
    RemovalNotAllowed,
)
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in import (
    completion,
    device_naming,
    enrollment,
    linking,
    password_change,
    removal,
    sign_out_elsewhere,
)
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.linking import Consent
from cognito_mfa.sign_in.pending import PendingSignIn, Purpose, Step
from cognito_mfa.sign_in.subject import bind_to, subject_of


def take(
    request: HttpRequest,
    pending: PendingSignIn,
    reply: Challenge | Tokens,
    *,
    passed: Challenge | None = None,
    counted_by_name: bool = False,
    rows: list[CognitoIdentity] | None = None,
) -> Outcome:
    """Take the step that ``reply`` asks for.

    Args:
        request: the one that brought the reply.
        pending: what the reply belongs to.
        reply: Cognito's.
        passed: the factor that was answered just now.
        counted_by_name: its code was counted by the username, as the ``sub`` was not known.
        rows: the identities of the name in the reply; by default they are read.

    Raises:
        RemovalNotAllowed: there is nothing to turn off, and the pool wants an authenticator app set up.
        ChallengeNotSupported: the step is none that this app knows.
    """
    if isinstance(reply, Tokens):
        return finish_with_tokens(request, pending, reply, passed, counted_by_name=counted_by_name)
    if reply.name == MFA_SETUP:
        if pending.purpose is Purpose.REMOVE:
            raise RemovalNotAllowed("pool")  # nothing to turn off, and the pool wants it set up
        return _start_setup(request, pending, reply, rows)
    if reply.name == NEW_PASSWORD_REQUIRED:
        return _save_step(request, replace(pending, step=Step.NEW_PASSWORD, challenge=reply))
    if not _is_supported(reply):
        raise _not_supported(reply)
    offered = reply.name == SOFTWARE_TOKEN_MFA and recovery.is_possible()
    pending = replace(pending, step=Step.CHALLENGE, challenge=reply, offers_recovery=offered)
    if pending.purpose is not Purpose.REPLACE:  # no setup follows
        pending = replace(pending, earlier_secrets=())
    return _save_step(request, device_naming.with_device(pending, subject_of(pending, rows)))


def _start_setup(
    request: HttpRequest,
    pending: PendingSignIn,
    challenge: Challenge,
    rows: list[CognitoIdentity] | None,
) -> Outcome:
    if pending.purpose is Purpose.SIGN_OUT:  # first things first; nothing was ended
        pending = replace(pending, purpose=Purpose.SIGN_IN)
    user = subject_of(replace(pending, challenge=challenge), rows)
    was_reset = transitions.was_reset_by_administrator(user.identity)
    return enrollment.start(request, replace(pending, was_reset=was_reset), challenge)


def _not_supported(challenge: Challenge) -> ChallengeNotSupported:
    """Log the unsupported challenge, and return the error to raise."""
    unknown = ChallengeNotSupported(challenge.name)
    log_events.write(
        "challenge_not_supported",
        f"challenge {challenge.name!r:.64}",
        cause=unknown,
        level=logging.WARNING,
    )
    return unknown


def _is_supported(challenge: Challenge) -> bool:
    if challenge.name == SELECT_MFA_TYPE:
        return any(factor in CODE_PARAMETERS for factor in challenge.factors)
    return challenge.name in CODE_PARAMETERS


def _save_step(request: HttpRequest, pending: PendingSignIn) -> Outcome:
    pending.save(request)
    return Outcome(pending.step, pending.next_url)


def finish_with_tokens(
    request: HttpRequest,
    pending: PendingSignIn,
    tokens: Tokens,
    passed: Challenge | None,
    consent: Consent = Consent.UNASKED,
    *,
    counted_by_name: bool = True,
) -> Outcome:
    """Sign in, or lead into the setup.

    Tokens alone say nothing about MFA: in a pool where it is optional, a password is enough for them.

    Args:
        request: the one that brought the tokens.
        pending: what they belong to.
        tokens: Cognito's.
        passed: the factor that was answered for them.
        consent: what the user said about also being the one who is signed in in this browser.
        counted_by_name: its code may have been counted by the username.

    Raises:
        Refused: a user without an identity here made a change.
    """
    # Cognito has used up its session string, whatever happens now.
    pending.discard_progress(request)
    try:
        identity = _identify(request, pending, tokens, passed, consent)
    except ConfirmationNeeded:
        return enrollment.ask_to_link(request, replace(pending, challenge=passed), tokens)
    method = passed.name if passed else ""
    is_recorded = method == SOFTWARE_TOKEN_MFA
    if passed and counted_by_name:
        code_attempts.move_to_sub(identity.username, identity.sub)
    if passed and is_recorded:
        completion.record_use(request, identity, passed, unconfirmed=pending.unconfirmed)
    _check_change(request, pending, identity)
    pending = bind_to(pending, identity)
    if pending.is_change:
        return _change(request, pending, identity, tokens, method=method)
    if not passed and requires_factor(request, pending, identity):
        was_reset = transitions.was_reset_by_administrator(identity)
        pending = replace(pending, was_reset=was_reset)
        return enrollment.start(request, pending, tokens)
    completion.complete_sign_in(request, identity, tokens, method=method, is_recorded=is_recorded)
    return Outcome(Step.DONE, pending.next_url)


def _identify(
    request: HttpRequest,
    pending: PendingSignIn,
    tokens: Tokens,
    passed: Challenge | None,
    consent: Consent,
) -> CognitoIdentity:
    """Return the identity whose tokens these are, after checking what they say about the factor."""
    person = claims.read_person(tokens, username=passed.told_username if passed else "")
    if passed:
        completion.check_factor_claims(person)
    if pending.is_change and linking.known(person) is None:
        raise Refused(reason=RefusedReason.ANOTHER_USER)  # a change creates no user
    has_authenticator = passed is not None and passed.name == SOFTWARE_TOKEN_MFA
    given = Consent.WITHHELD if pending.is_switching_user else consent
    with completion.marking_refusals(has_authenticator=has_authenticator):
        return completion.identify(request, person, pending.required_snapshot, given)


def _check_change(request: HttpRequest, pending: PendingSignIn, identity: CognitoIdentity) -> None:
    """Check that users change their own settings, and settle what an earlier change left open."""
    if pending.is_change:
        removal.check_own(request, identity)
        password_changes.settle(request, identity)


def _change(
    request: HttpRequest,
    pending: PendingSignIn,
    identity: CognitoIdentity,
    tokens: Tokens,
    *,
    method: str,
) -> Outcome:
    if pending.purpose is Purpose.SIGN_OUT:
        return sign_out_elsewhere.with_token(request, identity, tokens.access, method=method)
    if pending.purpose is Purpose.REPLACE:
        has_old = method == SOFTWARE_TOKEN_MFA or identity.software_token is not None
        return enrollment.start(request, replace(pending, has_old_app=has_old), tokens)
    if pending.purpose is Purpose.CHANGE_PASSWORD:
        return password_change.start(request, pending, tokens)
    return removal.remove(request, identity, tokens)


def requires_factor(
    request: HttpRequest, pending: PendingSignIn, identity: CognitoIdentity
) -> bool:
    """Return whether this sign-in must not be completed without MFA.

    Args:
        request: of the sign-in.
        pending: the sign-in.
        identity: the user's.
    """
    if pending.purpose is Purpose.SET_UP:
        return True
    return policy.is_enforced() and policy.is_required(request, identity.user)
