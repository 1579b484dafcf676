"""What users do with their own authenticator after setup.

Replacing it is a setup like any other, after the password and the old app's code; see ``flows``.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from cognito_mfa.authenticator import transitions
from cognito_mfa.cognito import admin_api, user_api
from cognito_mfa.cognito.types import SOFTWARE_TOKEN_MFA, Tokens
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for
from cognito_mfa.enforcement import policy
from cognito_mfa.exceptions import (
    BadReply,
    BadReplyReason,
    Busy,
    BusyReason,
    ChallengeLost,
    CognitoMFAError,
    Misconfigured,
    Refused,
    RefusedReason,
    RemovalNotAllowed,
    Unavailable,
)
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken, identity_of
from cognito_mfa.monitoring import log_events
from cognito_mfa.sign_in.completion import Outcome, complete_sign_in
from cognito_mfa.sign_in.pending import Step
from cognito_mfa.values import clocks

NAMES_AN_HOUR = 10  # for one user's device


def check_own(request: HttpRequest, identity: CognitoIdentity) -> None:
    """Refuse a change made with another user's password: users change only their own settings.

    Args:
        request: of the signed-in user.
        identity: of the user whose password was right.

    Raises:
        Refused: ``identity`` is not that of who is signed in.
    """
    own = identity_of(request.user)
    if own is None or own.pk != identity.pk:
        raise Refused(reason=RefusedReason.ANOTHER_USER)


def rename(identity: CognitoIdentity, friendly_name: str) -> None:
    """Give the authenticator another name: ours only, because Cognito has no call for it.

    Args:
        identity: whose authenticator it is.
        friendly_name: the new name, as the form checked it.

    Raises:
        Busy: it was renamed too often in the last hour; each new name is an event in the log.
    """
    token = identity.software_token
    if token is None or token.friendly_name == friendly_name:
        return
    with atomic_for(CognitoIdentity):
        CognitoIdentity.objects.select_for_update().filter(pk=identity.pk).first()
        _refuse_too_many_names(identity)
        detail = f"{token.friendly_name} → {friendly_name}"
        SoftwareToken.objects.filter(pk=token.pk).update(friendly_name=friendly_name)
        MFAEvent.objects.record(MFAEvent.Kind.RENAMED, identity, detail=detail)


def _refuse_too_many_names(identity: CognitoIdentity) -> None:
    """Refuse a rename if there were too many within an hour."""
    now, hour = timezone.now(), dt.timedelta(hours=1)
    # No event of the future, which only a wrong clock can have told.
    until = now + dt.timedelta(seconds=clocks.SKEW)
    renamed = identity.events.filter(
        kind=MFAEvent.Kind.RENAMED, at__gt=now - hour, at__lte=until
    ).values_list("at", flat=True)
    moments = list(renamed[:NAMES_AN_HOUR])
    if len(moments) == NAMES_AN_HOUR:
        left = (min(moments) + hour - now).total_seconds()
        raise Busy(reason=BusyReason.TOO_MANY_NAMES, retry_after=int(left) + 1)


def may_remove(request: HttpRequest) -> bool:
    """Return whether settings and policy allow the removal; the pool is asked when it is done."""
    return get_conf().ALLOW_REMOVE and not (policy.is_enforced() and policy.is_required(request))


def remove(
    request: HttpRequest,
    identity: CognitoIdentity,
    tokens: Tokens,
    *,
    signed_in_already: bool = False,
) -> Outcome:
    """Turn off the authenticator, and report it only after Cognito has confirmed it.

    Args:
        request: of the signed-in user.
        identity: the user's.
        tokens: of a sign-in a moment ago.
        signed_in_already: by another package, whose sign-in stays as it is.

    Raises:
        RemovalNotAllowed: settings, policy, or pool require MFA; nothing was changed.
        BadReply: Cognito took the call and still lists the factor.
        ChallengeLost: something else changed it in between, and the current state is unknown.
        CognitoMFAError: Cognito refused, or the outcome is unknown until the next sign-in.
    """
    if not may_remove(request):
        raise RemovalNotAllowed("policy")
    _check_pool()
    _turn_off(request, identity, tokens)
    try:
        transitions.record_removal(request, identity)
    except ChallengeLost:  # a change in between: only Cognito knows the order
        transitions.record_unconfirmed(request, identity, CognitoIdentity.Unconfirmed.REMOVAL)
        raise
    complete_sign_in(request, identity, tokens, method="", signed_in_already=signed_in_already)
    messages.success(
        request,
        _("Two-step verification is off. You can delete the entry from your app."),
        fail_silently=True,
    )
    return Outcome(Step.OWN_PAGE, "")


def _turn_off(request: HttpRequest, identity: CognitoIdentity, tokens: Tokens) -> None:
    """Turn it off and read it back, which also shows the outcome of a call whose answer was lost."""
    lost = None
    try:
        user_api.turn_off_software_token(tokens.access)
    except Misconfigured as error:
        if error.error != "InvalidParameterException":
            raise
        log_events.write("removal_refused", cause=error, user=identity.user_id)
        raise RemovalNotAllowed("factor") from None
    except (Unavailable, BadReply) as error:
        if error.sent == "no":
            raise
        lost = error
    try:
        listed = SOFTWARE_TOKEN_MFA in user_api.own_account(tokens.access).factors
    except CognitoMFAError as error:
        transitions.record_unconfirmed(request, identity, CognitoIdentity.Unconfirmed.REMOVAL)
        error.sent = "unknown"  # of the change, whatever became of the question
        raise
    if listed:
        # Where both calls were answered, it is certain that nothing has changed.
        raise lost or BadReply(
            "SetUserMFAPreference", reason=BadReplyReason.STILL_LISTED, sent="yes"
        )


def _check_pool() -> None:
    """Refuse where the pool requires MFA, or where it cannot be asked.

    There the call would answer 200, empty the list, and change nothing at sign-in: "Turning off where MFA is
    required" in ``docs/cognito-behavior.md``.

    Raises:
        RemovalNotAllowed: Cognito was not asked to change anything.
    """
    try:
        required = admin_api.pool_requires_mfa()
    except CognitoMFAError as error:
        text = f"the pool's MFA setting cannot be read: {error}"
        log_events.write("removal_refused", text, cause=error, level=logging.ERROR)
        raise RemovalNotAllowed("unknown") from None
    if required:
        raise RemovalNotAllowed("pool")
