"""Exemptions from MFA: granted and revoked with a reason, and limited in time."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from cognito_mfa import signals
from cognito_mfa.authenticator import emails, permissions
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import atomic_for
from cognito_mfa.models import MFAEvent, MFAExemption, identity_of

Kind = MFAEvent.Kind


def by_expiry() -> QuerySet[MFAExemption]:
    """Return the valid exemptions, the next to expire first."""
    return (
        MFAExemption.objects.valid()
        .select_related("user", "granted_by")
        .order_by("expires_at", "pk")
    )


def latest_end() -> dt.datetime:
    """Return the latest end of an exemption that is granted now: GRANT_MAX_AGE from now."""
    return timezone.now() + dt.timedelta(seconds=get_conf().GRANT_MAX_AGE)


def grant(user: Any, *, until: dt.datetime, reason: str, actor: Any) -> MFAExemption:
    """Exempt ``user`` until then, or until they become a superuser.

    Args:
        user: one of the site's users.
        until: in the future, and no later than ``latest_end()``.
        reason: the reason, stored with the event.
        actor: the user who grants it; None for a command.

    Raises:
        ActionDenied: ``actor`` may not exempt ``user``.
        ValueError: ``until`` is not in the future or too late, or there is no reason.
    """
    permissions.require(permissions.GRANT, actor, user)
    if until <= timezone.now() or not reason.strip():
        raise ValueError("an exemption needs a reason and an end in the future")
    if until > latest_end():
        raise ValueError("an exemption ends within GRANT_MAX_AGE")
    with atomic_for(MFAExemption):
        exemption = MFAExemption.objects.create(
            user=user,
            expires_at=until,
            reason=reason,
            granted_by=actor,
            for_superuser=bool(getattr(user, "is_superuser", False)),
        )
        _record(Kind.EXEMPTION_GRANTED, exemption, actor, reason)
        if (identity := identity_of(user)) is not None:
            emails.send("exemption_granted", identity, until=until)
    signals.send(
        signals.exemption_granted,
        identity=identity,
        exemption=exemption,
        actor=actor,
    )
    return exemption


def revoke(exemption: MFAExemption, *, reason: str, actor: Any) -> bool:
    """End ``exemption`` now, and every other one of its user: the policy applies to them again.

    Args:
        exemption: the one to end.
        reason: the reason, stored with the event.
        actor: the user who revokes it; None for a command.

    Returns:
        Whether the user still had one, or this one was not revoked before.

    Raises:
        ActionDenied: ``actor`` may not revoke it.
    """
    permissions.require(permissions.REVOKE, actor, exemption)
    with atomic_for(MFAExemption):
        ended = [one for one in _all_of(exemption) if _end(one)]
        if not ended:
            return False
        for one in ended:
            _record(Kind.EXEMPTION_REVOKED, one, actor, reason)
        if (identity := identity_of(exemption.user)) is not None:
            emails.send("exemption_revoked", identity)
    for one in ended:
        signals.send(signals.exemption_revoked, identity=identity, exemption=one, actor=actor)
    return True


def _all_of(exemption: MFAExemption) -> list[MFAExemption]:
    """Return ``exemption`` and the other valid ones of its user, who got several when it was extended."""
    others = MFAExemption.objects.valid_for(exemption.user).exclude(pk=exemption.pk)
    return [exemption, *others.select_related("user").order_by("pk")]


def _end(exemption: MFAExemption) -> bool:
    """Mark it as revoked; return whether it was not before."""
    not_revoked = MFAExemption.objects.filter(pk=exemption.pk, revoked_at=None)
    return bool(not_revoked.update(revoked_at=timezone.now()))


def _record(kind: MFAEvent.Kind, exemption: MFAExemption, actor: Any, reason: str) -> None:
    user = exemption.user
    detail = exemption.expires_at.isoformat(timespec="minutes")
    MFAEvent.objects.record(
        kind,
        identity_of(user),
        username=user.get_username(),
        user=user,
        actor=actor,
        reason=reason,
        detail=detail,
    )
