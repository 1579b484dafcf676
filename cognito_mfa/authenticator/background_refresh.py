"""Refreshes the status of users whom an administrator selected, in the site's Celery workers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from cognito_mfa import task_queue
from cognito_mfa.models import CognitoIdentity

logger = logging.getLogger(__name__)

CHUNK = 100  # users of one message: what a killed worker leaves to be done again


class Enqueued(NamedTuple):
    """What the queue took.

    Attributes:
        number: users who will be refreshed.
        complete: whether they are all who were selected.
    """

    number: int
    complete: bool


def enqueue(identities: QuerySet[CognitoIdentity], *, actor: Any) -> Enqueued:
    """Hand ``identities`` over to the workers, who skip whom ``actor`` may not refresh.

    Args:
        identities: any number; only their keys are read, and never all at once.
        actor: the administrator, who has just confirmed with a code.

    Raises:
        QueueUnavailable: nothing was handed over.
    """
    asked_at = timezone.now().isoformat()
    number = 0
    with task_queue.connected() as queue:
        for keys in _chunks(identities):
            try:
                queue.add(task_queue.REFRESH, identities=keys, actor=actor.pk, asked_at=asked_at)
            except task_queue.QueueUnavailable:
                if not number:
                    raise
                return Enqueued(number, complete=False)
            number += len(keys)
    logger.info("refresh_queued: number %d by user %s", number, actor.pk)
    return Enqueued(number, complete=True)


def _chunks(identities: QuerySet[CognitoIdentity]) -> Iterator[list[Any]]:
    keys = identities.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=1000)
    while chunk := list(islice(keys, CHUNK)):
        yield chunk
