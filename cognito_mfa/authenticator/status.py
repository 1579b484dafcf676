"""The MFA status of a user as Cognito says it, and the counter of wrong codes, for administrators.

Cognito is asked with the site's own AWS credentials.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.authenticator import (
    code_attempts,
    emails,
    identity_lookup,
    observation,
    permissions,
)
from cognito_mfa.cognito import admin_api
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for
from cognito_mfa.exceptions import Refused, RefusedReason, UserGone
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent

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
    rows = CognitoIdentity.objects.filter(pk=identity.pk)
    known = next(observation.read(rows), None)
    if known is None:  # deleted here since
        return Status.GONE
    try:
        factors = admin_api.read_factors(identity.sub)
    except UserGone:
        factors = None
    enabled = factors is None or admin_api.is_enabled(identity.sub)
    seen = observation.observe(known, factors, observation.list_may_be_incomplete)
    with atomic_for(CognitoIdentity):
        if observation.record(identity, known, seen, actor=actor):
            identity.disabled_at = known.disabled_at
            observation.record_enabled(identity, enabled=enabled, actor=actor)
            return seen.status
    return Status(rows.values_list("status", flat=True).first() or Status.GONE)


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
        if event.identity:
            # An attacker who guesses may ask the staff to clear the counter: the owner must hear of it.
            emails.send("failures_cleared", event.identity, failures=failures)
    return failures
