"""Hands work over to the site's Celery workers, where ``COGNITO_MFA["CELERY"]`` is True.

Tasks are named here and defined in ``cognito_mfa.tasks``, which only Celery imports. A message contains primary keys,
numbers, and dates: never a name, an address, a secret, a code, a token, or a link.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from cognito_mfa.conf import get_conf
from cognito_mfa.values.secret_text import SecretText
from cognito_mfa.values.setting_readers import REDIS_SCHEMES

logger = logging.getLogger(__name__)

SEND_EMAIL = "cognito_mfa.tasks.send_email"
REFRESH = "cognito_mfa.tasks.refresh"

TIMEOUT = (
    1.0  # seconds for the broker to connect, and for each of its answers: a user may be waiting
)
REDIS_TRANSPORTS = ("redis", "rediss", "sentinel")
PAUSE = 30.0  # seconds without another try after the broker failed, so that not every request waits for it
# A worker that was away for long finds messages that no longer help anyone, and Celery drops them.
USE_BY = dt.timedelta(hours=6)

_paused_until = 0.0


class QueueUnavailable(Exception):
    """The task was not handed over; the text says why, without an address."""


class Queue:
    """An open connection to the broker."""

    def __init__(self, app: Any, connection: Any) -> None:
        self._app = app
        self._connection = connection

    def add(self, task: str, *, expires: dt.timedelta = USE_BY, **arguments: Any) -> None:
        """Hand a task over.

        Args:
            task: one of the names above.
            expires: the age from which Celery drops the message.
            arguments: what it needs; nothing personal, and nothing secret.

        Raises:
            QueueUnavailable: the broker did not take it.
        """
        options: dict[str, Any] = {
            "kwargs": arguments,
            "serializer": "json",
            "ignore_result": True,
            "expires": expires.total_seconds(),
        }
        try:
            if self._app.conf.task_always_eager:
                # A site's own tests; ``send_task`` would look for a broker.
                import_module(task.rpartition(".")[0])
                self._app.tasks[task].apply_async(**options)
                return
            self._app.send_task(task, connection=self._connection, retry=False, **options)
        except Exception as error:  # each transport has its own
            raise _pause(error) from error


def redis_url() -> SecretText | None:
    """Return the address of the Redis that all workers share.

    That is REDIS_URL, the broker's, or that of Celery's results.
    """
    if (given := get_conf().REDIS_URL) is not None:
        return given
    from celery import current_app as app

    urls: tuple[object, ...] = (app.conf.broker_url, app.conf.result_backend)
    for url in urls:
        if isinstance(url, str) and url.startswith(REDIS_SCHEMES):
            return SecretText(url)
    return None


def is_used() -> bool:
    """Return whether the site wants its Celery workers to do what need not happen within a request."""
    return get_conf().CELERY


@contextmanager
def connected() -> Iterator[Queue]:
    """Open a connection to the broker for one or more tasks.

    Raises:
        QueueUnavailable: Celery or its broker cannot be used now; nothing was handed over.
    """
    if time.monotonic() < _paused_until:
        raise QueueUnavailable("the broker failed a moment ago")
    try:
        from celery import current_app as app

        # A connection of its own: the options of the site's pool may let it wait for minutes.
        options = _timeouts(app.conf.broker_url, app.conf.broker_transport_options or {})
        connection = app.connection_for_write(connect_timeout=TIMEOUT, transport_options=options)
    except Exception as error:  # the site's configuration may be anything
        raise _pause(error) from error
    with connection:
        yield Queue(app, connection)


def _timeouts(broker_url: object, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options that keep a connection to Redis from waiting.

    Other transports have ``connect_timeout``.

    Args:
        broker_url: of the site's Celery; one, or several.
        given: the site's own options of the transport.
    """
    first = broker_url[0] if isinstance(broker_url, (list, tuple)) and broker_url else broker_url
    scheme = str(first).partition(":")[0].partition("+")[0]
    if scheme not in REDIS_TRANSPORTS:
        return {}
    sockets: dict[str, Any] = {"socket_connect_timeout": TIMEOUT, "socket_timeout": TIMEOUT}
    if scheme == "sentinel":  # the client of the sentinels themselves would try four times
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        once = Retry(NoBackoff(), 0)
        sockets["sentinel_kwargs"] = {**given.get("sentinel_kwargs", {}), **sockets, "retry": once}
    return {
        **sockets,
        # One more try, at once: kombu counts 0 as "for ever".
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
    }


def _pause(error: Exception) -> QueueUnavailable:
    """Return ``error`` as ours, and try no more for a while."""
    global _paused_until
    _paused_until = time.monotonic() + PAUSE
    # Its text may contain the broker's address and password.
    logger.error("task_not_queued: %s", type(error).__name__)
    return QueueUnavailable(type(error).__name__)
