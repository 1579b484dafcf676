"""Records changes of a user's authenticator: set up, replaced, turned off, or with an unknown outcome.

Each change writes its row, event, generation, email and signal here, in one place. What Cognito left open is
settled at the next sign-in, by what Cognito then asks for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from cognito_mfa import signals
from cognito_mfa.authenticator import code_attempts, emails
from cognito_mfa.databases import atomic_for
from cognito_mfa.enforcement import proof
from cognito_mfa.exceptions import CognitoMFAError
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
SWITCHING_ON = "switching on"  # likewise, while that is not certain


def record_setup(
    request: HttpRequest, identity: CognitoIdentity, friendly_name: str
) -> SoftwareToken:
    """Record a confirmed authenticator, the first or another one; proofs of other sessions end.

    Args:
        request: the one that confirmed it, for receivers of the signal.
        identity: the user's.
        friendly_name: the device name that Cognito was given; cut to its column.

    Returns:
        The new active software token.

    Raises:
        ChallengeLost: something else changed it since ``identity`` was read; nothing was written.
    """
    before = identity.software_token
    kind = Kind.SOFTWARE_TOKEN_REPLACED if before else Kind.SOFTWARE_TOKEN_VERIFIED
    detail = friendly_name[:FRIENDLY_NAME_LENGTH]
    with atomic_for(CognitoIdentity):
        identity.invalidate_proofs(kind, since=identity.generation, detail=detail)
        token = SoftwareToken.activate(identity, friendly_name=friendly_name)
        identity.record_status(Status.ENABLED)
        code_attempts.move_to_sub(identity.username, identity.sub)
        code_attempts.clear(identity.username, sub=identity.sub)
        about: dict[str, Any] = {"identity": identity, "software_token": token}
        if before is None:
            emails.send("software_token_verified", **about)
        else:
            before.refresh_from_db()  # retired, with its last use
            emails.send("software_token_replaced", **about, before=before)
    if before is None:
        signals.send(signals.software_token_verified, request=request, **about)
    else:
        signals.send(signals.software_token_replaced, request=request, **about, before=before)
    return token


def record_removal(
    request: HttpRequest, identity: CognitoIdentity, *, elsewhere: bool = False
) -> SoftwareToken | None:
    """Record that Cognito no longer asks this user for a code; proofs of other sessions end.

    Args:
        request: the one in which it was done or noticed, for receivers of the signal.
        identity: the user's.
        elsewhere: whether it was done outside this site's pages, so that the email must tell the user.

    Returns:
        The software token that is no longer active; None when none was known.

    Raises:
        ChallengeLost: something else changed it since ``identity`` was read; nothing was written.
    """
    before = identity.software_token
    if before is None and identity.status != Status.ENABLED:
        # Cognito was never asked whether it was on: that it is off is no change, and ends nothing.
        identity.record_status(Status.NOT_SET_UP)
        return None
    retired = SoftwareToken.Retired
    detail = before.friendly_name if before else ""
    with atomic_for(CognitoIdentity):
        identity.invalidate_proofs(
            Kind.SOFTWARE_TOKEN_REMOVED, since=identity.generation, detail=detail
        )
        identity.retire_token(retired.REMOVED_ELSEWHERE if elsewhere else retired.REMOVED)
        identity.record_status(Status.NOT_SET_UP)
        emails.send("software_token_removed", identity, before=before, elsewhere=elsewhere)
    signals.send(
        signals.software_token_removed, request=request, identity=identity, software_token=before
    )
    return before


def switch_on(identity: CognitoIdentity, ask: Callable[[], bool]) -> bool:
    """Make Cognito ask for this user's code, which it may not have done before, and record that.

    SECURITY: an attacker with the password alone can cause this, and may have another sign-in open that began
    before. ``managed_login.evidence`` reads the times of these events. The first is written before Cognito is asked,
    because the answer may be lost, or the process end.

    Args:
        identity: the user's.
        ask: calls Cognito; returns whether the user has an authenticator app.

    Returns:
        What ``ask`` returned.

    Raises:
        CognitoMFAError: Cognito refused, or did not answer.
    """
    begun = MFAEvent.objects.record(Kind.STATUS_CHANGED, identity, detail=SWITCHING_ON)
    try:
        done = ask()
    except CognitoMFAError as error:
        if error.is_definite:
            begun.delete()
        raise
    with atomic_for(MFAEvent):
        if done:
            MFAEvent.objects.record(Kind.STATUS_CHANGED, identity, detail=SWITCHED_ON)
        begun.delete()
    return done


def record_unconfirmed(
    request: HttpRequest, identity: CognitoIdentity, what: Unconfirmed, *, friendly_name: str = ""
) -> int:
    """Record that Cognito may or may not have done ``what``, because its reply is lost.

    Proofs of other sessions end now, in case it was done. The session that asked for it keeps its proof, unless
    something else, such as a reset, ended it in the meantime.

    Args:
        request: the one that asked Cognito; its session keeps its proof.
        identity: the user's.
        what: the change that was asked for.
        friendly_name: of the device that may be active from now on.

    Returns:
        The generation before.
    """
    own = identity_of(request.user)
    proven = (
        own is not None
        and own.pk == identity.pk
        and proof.holds(request.session.get(proof.KEY), own)
    )
    with atomic_for(CognitoIdentity):
        before = identity.invalidate_proofs(Kind.CHANGE_UNCONFIRMED, detail=friendly_name)
        identity.record_status(Status.UNKNOWN, unconfirmed=what)
    if proven:
        proof.carry_over(request.session, identity, since=before)
    return before


def was_reset_by_administrator(identity: CognitoIdentity | None) -> bool:
    """Return whether a reset by an administrator ended the last authenticator app of the user."""
    last = identity.software_tokens.order_by("-pk").first() if identity else None
    return last is not None and last.retired_because == SoftwareToken.Retired.RESET


def was_removed_or_reset(identity: CognitoIdentity) -> bool:
    """Return whether a software token that Cognito may still have must not be switched on again.

    It was reset, or the user removed it, and none was set up since. With an old boto3 the
    registration of a lost phone stays in Cognito, and could be switched on again. Where an earlier link of the same
    user pool user ended, what it knew of that is gone, so it is taken for the case.
    """
    if identity.resets.unfinished().exists():
        return True
    last = identity.software_tokens.order_by("-pk").first()
    retired = SoftwareToken.Retired
    gone = (retired.RESET, retired.RECOVERED, retired.REMOVED)
    if last is None:
        return _was_linked_before(identity)
    return last.retired_at is not None and last.retired_because in gone


def _was_linked_before(identity: CognitoIdentity) -> bool:
    ended = MFAEvent.objects.filter(kind__in=(Kind.UNLINKED, Kind.USER_DELETED), sub=identity.sub)
    return ended.exists()


def record_expected_absence(identity: CognitoIdentity) -> None:
    """Record that Cognito asks for no code, as expected after a reset; no event and no email.

    Nothing is recorded while a reset is unfinished, so that it finds the identity as it left it.
    """
    if not identity.resets.unfinished().exists():
        identity.record_status(Status.NOT_SET_UP)


def reconcile(
    request: HttpRequest, identity: CognitoIdentity, cognito_name: str, *, unconfirmed: bool
) -> None:
    """Match our records with the software token whose code was right.

    Args:
        request: the one that carried the code.
        identity: the user's.
        cognito_name: what Cognito calls the software token; empty where it did not say.
        unconfirmed: whether the setup that led here was never recorded.
    """
    active = identity.software_token
    if active is None and identity.resets.unfinished().exists():
        return  # the one that an unfinished reset has yet to delete, and no new one
    if active is None:
        # One that we never saw: of our own setup whose reply was lost, or of another site of the same pool. It
        # is a change unless Cognito has reported one already, or was never asked.
        told = identity.checked_at is None or identity.status == Status.ENABLED
        if unconfirmed or not told:
            record_setup(request, identity, cognito_name)
        else:
            SoftwareToken.activate(identity, friendly_name=cognito_name)
    elif identity.unconfirmed == Unconfirmed.SET_UP:
        _match_by_device_name(request, identity, active, cognito_name)
    elif unconfirmed and cognito_name[:FRIENDLY_NAME_LENGTH] not in ("", active.cognito_name):
        record_setup(request, identity, cognito_name)


def _match_by_device_name(
    request: HttpRequest, identity: CognitoIdentity, active: SoftwareToken, cognito_name: str
) -> None:
    """Find out by Cognito's name which of two software tokens is active.

    One name for both decides nothing.
    """
    attempted = _attempted(identity, active)
    if cognito_name == attempted != active.cognito_name:
        record_setup(request, identity, cognito_name)
    elif cognito_name == attempted and active.friendly_name != cognito_name:
        # It may be either, and the name that the user gave the old one later may be wrong.
        SoftwareToken.objects.filter(pk=active.pk).update(friendly_name=cognito_name)


def names_in_cognito(identity: CognitoIdentity) -> set[str]:
    """Return what Cognito may call the user's software token: its name, and that of an unconfirmed setup."""
    active = identity.software_token
    names = {active.cognito_name} if active else set()
    if identity.unconfirmed == Unconfirmed.SET_UP:
        names.add(_attempted(identity, active))
    return names


def _attempted(identity: CognitoIdentity, active: SoftwareToken | None) -> str:
    """Return the name that the unconfirmed setup gave the software token."""
    attempt = identity.events.filter(kind=Kind.CHANGE_UNCONFIRMED).first()
    known = active.cognito_name if active else ""
    return attempt.detail if attempt else known
