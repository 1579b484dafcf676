"""What is written down when somebody's authenticator was set up, replaced or turned off, and when
nobody can tell: the row, the event, the generation, the mail and the signal, each at one place.

Whatever Cognito left open is settled at the next sign-in, by what Cognito then asks for.
"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest

from cognito_mfa import signals
from cognito_mfa.authenticator import code_attempts, notifications
from cognito_mfa.enforcement import proof
from cognito_mfa.models import (
    FRIENDLY_NAME_LENGTH,
    CognitoIdentity,
    MFAEvent,
    SoftwareToken,
    identity_of,
)

Kind = MFAEvent.Kind
Status = CognitoIdentity.Status
Unconfirmed = CognitoIdentity.Unconfirmed

SWITCHED_ON = "switched on"  # detail of the event that we made Cognito ask for the code


def record_setup(
    request: HttpRequest, identity: CognitoIdentity, friendly_name: str
) -> SoftwareToken:
    """Write down a confirmed authenticator, the first or another one; other sessions end.

    Raises:
        ChallengeLost: something else changed it since ``identity`` was read; nothing was written.
    """
    before = identity.software_token
    kind = Kind.SOFTWARE_TOKEN_REPLACED if before else Kind.SOFTWARE_TOKEN_VERIFIED
    detail = friendly_name[:FRIENDLY_NAME_LENGTH]
    with transaction.atomic():
        identity.invalidate_proofs(kind, since=identity.generation, detail=detail)
        token = SoftwareToken.activate(identity, friendly_name=friendly_name)
        identity.record_status(Status.ENABLED)
        code_attempts.move_to_sub(identity.username, identity.sub)
        code_attempts.clear(identity.username, sub=identity.sub)
    if before is None:
        notifications.send("software_token_verified", identity, software_token=token)
        signals.send(
            signals.software_token_verified,
            request=request,
            identity=identity,
            software_token=token,
        )
        return token
    notifications.send("software_token_replaced", identity, software_token=token, before=before)
    signals.send(
        signals.software_token_replaced,
        request=request,
        identity=identity,
        software_token=token,
        before=before,
    )
    return token


def record_removal(
    request: HttpRequest, identity: CognitoIdentity, *, elsewhere: bool = False
) -> SoftwareToken | None:
    """Write down that Cognito asks this person for no code any more; other sessions' proofs end.

    Args:
        elsewhere: not on this site's pages, so that it is news to the person.

    Returns:
        the authenticator that no longer counts; None when none was known.

    Raises:
        ChallengeLost: something else changed it since ``identity`` was read; nothing was written.
    """
    before = identity.software_token
    if before is None and identity.status != Status.ENABLED:
        # Nobody was ever asked whether it was on: that it is off is no news, and ends nothing.
        identity.record_status(Status.NOT_SET_UP)
        return None
    retired = SoftwareToken.Retired
    detail = before.friendly_name if before else ""
    with transaction.atomic():
        identity.invalidate_proofs(
            Kind.SOFTWARE_TOKEN_REMOVED, since=identity.generation, detail=detail
        )
        identity.retire_token(retired.REMOVED_ELSEWHERE if elsewhere else retired.REMOVED)
        identity.record_status(Status.NOT_SET_UP)
    notifications.send("software_token_removed", identity, before=before, elsewhere=elsewhere)
    signals.send(
        signals.software_token_removed, request=request, identity=identity, software_token=before
    )
    return before


def record_switched_on(identity: CognitoIdentity) -> None:
    """Write down that we made Cognito ask for this person's code, which it had not done.

    SECURITY: whoever has the password alone can bring this about, and may have another sign-in open that
    began before. ``managed_login.evidence`` looks here for when it was.
    """
    MFAEvent.objects.record(Kind.STATUS_CHANGED, identity, detail=SWITCHED_ON)


def record_unconfirmed(
    request: HttpRequest, identity: CognitoIdentity, what: Unconfirmed, *, friendly_name: str = ""
) -> int:
    """Write down that Cognito may have done ``what``, and may not have: its answer is lost.

    Other sessions end already now: if it was done, they must. Who asked for it goes on, unless something
    else, such as a reset, has ended that session meanwhile.

    Args:
        friendly_name: of the device that may count from now on.

    Returns:
        the generation before.
    """
    own = identity_of(request.user)
    proven = (
        own is not None
        and own.pk == identity.pk
        and proof.holds(request.session.get(proof.KEY), own)
    )
    with transaction.atomic():
        before = identity.invalidate_proofs(Kind.CHANGE_UNCONFIRMED, detail=friendly_name)
        identity.record_status(Status.UNKNOWN, unconfirmed=what)
    if proven:
        proof.carry_over(request.session, identity, since=before)
    return before


def was_removed_or_reset(identity: CognitoIdentity) -> bool:
    """Tell whether the authenticator that Cognito may still know of must not count again.

    An administrator resets it, or did, or the person removed it; and none was set up since. With an old
    boto3 the registration of a lost phone stays in Cognito, and can be switched on again.
    """
    if identity.resets.unfinished().exists():
        return True
    last = identity.software_tokens.order_by("-pk").first()
    gone = (SoftwareToken.Retired.RESET, SoftwareToken.Retired.REMOVED)
    return last is not None and last.retired_at is not None and last.retired_because in gone


def record_expected_absence(identity: CognitoIdentity) -> None:
    """Write down that Cognito asks for no code, as it must after a reset: that is news to nobody.

    What a reset has yet to do, it finds as it left it.
    """
    if not identity.resets.unfinished().exists():
        identity.record_status(Status.NOT_SET_UP)


def reconcile(
    request: HttpRequest, identity: CognitoIdentity, cognito_name: str, *, unconfirmed: bool
) -> None:
    """Settle what was open: a code of the authenticator that Cognito calls ``cognito_name`` was right.

    Args:
        unconfirmed: the set-up that led here was never written down.
    """
    active = identity.software_token
    if active is None and identity.resets.unfinished().exists():
        return  # the one that a reset has yet to get rid of: it is no new one
    if active is None:
        # One that we never saw: of our own lost set-up, or of another site of the same pool. It is news
        # unless Cognito has told of one already, or was never asked.
        told = identity.checked_at is None or identity.status == Status.ENABLED
        if unconfirmed or not told:
            record_setup(request, identity, cognito_name)
        else:
            SoftwareToken.activate(identity, friendly_name=cognito_name)
    elif identity.unconfirmed == Unconfirmed.SET_UP:
        _match_by_device_name(request, identity, active, cognito_name)


def _match_by_device_name(
    request: HttpRequest, identity: CognitoIdentity, active: SoftwareToken, cognito_name: str
) -> None:
    """Find out by Cognito's name which of two authenticators counts; the same for both tells nothing."""
    attempted = _attempted(identity, active)
    if cognito_name == attempted != active.cognito_name:
        record_setup(request, identity, cognito_name)
    elif cognito_name == attempted and active.friendly_name != cognito_name:
        # It may be either, and the name that the old one was given later may be wrong.
        SoftwareToken.objects.filter(pk=active.pk).update(friendly_name=cognito_name)


def names_in_cognito(identity: CognitoIdentity) -> set[str]:
    """Return what Cognito may call the authenticator of ``identity``: a name given here, or attempted."""
    active = identity.software_token
    names = {active.cognito_name} if active else set()
    if identity.unconfirmed == Unconfirmed.SET_UP:
        names.add(_attempted(identity, active))
    return names


def _attempted(identity: CognitoIdentity, active: SoftwareToken | None) -> str:
    """Return the name that the set-up whose outcome is open gave the authenticator."""
    attempt = identity.events.filter(kind=Kind.CHANGE_UNCONFIRMED).first()
    known = active.cognito_name if active else ""
    return attempt.detail if attempt else known
