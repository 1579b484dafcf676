"""Ends all other sessions of the user on this site, and revokes Cognito's tokens.

Sessions are of many kinds and stores, and most cannot be found by their user. So each session records how often the
user had signed out elsewhere before it began. An older session ends at its next request, whether it had passed MFA or
not.
"""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _

from cognito_mfa import signals
from cognito_mfa.authenticator import emails, username_reuse
from cognito_mfa.cognito import admin_api, user_api
from cognito_mfa.databases import atomic_for
from cognito_mfa.enforcement import proof
from cognito_mfa.exceptions import CognitoMFAError, TokenRejected, UserGone
from cognito_mfa.models import CognitoIdentity, MFAEvent
from cognito_mfa.sign_in.completion import Outcome
from cognito_mfa.sign_in.pending import Step
from cognito_mfa.values.secret_text import SecretText

logger = logging.getLogger(__name__)


def with_site_credentials(request: HttpRequest, identity: CognitoIdentity) -> bool:
    """End all other sessions, and revoke the tokens with the site's AWS keys.

    Args:
        request: of the user, who answered a code a moment ago.
        identity: the user's.

    Returns:
        Whether the tokens were revoked. If not, only the user's own access token can.

    Raises:
        ChallengeLost: a reset or another change came first; nothing was ended.
    """
    _end_other_sessions(request, identity, method="")
    try:
        admin_api.sign_out_everywhere(identity.sub)
    except UserGone:
        username_reuse.retire(identity)
        revoked = False
    except CognitoMFAError as error:
        logger.warning("tokens_not_revoked: user %s, %s", identity.user_id, error)
        revoked = False
    else:
        revoked = True
    _report(request, identity, revoked=revoked)
    return revoked


def with_token(
    request: HttpRequest, identity: CognitoIdentity, access_token: SecretText, *, method: str
) -> Outcome:
    """End all other sessions, and revoke the tokens with one of the user's own.

    Args:
        request: of the user, who stays signed in.
        identity: the user's.
        access_token: of a sign-in a moment ago.
        method: Cognito's name of the factor that was answered in it; empty without one.

    Raises:
        ChallengeLost: a reset or another change came first; nothing was ended.
    """
    _end_other_sessions(request, identity, method=method)
    try:
        user_api.sign_out_everywhere(access_token)
    except TokenRejected:  # revoked already: by an attempt whose answer was lost, or from elsewhere
        revoked = True
    except CognitoMFAError as error:
        logger.warning("tokens_not_revoked: user %s, %s", identity.user_id, error)
        revoked = False
    else:
        revoked = True
    _report(request, identity, revoked=revoked)
    return Outcome(Step.OWN_PAGE, "")


def _end_other_sessions(request: HttpRequest, identity: CognitoIdentity, *, method: str) -> None:
    proven = proof.holds(request.session.get(proof.KEY), identity)
    with atomic_for(CognitoIdentity):
        before = identity.end_sessions(
            MFAEvent.Kind.SIGNED_OUT_ELSEWHERE, since=identity.generation
        )
        emails.send("signed_out_elsewhere", identity)
    if method:
        proof.write(request.session, identity, method=method)
    elif proven:
        proof.carry_over(request.session, identity, since=before)
    proof.record_sign_outs(request.session, identity.sign_outs)
    # SECURITY: a stolen cookie is of this very session. It must not be good for the session that stays.
    request.session.cycle_key()


def _report(request: HttpRequest, identity: CognitoIdentity, *, revoked: bool) -> None:
    if revoked:
        text = _("You’re signed out everywhere else.")
        messages.success(request, text, fail_silently=True)
    else:
        text = _(
            "Your other sessions on this site have ended. Other apps might stay signed in for a while because "
            "the sign-in service didn’t confirm that their access ended."
        )
        messages.warning(request, text, fail_silently=True)
    signals.send(
        signals.signed_out_elsewhere, request=request, identity=identity, tokens_revoked=revoked
    )
