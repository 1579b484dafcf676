"""Tasks for Celery's beat: what cron would run as management commands."""

from __future__ import annotations

import datetime as dt
import logging

from celery import shared_task
from django.utils import timezone

from cognito_mfa.authenticator import reset
from cognito_mfa.models import MFAReset
from cognito_mfa.reports import overview, retention
from cognito_mfa.tasks.options import SCHEDULED, again_after_failures

logger = logging.getLogger(__name__)

GIVE_UP_AFTER = 3  # failures in a row; Cognito or the AWS permissions are the likely cause


@shared_task(name="cognito_mfa.tasks.finish_resets", **SCHEDULED)
@again_after_failures
def finish_resets() -> None:
    """Finish interrupted resets, as ``cognito_mfa_reset --unfinished`` does."""
    finished = in_a_row = 0
    waiting = MFAReset.objects.unfinished().select_related("identity__user", "actor")
    for row in waiting:
        if not row.identity.in_this_pool:
            continue
        if reset.run_again(row, actor=None).finished_at is None:
            in_a_row += 1
        else:
            finished += 1
            in_a_row = 0
        if in_a_row == GIVE_UP_AFTER:
            break
    left = MFAReset.objects.unfinished().count()
    logger.info("resets_finished: number %d, unfinished %d", finished, left)


@shared_task(name="cognito_mfa.tasks.purge", **SCHEDULED)
@again_after_failures
def purge(*, older_than: int) -> None:
    """Delete old events and what had ended with them, as ``cognito_mfa_purge`` does.

    Args:
        older_than: minimum age in days, at least 1.
    """
    if older_than < 1:
        raise ValueError("older_than must be at least 1 day")
    retention.purge(timezone.now() - dt.timedelta(days=older_than))


@shared_task(name="cognito_mfa.tasks.count_overview", **SCHEDULED)
@again_after_failures
def count_overview() -> None:
    """Count the users who have set up MFA for the admin's overview, as ``cognito_mfa_report`` does."""
    overview.count()
