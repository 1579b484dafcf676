"""The MFA status of a user as Cognito says it, and the counter of wrong codes, for administrators.

Cognito is asked with the site's own AWS credentials.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from django.utils import timezone

from cognito_mfa.authenticator import code_attempts, identity_lookup, notifications, permissions
from cognito_mfa.cognito import admin_api
from cognito_mfa.cognito.types import Factors
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for
from cognito_mfa.exceptions import CognitoMFAError, Refused, RefusedReason, UserGone
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, SoftwareToken

logger = logging.getLogger(__name__)

Status = CognitoIdentity.Status


def refresh_status(identity: CognitoIdentity, *, actor: Any = None) -> CognitoIdentity.Status:
    """Ask Cognito for the user's factors and record what it says.

    Args:
        identity: the user's; a user that the pool no longer has is recorded as gone.
        actor: the user who asked; None for a command.

    Returns:
        The status as it is now. What the user or another administrator changed while Cognito was asked
        stays, because the reply may be older than that.

    Raises:
        ActionDenied: ``actor`` may not; Cognito was not asked.
        Refused: the identity is of another pool than the settings name.
        CognitoMFAError: Cognito did not answer; nothing changed.
    """
    permissions.require(permissions.REFRESH, actor, identity)
    if not identity.in_this_pool:
        raise Refused(reason=RefusedReason.ANOTHER_POOL)
    before = identity.status
    known = _fingerprint(identity)
    try:
        factors = admin_api.read_factors(identity.sub)
    except UserGone:
        factors = None
    enabled = factors is None or admin_api.is_enabled(identity.sub)
    status = _status(identity, factors)
    preferred = _preferred_factor(identity, factors)
    with atomic_for(CognitoIdentity):
        now = CognitoIdentity.objects.select_for_update().filter(pk=identity.pk).first()
        if now is None:  # deleted here during the call
            return Status.GONE
        if _fingerprint(now) != known:
            return Status(now.status)
        identity.record_status(
            status,
            preferred_factor=preferred,
            unconfirmed=_still_unconfirmed(identity, status),
        )
        ended = status in (Status.NOT_SET_UP, Status.GONE) and identity.retire_token(
            SoftwareToken.Retired.REMOVED_ELSEWHERE
        )
        ended = ended or (status == Status.GONE and before != status)
        detail = f"{before} → {status}"
        if ended:  # sessions that it proved must prove themselves again
            identity.invalidate_proofs(MFAEvent.Kind.STATUS_CHANGED, actor=actor, detail=detail)
        elif status != before:
            MFAEvent.objects.record(
                MFAEvent.Kind.STATUS_CHANGED, identity, actor=actor, detail=detail
            )
        _record_enabled(identity, enabled=enabled, actor=actor)
    return status


def clear_failures(username: str, *, sub: str = "", actor: Any, reason: str) -> int:
    """Unlock code entry by resetting the counter of wrong codes in a row.

    Args:
        username: the pool's own name of the user.
        sub: the user's; empty for a user without an identity, who is counted by username.
        actor: the user who clears them; None for a command.
        reason: the reason, stored with the event.

    Returns:
        How many there were in a row.

    Raises:
        ActionDenied: ``actor`` may not; nothing was done.
        Refused: so many were wrong in all that only another authenticator helps; nothing was done.
    """
    counter = CodeFailures(pool_id=get_conf().USER_POOL_ID, username=username, sub=sub)
    permissions.require(permissions.CLEAR, actor, counter)
    failures = code_attempts.failures(username, sub=sub)
    with atomic_for(CodeFailures):
        if not code_attempts.unlock(username, sub=sub):
            raise Refused(reason=RefusedReason.TOO_MANY_FAILURES)
        event = MFAEvent.objects.record(
            MFAEvent.Kind.FAILURES_CLEARED,
            identity_lookup.by_sub(sub) if sub else None,
            sub=sub,
            username=username,
            actor=actor,
            reason=reason,
            detail=str(failures),
        )
    logger.info("failures_cleared: number %d by %s", failures, getattr(actor, "pk", "command"))
    if event.identity:
        # An attacker who guesses may ask the staff to clear the counter: the owner must hear of it.
        notifications.send("failures_cleared", event.identity, failures=failures)
    return failures


def _record_enabled(identity: CognitoIdentity, *, enabled: bool, actor: Any) -> None:
    """Record that the user is disabled in the pool, which ends every session, or enabled again."""
    if enabled == (identity.disabled_at is None):
        return
    identity.disabled_at = None if enabled else timezone.now()
    identity.save(update_fields=["disabled_at"])
    if enabled:
        kind, detail = MFAEvent.Kind.STATUS_CHANGED, f"DISABLED → {identity.status}"
        MFAEvent.objects.record(kind, identity, actor=actor, detail=detail)
    else:
        identity.invalidate_proofs(MFAEvent.Kind.DISABLED, actor=actor)


def _fingerprint(identity: CognitoIdentity) -> tuple[object, ...]:
    """Return values of which every change of the user's MFA here changes at least one."""
    token = identity.software_token
    return identity.generation, identity.checked_at, identity.status, token and token.pk


def _status(identity: CognitoIdentity, factors: Factors | None) -> CognitoIdentity.Status:
    if factors is None:
        return Status.GONE
    if factors.software_token:
        return Status.ENABLED
    if identity.software_token and _list_may_be_incomplete():
        return Status.UNKNOWN
    return Status.NOT_SET_UP


def _preferred_factor(identity: CognitoIdentity, factors: Factors | None) -> str:
    """Return the factor that Cognito names; else the code that was sent at the last sign-in, where it may be.

    A pool that requires MFA sends codes to users who have no factor in any list.
    """
    if factors is None or factors.preferred or not identity.uses_sent_codes:
        return factors.preferred if factors else ""
    return identity.preferred_factor if _list_may_be_incomplete() else ""


def _still_unconfirmed(
    identity: CognitoIdentity, status: CognitoIdentity.Status
) -> CognitoIdentity.Unconfirmed | Literal[""]:
    """Return what Cognito's list leaves unconfirmed: it does not say whether a software token is the old one."""
    settled = status in (Status.NOT_SET_UP, Status.GONE) or not identity.unconfirmed
    return "" if settled else CognitoIdentity.Unconfirmed(identity.unconfirmed)


def _list_may_be_incomplete() -> bool:
    """Return whether Cognito may list no factor for a user who has one.

    In a pool that requires MFA, Cognito asks at every sign-in for a software token that was verified and never
    made preferred, but does not list it: "Reading the MFA status" in docs/cognito-behavior.md.
    """
    try:
        return admin_api.pool_requires_mfa()
    except CognitoMFAError:  # no permission to read the pool: say that we do not know
        return True
