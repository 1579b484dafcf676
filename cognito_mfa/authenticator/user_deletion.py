"""Records the deletion of a user or an identity as an event, because no other row about it is left."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db.models import Model, QuerySet
from django.utils import timezone

from cognito_mfa.databases import current
from cognito_mfa.models import CognitoIdentity, MFAEvent

if TYPE_CHECKING:
    from django.contrib.admin.models import LogEntry

ENDED = "_cognito_mfa_ended"  # of an identity whose end ``links.unlink`` has recorded

# The admin writes its own log line right before it deletes, in the same transaction.
BEFORE = dt.timedelta(minutes=1)


def record_deletion(*, instance: CognitoIdentity, origin: Any = None, **_given: Any) -> None:
    """Receive ``pre_delete`` of an identity, which is deleted with its user.

    Args:
        instance: the identity.
        origin: the row or the queryset whose deletion deletes it.
    """
    if getattr(instance, ENDED, False):
        return
    user, kinds = instance.user, MFAEvent.Kind
    whole = origin is None or _model(origin) is not CognitoIdentity
    what = f"user {user.pk}, {user.get_username()}" if whole else f"user {user.pk}"
    actor = _actor(instance, origin)
    # Without the identity, which is gone in a moment: username and sub are kept.
    MFAEvent.objects.record(
        kinds.USER_DELETED if whole else kinds.UNLINKED,
        None,
        sub=instance.sub,
        username=instance.username,
        user=user,
        actor=actor,
        detail=f"{what} ({instance.pool_id})",
    )


def _actor(identity: CognitoIdentity, origin: Any) -> Any:
    """Return the user who deletes, from the admin's log; the signal does not say."""
    if origin is None or not apps.is_installed("django.contrib.admin"):
        return None
    from django.contrib.admin.models import DELETION, LogEntry
    from django.contrib.contenttypes.models import ContentType

    model = _model(origin)
    of_user = issubclass(model, get_user_model())
    key = identity.user_id if of_user else getattr(origin, "pk", None)
    if key is None:
        return None
    entry: LogEntry | None = (
        current(LogEntry.objects.select_related("user"))
        .filter(
            action_flag=DELETION,
            content_type=ContentType.objects.get_for_model(model, for_concrete_model=False),
            object_id=str(key),
            action_time__gte=timezone.now() - BEFORE,
        )
        .order_by("-pk")
        .first()
    )
    return entry.user if entry else None


def _model(origin: Model | QuerySet[Any]) -> type[Model]:
    return origin.model if isinstance(origin, QuerySet) else type(origin)
