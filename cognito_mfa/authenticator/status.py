"""What administrators do about other people's second factors. Cognito is asked with the site's own
AWS credentials, and what a page says afterwards is what Cognito said.
"""

from __future__ import annotations

import logging
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from cognito_mfa.authenticator import code_attempts, lookup, notifications, permissions
from cognito_mfa.cognito import admin_api
from cognito_mfa.cognito.types import Factors
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import CognitoMFAError, Refused, RefusedReason, UserGone
from cognito_mfa.models import CodeFailures, CognitoIdentity, MFAEvent, SoftwareToken

logger = logging.getLogger(__name__)

Status = CognitoIdentity.Status


def refresh_status(identity: CognitoIdentity, *, actor: Any = None) -> CognitoIdentity.Status:
    """Ask Cognito for the person's factors and write down what it says.

    Args:
        identity: whose; a user that the pool no longer has is written down as gone.
        actor: who asked.

    Returns:
        the status as it is now. What the person, or another administrator, changed while Cognito was
        asked stays: the answer may be older than that.

    Raises:
        ActionDenied: ``actor`` may not; Cognito was not asked.
        Refused: the identity is of another pool than the settings name.
        CognitoMFAError: Cognito did not answer; nothing changed.
    """
    permissions.require(permissions.REFRESH, actor, identity)
    if not identity.in_this_pool:
        raise Refused(reason=RefusedReason.ANOTHER_POOL)
    before = identity.status
    known = _known(identity)
    try:
        factors = admin_api.read_factors(identity.sub)
    except UserGone:
        factors = None
    enabled = factors is None or admin_api.is_enabled(identity.sub)
    status = _status(identity, factors)
    with transaction.atomic():
        now = CognitoIdentity.objects.select_for_update().filter(pk=identity.pk).first()
        if now is None:  # deleted here meanwhile
            return Status.GONE
        if _known(now) != known:
            return Status(now.status)
        identity.record_status(
            status,
            preferred_factor=factors.preferred if factors else "",
            unconfirmed=_still_open(identity, status),
        )
        ended = status in (Status.NOT_SET_UP, Status.GONE) and identity.retire_token(
            SoftwareToken.Retired.REMOVED_ELSEWHERE
        )
        ended = ended or (status == Status.GONE and before != status)
        detail = f"{before} → {status}"
        if ended:  # sessions that it let in must prove themselves again
            identity.invalidate_proofs(MFAEvent.Kind.STATUS_CHANGED, actor=actor, detail=detail)
        elif status != before:
            MFAEvent.objects.record(
                MFAEvent.Kind.STATUS_CHANGED, identity, actor=actor, detail=detail
            )
        _note_whether_enabled(identity, enabled=enabled, actor=actor)
    return status


def clear_failures(username: str, *, sub: str = "", actor: Any, reason: str) -> int:
    """Forget the person's wrong codes, so that codes are accepted again.

    Args:
        username: the name in the pool.
        sub: the person's; empty for whoever is counted by the name alone, and has no identity yet.
        actor: who clears them; None for a command.
        reason: why; kept for good.

    Returns:
        how many there were in a row.

    Raises:
        ActionDenied: ``actor`` may not; nothing was done.
        Refused: so many were wrong in all that only another authenticator helps; nothing was done.
    """
    counter = CodeFailures(pool_id=get_conf().USER_POOL_ID, username=username, sub=sub)
    permissions.require(permissions.CLEAR, actor, counter)
    failures = code_attempts.failures(username, sub=sub)
    with transaction.atomic():
        if not code_attempts.unlock(username, sub=sub):
            raise Refused(reason=RefusedReason.TOO_MANY_FAILURES)
        event = MFAEvent.objects.record(
            MFAEvent.Kind.FAILURES_CLEARED,
            lookup.by_sub(sub) if sub else None,
            sub=sub,
            username=username,
            actor=actor,
            reason=reason,
            detail=str(failures),
        )
    logger.info("failures_cleared: %d by %s", failures, getattr(actor, "pk", "command"))
    if (
        event.identity
    ):  # or whoever guesses could have somebody of the staff help, and nobody would hear of it
        notifications.send("failures_cleared", event.identity, failures=failures)
    return failures


def _note_whether_enabled(identity: CognitoIdentity, *, enabled: bool, actor: Any) -> None:
    """Write down that the pool lets the person in no more, which ends every session; or that it does again."""
    if enabled == (identity.disabled_at is None):
        return
    identity.disabled_at = None if enabled else timezone.now()
    identity.save(update_fields=["disabled_at"])
    if enabled:
        kind, detail = MFAEvent.Kind.STATUS_CHANGED, f"DISABLED → {identity.status}"
        MFAEvent.objects.record(kind, identity, actor=actor, detail=detail)
    else:
        identity.invalidate_proofs(MFAEvent.Kind.DISABLED, actor=actor)


def _known(identity: CognitoIdentity) -> tuple[object, ...]:
    """Return what everything that changes somebody's second factor here changes a part of."""
    token = identity.software_token
    return identity.generation, identity.checked_at, identity.status, token and token.pk


def _status(identity: CognitoIdentity, factors: Factors | None) -> CognitoIdentity.Status:
    if factors is None:
        return Status.GONE
    if factors.software_token:
        return Status.ENABLED
    if identity.software_token and _list_may_be_silent():
        return Status.UNKNOWN
    return Status.NOT_SET_UP


def _still_open(
    identity: CognitoIdentity, status: CognitoIdentity.Status
) -> CognitoIdentity.Unconfirmed | Literal[""]:
    """Return what Cognito's list leaves open: it does not tell an old authenticator from a new one."""
    settled = status in (Status.NOT_SET_UP, Status.GONE) or not identity.unconfirmed
    return "" if settled else CognitoIdentity.Unconfirmed(identity.unconfirmed)


def _list_may_be_silent() -> bool:
    """Tell whether Cognito may list no factor for somebody who has one.

    In a pool that requires MFA, an authenticator that was verified and never made preferred is asked
    for at every sign-in and yet listed nowhere (facts §3.5).
    """
    try:
        return admin_api.pool_requires_mfa()
    except CognitoMFAError:  # no permission to read the pool: say that we do not know
        return True
