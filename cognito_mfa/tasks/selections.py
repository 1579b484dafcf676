"""The task that refreshes the status of users whom an administrator selected."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from celery import shared_task
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from cognito_mfa import task_queue
from cognito_mfa.authenticator import permissions, status
from cognito_mfa.authenticator.permissions import ActionDenied
from cognito_mfa.databases import current_rows
from cognito_mfa.exceptions import Busy, CognitoMFAError, Refused, ServiceError
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.monitoring import log_events
from cognito_mfa.pool_sync.pacing import TokenBucket
from cognito_mfa.pool_sync.plan import RATE, Limiter
from cognito_mfa.tasks.options import RELIABLE, TRANSIENT, again_after_failures, retry
from cognito_mfa.tasks.shared_redis import SharedLimiter

logger = logging.getLogger(__name__)

# Two calls for each user, of which ``ListUsers`` has the lower quota: a quarter of the other one.
PER_SECOND = RATE / 4


@shared_task(bind=True, name=task_queue.REFRESH, **RELIABLE)
@again_after_failures
def refresh(self: Any, *, identities: list[Any], actor: Any, asked_at: str) -> None:
    """Refresh some users, except those whom the administrator may not refresh.

    As **Refresh status from Cognito** does.

    Args:
        self: the task.
        identities: primary keys.
        actor: the primary key of the administrator.
        asked_at: when the administrator asked; who was checked since is skipped, so that nothing is done twice.
    """
    moment = dt.datetime.fromisoformat(asked_at)
    if timezone.now() - moment > task_queue.USE_BY:
        _log("refresh_interrupted", len(identities), actor, "expired")
        return
    asker = current_rows(get_user_model()).filter(pk=actor).first()
    if not getattr(asker, "is_active", False):
        _log("refresh_interrupted", len(identities), actor, "not_active")
        return
    rows = CognitoIdentity.objects.select_related("user").filter(pk__in=identities).order_by("pk")
    limiter = _limiter()
    for row in rows:
        if row.checked_at is None or row.checked_at < moment:
            try:
                _refresh(row, asker, limiter)
            except (Busy, ServiceError, *TRANSIENT) as error:  # the next user would meet it, too
                _log("refresh_interrupted", len(identities), actor, type(error).__name__)
                raise retry(self) from None
    _log("refresh_finished", len(identities), actor)


def _log(name: str, count: int, actor: Any, reason: str = "") -> None:
    log_events.write(name, by=actor, count=count, reason=reason)


def _refresh(row: CognitoIdentity, actor: Any, limiter: Limiter) -> None:
    """Refresh one user.

    Raises:
        Busy: Cognito throttles.
        ServiceError: Cognito does not answer, or not to this site.
    """
    limiter.acquire()
    try:
        status.refresh_status(row, actor=actor)
    except ActionDenied as denied:
        permissions.record_denial(denied)
    except (Busy, ServiceError):
        raise
    except (Refused, CognitoMFAError) as error:
        logger.warning("refresh_failed: user %s, %s", row.user_id, error)


def _limiter() -> Limiter:
    try:
        return SharedLimiter(PER_SECOND)
    except ImproperlyConfigured:  # without Redis, each worker has a rate of its own
        return TokenBucket(PER_SECOND)
