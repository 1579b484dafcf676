"""What the site's Celery workers do; only Celery's autodiscovery imports this package.

A message may arrive twice, late, or after the rows it is about are gone, and a worker may be killed at any moment.
So each task can run again, and one that is too old does nothing.
"""

from __future__ import annotations

from cognito_mfa.tasks.emails import send_email
from cognito_mfa.tasks.selections import refresh
from cognito_mfa.tasks.shards import sync, sync_shard
from cognito_mfa.tasks.upkeep import count_overview, finish_resets, purge

__all__ = [
    "count_overview",
    "finish_resets",
    "purge",
    "refresh",
    "send_email",
    "sync",
    "sync_shard",
]
