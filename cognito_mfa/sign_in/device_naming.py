"""The name of the device on the page that asks for its code."""

from __future__ import annotations

import logging
from dataclasses import replace

from cognito_mfa.authenticator import transitions, username_reuse
from cognito_mfa.authenticator.identity_lookup import ChallengedUser
from cognito_mfa.cognito import admin_api
from cognito_mfa.exceptions import CognitoMFAError, UserGone
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.sign_in.pending import PendingSignIn
from cognito_mfa.sign_in.subject import subject_of

Unconfirmed = CognitoIdentity.Unconfirmed

logger = logging.getLogger(__name__)


def with_device(pending: PendingSignIn, user: ChallengedUser) -> PendingSignIn:
    """Return ``pending`` with the name of the device that holds the authenticator.

    Ours first, where the user is known: Cognito knows only the name given at setup, and cannot change it.
    While it is unknown which of two devices has the active authenticator, none is named.

    SECURITY: by the username alone the row may be a former user's, and what they call their phone is their own
    affair. Then Cognito's name of the authenticator must be one that was given here.

    Args:
        pending: with the challenge that asks for the code.
        user: whose sign-in it is, as far as that is known.
    """
    if _may_be_renamed(user):
        pending, user = _identify_renamed_device(pending, user)
    identity, told = user.identity, user.device or pending.required_challenge.friendly_name
    if identity and identity.device_name == "" and identity.device_cognito_name == told:
        told = ""  # the user removed the name, which Cognito still has
    is_unconfirmed = identity is not None and identity.unconfirmed == Unconfirmed.SET_UP
    # Of a first setup there is no other app: since Cognito asks for a code, it was confirmed.
    is_second = is_unconfirmed and identity is not None and identity.device_name is not None
    if identity and is_second and (user.sub or _has_known_name(identity, told)):
        return replace(pending, device_name="", is_setup_unconfirmed=True)
    ours = identity.device_name if identity and user.sub else ""
    return replace(pending, device_name=ours or told, is_setup_unconfirmed=False)


def _has_known_name(identity: CognitoIdentity, told: str) -> bool:
    """Return whether ``told``, Cognito's name of the authenticator, is one that ``identity`` gave it."""
    return bool(told) and told in transitions.names_in_cognito(identity)


def _may_be_renamed(user: ChallengedUser) -> bool:
    identity = user.identity
    if user.sub or identity is None or identity.device_name in (None, "", user.device):
        return False
    return identity.device_cognito_name == user.device


def _identify_renamed_device(
    pending: PendingSignIn, user: ChallengedUser
) -> tuple[PendingSignIn, ChallengedUser]:
    """Bind ``pending`` to the user of a renamed device, if Cognito says that it is they.

    SECURITY: many users call theirs "Phone", and a former user of the same name may have, too. What they call it now
    is private. Asked only about users who renamed it; where this site may not ask, Cognito's name is shown.
    """
    identity = user.identity
    if identity is None:
        return pending, user
    try:
        factors = admin_api.read_factors(identity.sub)
    except UserGone:
        username_reuse.retire(identity)
        return pending, subject_of(pending)
    except CognitoMFAError as error:  # no AWS credentials, or no reply: then it is unknown
        logger.info("device_not_named: user %s, %s", identity.user_id, error)
        return pending, user
    if factors.username != user.username:
        return pending, user
    return replace(pending, sub=identity.sub), replace(user, sub=identity.sub)
