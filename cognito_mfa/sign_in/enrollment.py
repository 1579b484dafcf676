"""Setting up an authenticator: a secret is asked for once, confirmed by a code, and written down."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from django.http import HttpRequest

from cognito_mfa.authenticator import code_attempts, email_delivery, identity_lookup, transitions
from cognito_mfa.authenticator.identity_lookup import ChallengedUser
from cognito_mfa.cognito import claims, user_api
from cognito_mfa.cognito.types import (
    MFA_SETUP,
    NOTHING,
    SOFTWARE_TOKEN_MFA,
    Challenge,
    Person,
    Tokens,
)
from cognito_mfa.exceptions import (
    BadCode,
    BadReply,
    ChallengeLost,
    ChallengeNotSupported,
    CognitoMFAError,
    ConfirmationNeeded,
    Unavailable,
)
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.sign_in import duplicate_submissions, refused_codes, setup_email
from cognito_mfa.sign_in.caller import caller_of
from cognito_mfa.sign_in.completion import (
    Outcome,
    complete_sign_in,
    identify,
    identify_signed_in,
    marking_refusals,
)
from cognito_mfa.sign_in.linking import Consent
from cognito_mfa.sign_in.pending import PendingSignIn, Step
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)

Status = CognitoIdentity.Status
Unconfirmed = CognitoIdentity.Unconfirmed


def start(request: HttpRequest, pending: PendingSignIn, given: Challenge | Tokens) -> Outcome:
    """Ask for a secret, with the session string of MFA_SETUP or the access token, never both.

    The page shows it as often as it is loaded; nothing but a new start asks for another.

    Args:
        request: whose session keeps the secret.
        pending: the sign-in or change that needs the setup.
        given: the MFA_SETUP challenge, or the tokens of a user without one.

    Raises:
        ChallengeNotSupported: the pool wants another factor set up.
    """
    if isinstance(given, Tokens):
        association = user_api.associate_software_token(access_token=given.access)
        waiting = replace(pending, tokens=given, challenge=None)
    else:
        if given.factors and SOFTWARE_TOKEN_MFA not in given.factors:
            raise ChallengeNotSupported("MFA_SETUP without SOFTWARE_TOKEN_MFA")
        association = user_api.associate_software_token(cognito_session=given.cognito_session)
        challenge = replace(given, cognito_session=association.cognito_session)
        # Cognito would ask for a code, if the earlier one had been confirmed.
        waiting = replace(
            pending, challenge=challenge, tokens=None, follows_lost_setup=pending.unconfirmed
        )
    # An emulator may give the same secret again.
    earlier = tuple(one for one in pending.earlier_secrets if one != association.secret)
    setup = replace(
        waiting,
        step=Step.SETUP,
        secret=association.secret,
        earlier_secrets=earlier,
        shown_at=time.time(),
    )
    setup.save(request)
    return Outcome(Step.SETUP, pending.next_url)


def verify(
    request: HttpRequest, pending: PendingSignIn, user: ChallengedUser, code: SecretText
) -> Challenge | Tokens:
    """Confirm the pending secret with ``code``; from success on Cognito has the authenticator.

    Args:
        request: the one that carries the code.
        pending: the sign-in or change that the setup is part of.
        user: whose setup it is.
        code: digits only.

    Returns:
        the tokens; or, where Cognito wants one more answer, its challenge.
    """
    challenge, tokens = pending.challenge, pending.tokens
    try:
        with (
            pending.discarding_on_failure(request),
            code_attempts.attempt(request, user=user, method=MFA_SETUP),
        ):
            session = user_api.verify_software_token(
                code,
                friendly_name=pending.friendly_name,
                cognito_session=challenge.cognito_session if challenge else NOTHING,
                access_token=tokens.access if tokens else NOTHING,
            )
    except BadCode as error:
        refused_codes.explain(error, code, secret=pending.secret, earlier=pending.earlier_secrets)
        raise
    except (Unavailable, BadReply) as error:
        if error.sent != "no":
            _record_unknown_outcome(request, pending, user.identity)
        raise
    if challenge is None:
        return tokens or Tokens(NOTHING)
    # Cognito has confirmed it from here on, whatever becomes of the sign-in: the next one must know.
    with replace(pending, unconfirmed=True).discarding_on_failure(request, always=True):
        answered = replace(challenge, cognito_session=session)
        return user_api.finish_setup(answered, caller=caller_of(request))


def finish(
    request: HttpRequest,
    pending: PendingSignIn,
    tokens: Tokens,
    *,
    consent: Consent = Consent.UNASKED,
) -> Outcome:
    """Record the confirmed authenticator, end other sessions, and sign in.

    Args:
        request: the one that carried the code.
        pending: the sign-in or change that the setup is part of.
        tokens: Cognito's, after the code was right.
        consent: what the user said about also being the one who is signed in in this browser.

    Raises:
        BadReply: the tokens belong to another user.
        ChallengeLost: something else changed it in between, and the current state is unknown.
    """
    pending.discard_progress(request)  # the secret is spent: it is neither shown nor kept
    username = pending.challenge.told_username if pending.challenge else ""
    person = claims.read_person(tokens, username=username)
    try:
        # By the site; Cognito has the authenticator by now, and asks for its code at each sign-in.
        with marking_refusals(has_authenticator=True):
            identity = _identify(request, pending, person, consent)
        with email_delivery.collect() as emails:
            token = transitions.record_setup(request, identity, pending.friendly_name)
            duplicate_submissions.forget_setup(identity.username)
    except ConfirmationNeeded:
        return ask_to_link(request, pending, tokens)
    except ChallengeLost:
        # Two phones at once, or a reset in between: only Cognito knows which came last.
        _record_unconfirmed(request, pending, person)
        raise
    # In a pool that requires MFA the setup challenge came first; elsewhere the access token.
    _prefer(identity, tokens, needed=pending.challenge is None)
    complete_sign_in(
        request,
        identity,
        tokens,
        method=SOFTWARE_TOKEN_MFA,
        signed_in_already=pending.signed_in_already,
    )
    setup_email.remember(request, token, emails)
    return Outcome(Step.SETUP_DONE, pending.next_url)


def _identify(
    request: HttpRequest, pending: PendingSignIn, person: Person, consent: Consent
) -> CognitoIdentity:
    """Return whose authenticator it is: the signed-in user's, or that of the user who signs in."""
    if pending.signed_in_already:
        return identify_signed_in(request, person, pending.required_snapshot)
    given = Consent.WITHHELD if pending.is_switching_user else consent
    return identify(request, person, pending.required_snapshot, given)


def ask_to_link(request: HttpRequest, pending: PendingSignIn, tokens: Tokens) -> Outcome:
    """Pause the sign-in until the signed-in user has said whether both accounts are theirs.

    Args:
        request: of the user who is signed in.
        pending: the sign-in that waits.
        tokens: Cognito's, of the sign-in.
    """
    waiting = replace(
        pending,
        step=Step.LINK,
        tokens=tokens,
        secret=NOTHING,
        earlier_secrets=(),
        link_user_pk=str(request.user.pk),
    )
    waiting.save(request)
    return Outcome(Step.LINK, pending.next_url)


def _prefer(identity: CognitoIdentity, tokens: Tokens, *, needed: bool) -> None:
    """Make the authenticator preferred; ``needed`` if Cognito would not ask for codes otherwise.

    In a pool that requires MFA this only makes the status readable: when it fails,
    nothing is lost. After a setup with the access token the status is uncertain until the next
    sign-in repairs it.
    """
    try:
        preferred = user_api.prefer_software_token(tokens.access)
    except CognitoMFAError as error:
        logger.warning("preference_not_set: %s", error)
        preferred = False
    if preferred:
        identity.record_status(Status.ENABLED, preferred_factor=SOFTWARE_TOKEN_MFA)
    elif needed:
        identity.record_status(Status.UNKNOWN, unconfirmed=Unconfirmed.SWITCH_ON)


def _record_unconfirmed(request: HttpRequest, pending: PendingSignIn, person: Person) -> None:
    identity = identity_lookup.by_sub(person.sub)
    if identity is not None:
        transitions.record_unconfirmed(
            request, identity, Unconfirmed.SET_UP, friendly_name=pending.friendly_name
        )


def _record_unknown_outcome(
    request: HttpRequest, pending: PendingSignIn, identity: CognitoIdentity | None
) -> None:
    """Remember that a code may have been accepted; the next sign-in finds out."""
    snapshot = pending.required_snapshot
    if identity is not None:
        alone = not snapshot.is_outdated_for(identity)
        read = identity.generation
        before = transitions.record_unconfirmed(
            request, identity, Unconfirmed.SET_UP, friendly_name=pending.friendly_name
        )
        if alone and before == read:  # this moved it, and nothing else
            snapshot = snapshot.for_identity(identity)
    kept = PendingSignIn.load(request)
    if kept is not None:
        # A step that is still valid may be tried again; one that is over starts a new sign-in.
        replace(kept, unconfirmed=True, snapshot=snapshot, earlier_secrets=()).save(request)
