"""People who may do without a second factor for a while: granted and revoked with a reason, ending by
themselves.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from cognito_mfa import signals
from cognito_mfa.models import CognitoIdentity, MFAEvent, MFAExemption, identity_of

logger = logging.getLogger(__name__)

Kind = MFAEvent.Kind


def allowed(actor: Any, user: Any) -> bool:
    """Tell whether ``actor`` may excuse ``user``: not oneself, and a superuser only by a superuser.

    The permission ``grant_exemption`` is the caller's to check. Whoever has it may revoke anybody's.
    """
    if actor.pk == user.pk:
        return False
    return bool(actor.is_superuser or not getattr(user, "is_superuser", False))


def valid() -> QuerySet[MFAExemption]:
    """Return the exemptions that hold now, the next to expire first."""
    holding = MFAExemption.objects.filter(revoked_at=None, expires_at__gt=timezone.now())
    return holding.select_related("user", "granted_by").order_by("expires_at", "pk")


def grant(user: Any, *, until: dt.datetime, reason: str, actor: Any) -> MFAExemption:
    """Let ``user`` do without until then.

    Args:
        until: in the future.
        reason: why; kept for good.
        actor: who grants it; None for a command.

    Raises:
        ValueError: ``until`` is not in the future, or there is no reason.
    """
    if until <= timezone.now() or not reason.strip():
        raise ValueError("an exemption needs a reason and an end in the future")
    with transaction.atomic():
        exemption = MFAExemption.objects.create(
            user=user, expires_at=until, reason=reason, granted_by=actor
        )
        _record(Kind.EXEMPTION_GRANTED, exemption, actor, reason)
    signals.exemption_granted.send_robust(
        sender=CognitoIdentity,
        request=None,
        identity=identity_of(user),
        exemption=exemption,
        actor=actor,
    )
    return exemption


def revoke(exemption: MFAExemption, *, reason: str, actor: Any) -> bool:
    """End ``exemption`` now; tell whether it was still open."""
    open_ones = MFAExemption.objects.filter(pk=exemption.pk, revoked_at=None)
    with transaction.atomic():
        if not open_ones.update(revoked_at=timezone.now()):
            return False
        _record(Kind.EXEMPTION_REVOKED, exemption, actor, reason)
    signals.exemption_revoked.send_robust(
        sender=CognitoIdentity,
        request=None,
        identity=identity_of(exemption.user),
        exemption=exemption,
        actor=actor,
    )
    return True


def _record(kind: MFAEvent.Kind, exemption: MFAExemption, actor: Any, reason: str) -> None:
    user = exemption.user
    detail = f"{exemption.expires_at:%Y-%m-%d %H:%M}"
    MFAEvent.objects.record(
        kind,
        identity_of(user),
        username=user.get_username(),
        actor=actor,
        reason=reason,
        detail=detail,
    )
    logger.info("%s: user %s by %s", kind.lower(), user.pk, getattr(actor, "pk", "command"))
