"""Handles sign-ins where Cognito asks for no code although the user should have an authenticator app."""

from __future__ import annotations

from functools import partial

from django.http import HttpRequest

from cognito_mfa.authenticator import identity_lookup, transitions
from cognito_mfa.cognito import claims, user_api
from cognito_mfa.cognito.types import Challenge, Tokens
from cognito_mfa.exceptions import BadReply, BadReplyReason, ChallengeLost, ChallengeLostReason
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.sign_in import next_step
from cognito_mfa.sign_in.caller import caller_of
from cognito_mfa.sign_in.pending import PendingSignIn
from cognito_mfa.sign_in.subject import bind_to
from cognito_mfa.values.secret_text import SecretText

Status = CognitoIdentity.Status
Unconfirmed = CognitoIdentity.Unconfirmed


def handle(
    request: HttpRequest, pending: PendingSignIn, tokens: Tokens, password: SecretText
) -> tuple[PendingSignIn, Challenge | Tokens]:
    """Find out why Cognito asked for no code, and make it ask if the user must or wants to have MFA.

    The authenticator is switched on again and the sign-in starts over, if the policy or the user wants that: where the
    call that sets the preference was lost, a password is enough although the authenticator is verified. Otherwise it
    was turned off, here or elsewhere, and that is recorded.

    Args:
        request: the one that carries the password.
        pending: this browser's pending sign-in.
        tokens: what Cognito returned for the password.
        password: as typed.

    Returns:
        the sign-in with what is recorded now as its start, and the next challenge or the tokens.

    Raises:
        ChallengeLost: something changed the user's MFA since the sign-in began.
        BadReply: Cognito asks for no code even after the authenticator was switched on.
    """
    identity = identity_lookup.by_sub(claims.read_person(tokens).sub)
    if identity is None or identity.status not in (Status.ENABLED, Status.UNKNOWN):
        return pending, tokens
    if pending.required_snapshot.is_outdated_for(identity):
        raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
    if transitions.was_removed_or_reset(identity):
        # SECURITY: where a reset could only turn it off, the lost phone would be in charge again.
        transitions.record_expected_absence(identity)
        return bind_to(pending, identity), tokens
    required = next_step.requires_factor(request, pending, identity)
    if required or identity.unconfirmed in (Unconfirmed.SET_UP, Unconfirmed.SWITCH_ON):
        ask = partial(user_api.prefer_software_token, tokens.access)
        if transitions.switch_on(identity, ask):
            reply = _retry_with_factor(request, pending.username, password)
            return bind_to(pending, identity), reply
        if identity.software_token is None:
            identity.record_status(Status.NOT_SET_UP)
            return pending, tokens
    elsewhere = identity.unconfirmed != Unconfirmed.REMOVAL
    transitions.record_removal(request, identity, elsewhere=elsewhere)
    return bind_to(pending, identity), tokens


def _retry_with_factor(request: HttpRequest, username: str, password: SecretText) -> Challenge:
    """Start over with the authenticator switched on.

    Args:
        request: the one that carries the password.
        username: as typed.
        password: as typed.

    Raises:
        BadReply: Cognito asks no code all the same; the password alone must not lead any further.
    """
    reply = user_api.start_sign_in(username, password, caller=caller_of(request))
    if isinstance(reply, Tokens):
        raise BadReply("InitiateAuth", reason=BadReplyReason.FACTOR_NOT_ASKED)
    return reply
