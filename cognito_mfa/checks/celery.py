"""Checks of Celery: whether tasks can be queued, and whether workers can finish them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution

from cognito_mfa import task_queue
from cognito_mfa.checks.settings import conf_or_none
from cognito_mfa.conf import NAME
from cognito_mfa.values.setting_readers import REDIS_SCHEMES

PACKAGES = ("celery", "redis", "throttled")
LONGEST_TASK = 3000  # seconds; a part of a sync takes up to 40 minutes


def check_celery() -> Iterator[CheckMessage]:
    """Check that Celery can be used (E038), has a Redis (W054), and does not repeat tasks (W055)."""
    conf = conf_or_none()
    if conf is None or not conf.CELERY:
        return
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        yield _unusable(
            f"{' and '.join(missing)} cannot be imported",
            "Install django-cognito-mfa[celery].",
        )
        return
    from celery import current_app as app

    if not (app.conf.broker_url or app.conf.broker_write_url or app.conf.task_always_eager):
        yield _unusable(
            "the current Celery app has no broker",
            "Import the project's Celery app in the __init__.py of its package, and set broker_url.",
        )
        return
    if task_queue.redis_url() is None:
        yield Caution(
            f"{NAME}['CELERY'] is True, but no Redis that the workers share is set, so the sync task cannot run.",
            hint=f"Set {NAME}['REDIS_URL'] to the address of a Redis, such as 'redis://127.0.0.1:6379/0'.",
            id="cognito_mfa.W054",
        )
    yield from _visibility(app)


def _visibility(app: Any) -> Iterator[CheckMessage]:
    if not str(app.conf.broker_url).startswith(REDIS_SCHEMES):
        return
    seconds = (app.conf.broker_transport_options or {}).get("visibility_timeout")
    if seconds is not None and seconds < LONGEST_TASK:
        yield Caution(
            f"The visibility_timeout of Celery's broker is {seconds:g} seconds, so tasks that take longer are delivered "
            "again while they run.",
            hint=f"Set visibility_timeout in broker_transport_options to {LONGEST_TASK} or more.",
            id="cognito_mfa.W055",
        )


def _unusable(why: str, hint: str) -> Error:
    return Error(
        f"{NAME}['CELERY'] is True, but {why}, so no task can be queued.",
        hint=hint,
        id="cognito_mfa.E038",
    )
