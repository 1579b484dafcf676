"""The question to the signed-in user, whether the account of the pool is theirs as well."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from cognito_mfa.cognito import claims, user_api
from cognito_mfa.cognito.types import MFA_SETUP, NOTHING, Person, Tokens
from cognito_mfa.exceptions import (
    BadReply,
    BadReplyReason,
    CognitoMFAError,
    LinkRefusedReason,
    TokenRejected,
)
from cognito_mfa.sign_in import enrollment, linking, next_step
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.linking import Consent
from cognito_mfa.sign_in.pending import PendingSignIn, Step, clear_pending
from cognito_mfa.sign_in.subject import check_current


def confirm(request: HttpRequest) -> Outcome:
    """Continue the sign-in after the signed-in user said that both accounts are theirs.

    Raises:
        ChallengeLost: it waited for another user, or not at all.
        LinkRefused: it cannot be linked after all.
        TokenRejected: the user is gone, disabled or signed out everywhere since.
    """
    pending = _load_pending(request)
    _check_still_valid(request, pending)
    tokens, passed = pending.tokens or Tokens(NOTHING), pending.challenge
    rest = replace(pending, step=Step.START, tokens=None, link_user_pk="")
    if passed is not None and passed.name == MFA_SETUP:
        return enrollment.finish(request, rest, tokens, consent=Consent.GIVEN)
    return next_step.finish_with_tokens(
        request, replace(rest, challenge=None), tokens, passed, Consent.GIVEN
    )


def decline(request: HttpRequest) -> None:
    """Forget the sign-in that waited, because its account is not the signed-in user's.

    Raises:
        ChallengeLost: it waited for another user, or not at all.
    """
    pending = _load_pending(request)
    clear_pending(request)
    linking.record_refusal(person_of(pending), request.user, LinkRefusedReason.DECLINED)


def discard_foreign(request: HttpRequest) -> None:
    """Forget a sign-in that waits for a user who is not signed in, or whose tokens are of no use here."""
    pending = PendingSignIn.load(request)
    if pending is None or pending.step is not Step.LINK:
        return
    try:
        person = person_of(pending)
    except CognitoMFAError:  # of another pool than the settings name by now
        clear_pending(request)
        return
    if not pending.is_for(request.user):
        clear_pending(request)
        linking.record_refusal(person, request.user, LinkRefusedReason.ANOTHER_USER)


def _load_pending(request: HttpRequest) -> PendingSignIn:
    discard_foreign(request)
    pending = PendingSignIn.load(request) or PendingSignIn()
    check_current(request, pending, Step.LINK)
    return pending


def _check_still_valid(request: HttpRequest, pending: PendingSignIn) -> None:
    """Ask Cognito whether the sign-in is still valid, which waited until the user answered.

    SECURITY: a link lasts. A user who was deleted, disabled, or signed out everywhere in between must not get one,
    and a namesake who came after them must not be taken for a deleted user.
    """
    tokens, person = pending.tokens or Tokens(NOTHING), person_of(pending)
    try:
        account = user_api.own_account(tokens.access)
    except TokenRejected:
        pending.discard_progress(request)
        linking.record_refusal(person, request.user, LinkRefusedReason.SIGN_IN_EXPIRED)
        raise
    if account.sub != person.sub:
        pending.discard_progress(request)
        raise BadReply("GetUser", reason=BadReplyReason.ANOTHER_USER)


def person_of(pending: PendingSignIn) -> Person:
    """Return the user who waits to be linked, as the tokens say; Cognito is not asked."""
    return claims.read_person(pending.tokens or Tokens(NOTHING))


def digest(pending: PendingSignIn) -> str:
    """Return what distinguishes this question from that of a sign-in in another tab.

    SECURITY: an answer is about the accounts that the page named, and about no others.
    """
    both = f"{person_of(pending).sub} {pending.link_user_pk}"
    return salted_hmac("cognito_mfa.link", both, algorithm="sha256").hexdigest()
