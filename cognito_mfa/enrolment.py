"""Setting up an authenticator: a secret is asked for once, confirmed by a code, and written down."""

from __future__ import annotations

import logging
from dataclasses import replace

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from cognito_mfa import codes, notices, signals
from cognito_mfa import gateway as cognito
from cognito_mfa.exceptions import BadReply, ChallengeNotSupported, CognitoMFAError, Unavailable
from cognito_mfa.gateway import Challenge, Tokens, get_gateway
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken
from cognito_mfa.pending import PendingSignIn, Step
from cognito_mfa.promotion import Outcome, complete, identify, identify_signed_in

logger = logging.getLogger(__name__)

Status = CognitoIdentity.Status


@sensitive_variables()
def begin(request: HttpRequest, begun: PendingSignIn, given: Challenge | Tokens) -> Outcome:
    """Ask for a secret, with the session string of MFA_SETUP or the access token, never both.

    The page shows it as often as it is loaded; nothing but a new start asks for another.
    """
    if isinstance(given, Tokens):
        association = get_gateway().associate_software_token(access_token=given.access)
        waiting = replace(begun, tokens=given, challenge=None)
    else:
        if given.factors and cognito.SOFTWARE_TOKEN_MFA not in given.factors:
            raise ChallengeNotSupported("sign-in", "MFA_SETUP without an authenticator app")
        association = get_gateway().associate_software_token(cognito_session=given.cognito_session)
        challenge = replace(given, cognito_session=association.cognito_session)
        waiting = replace(begun, challenge=challenge, tokens=None)
    replace(waiting, step=Step.SETUP, secret=association.secret).save(request)
    return Outcome(Step.SETUP, begun.next_url)


@sensitive_variables()
def verify(request: HttpRequest, begun: PendingSignIn, code: str) -> Challenge | Tokens:
    """Confirm the pending secret with ``code``; from success on Cognito has the authenticator.

    Returns:
        the tokens; or, where Cognito wants one more answer, its challenge.
    """
    challenge, tokens = begun.challenge, begun.tokens
    username = challenge.username if challenge else _username(tokens)
    try:
        with (
            begun.starting_again(request),
            codes.attempt(request, username=username, method=cognito.MFA_SETUP),
        ):
            session = get_gateway().verify_software_token(
                code,
                friendly_name=begun.friendly_name,
                cognito_session=challenge.cognito_session if challenge else "",
                access_token=tokens.access if tokens else "",
            )
    except (Unavailable, BadReply) as error:
        if tokens and getattr(error, "sent", "unknown") != "no":
            _outcome_unknown(tokens)
        raise
    if challenge is None:
        return tokens or Tokens("")
    with begun.starting_again(request, always=True):
        return get_gateway().finish_setup(replace(challenge, cognito_session=session))


@sensitive_variables()
def finish(request: HttpRequest, begun: PendingSignIn, tokens: Tokens) -> Outcome:
    """Write down the confirmed authenticator, end other sessions, and sign in.

    Raises:
        BadReply: the tokens are somebody else's.
    """
    begun.start_again(request)  # the secret is spent: it is never shown again
    username = begun.challenge.username if begun.challenge else ""
    person = get_gateway().person(tokens, username=username)
    known = identify_signed_in if begun.signed_in_already else identify
    identity = known(request, person)
    before = identity.software_token
    with transaction.atomic():
        token = SoftwareToken.activate(identity, friendly_name=begun.friendly_name)
        kind = Kind.SOFTWARE_TOKEN_REPLACED if before else Kind.SOFTWARE_TOKEN_VERIFIED
        MFAEvent.objects.record(kind, identity, detail=token.friendly_name)
        identity.learn(Status.ENABLED)
        identity.move_generation()
    # In a pool that requires MFA the challenge of the set-up came first; elsewhere the access token.
    _prefer(identity, tokens, needed=begun.challenge is None)
    _announce(request, identity, token, before)
    complete(
        request,
        identity,
        tokens,
        method=cognito.SOFTWARE_TOKEN_MFA,
        signed_in_already=begun.signed_in_already,
    )
    return Outcome(Step.SETUP_DONE, begun.next_url)


Kind = MFAEvent.Kind


def _announce(
    request: HttpRequest,
    identity: CognitoIdentity,
    token: SoftwareToken,
    before: SoftwareToken | None,
) -> None:
    if before is None:
        notices.send("software_token_verified", identity, software_token=token)
        signals.software_token_verified.send_robust(
            sender=CognitoIdentity, request=request, identity=identity, software_token=token
        )
        return
    notices.send("software_token_replaced", identity, software_token=token, before=before)
    signals.software_token_replaced.send_robust(
        sender=CognitoIdentity,
        request=request,
        identity=identity,
        software_token=token,
        before=before,
    )


@sensitive_variables()
def _prefer(identity: CognitoIdentity, tokens: Tokens, *, needed: bool) -> None:
    """Make the authenticator the preferred factor; ``needed`` where Cognito asks for no code without.

    In a pool that requires MFA this only makes the status readable (facts §3.5): when it fails,
    nothing is lost. After a set-up with the access token the status is in doubt until the next
    sign-in repairs it.
    """
    try:
        preferred = get_gateway().prefer_software_token(tokens.access)
    except CognitoMFAError as error:
        logger.warning("preference_not_set: %s", error)
        preferred = False
    if preferred:
        identity.learn(Status.ENABLED, preferred_factor=cognito.SOFTWARE_TOKEN_MFA)
    elif needed:
        identity.learn(Status.UNKNOWN)


@sensitive_variables()
def _username(tokens: Tokens | None) -> str:
    return get_gateway().person(tokens or Tokens("")).username


@sensitive_variables()
def _outcome_unknown(tokens: Tokens) -> None:
    """Remember that a code may have been accepted; the next sign-in finds out.

    With a session string there is nothing to remember: the next challenge tells it, a code or a set-up.
    """
    person, pool_id = get_gateway().person(tokens), get_gateway().conf.USER_POOL_ID
    CognitoIdentity.objects.filter(sub=person.sub, pool_id=pool_id).update(
        status=Status.UNKNOWN, checked_at=timezone.now()
    )
