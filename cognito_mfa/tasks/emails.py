"""The task that sends an email: the message names its subject, and the worker reads everything else."""

from __future__ import annotations

import datetime as dt
from typing import Any

from celery import shared_task
from django.utils import timezone

from cognito_mfa import task_queue
from cognito_mfa.authenticator import emails
from cognito_mfa.authenticator.email_delivery import State
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.monitoring import log_events
from cognito_mfa.tasks.options import RELIABLE, Options, again_after_failures, retry

MAX_SECONDS = 120  # for a backend that hangs
OPTIONS: Options = {**RELIABLE, "soft_time_limit": MAX_SECONDS, "time_limit": 2 * MAX_SECONDS}


@shared_task(bind=True, name=task_queue.SEND_EMAIL, **OPTIONS)
@again_after_failures
def send_email(self: Any, *, kind: str, identity: Any, at: str, context: dict[str, Any]) -> None:
    """Send one email about a change of a user's MFA; where no address accepts it, try again later.

    Args:
        self: the task.
        kind: one of ``emails.KINDS``.
        identity: the primary key of the user's identity.
        at: when it happened.
        context: what the templates need besides, as primary keys, numbers, and times.
    """
    moment = dt.datetime.fromisoformat(at)
    if timezone.now() - moment > task_queue.USE_BY:
        _log(f"{kind} to identity {identity}, too late", kind)
        return
    row = CognitoIdentity.objects.select_related("user").filter(pk=identity).first()
    if row is None:
        _log(f"{kind} to identity {identity}, deleted since", kind)
        return
    if emails.send_queued(kind, row, moment, context).state is State.FAILED:
        raise retry(self)


def _log(text: str, kind: str) -> None:
    log_events.write("email_not_sent", text, email=kind)
