"""State that all workers share in Redis: one rate of calls to Cognito, and the running sync.

Celery's own ``rate_limit`` is for each worker, so more workers would make more calls. The rate is kept by throttled-py:
its GCRA runs within Redis and by Redis's clock, so that neither races nor the clocks of workers change it.
"""

from __future__ import annotations

import datetime as dt
import logging
import secrets
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from redis import Redis, RedisError
from throttled import RateLimiterType, Throttled, rate_limiter
from throttled.exceptions import StoreUnavailableError
from throttled.store import RedisStore

from cognito_mfa import task_queue
from cognito_mfa.conf import get_conf

logger = logging.getLogger(__name__)

PREFIX = "cognito_mfa"
TIMEOUT = 5.0  # seconds for each answer of Redis
UNITS = 1_000_000  # a second; a call costs as many as its rate says, so that callers with different rates share them
BURST = 0.1  # seconds: calls that may follow each other at once after a pause
# A sync that no worker has continued for so long is over. Longer than the hour after which Redis delivers the message
# of a killed worker again, and shorter than the time between two nights.
RUN_TTL = dt.timedelta(hours=4)
CHECK_EVERY = 1.0  # seconds
# What the functions below raise if Redis does not answer.
ERRORS = (RedisError, StoreUnavailableError)


def client() -> Redis:
    """Return a client of the shared Redis.

    Raises:
        ImproperlyConfigured: no Redis is known.
    """
    return _client(_address())


def _address() -> str:
    url = task_queue.redis_url()
    if url is None:
        raise ImproperlyConfigured(
            "The workers need a Redis that they share: set COGNITO_MFA['REDIS_URL'] to its address."
        )
    return url.reveal()


@cache
def _client(address: str) -> Redis:
    return Redis.from_url(address, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)


def _key(*parts: object) -> str:
    return ":".join(map(str, (PREFIX, get_conf().USER_POOL_ID, *parts)))


class SharedLimiter:
    """One rate of calls for all workers."""

    def __init__(self, rate: float, *, sleep: Callable[[float], object] = time.sleep) -> None:
        """Make a limiter; workers with different rates share the same budget.

        Args:
            rate: calls a second.
            sleep: waits for so many seconds.

        Raises:
            ImproperlyConfigured: no Redis is known.
        """
        if not rate > 0:
            raise ValueError("rate must be above zero")
        self._sleep = sleep
        self._cost = max(1, round(UNITS / rate))
        # What may be taken in advance is the same for each rate, so that none is let wait for ever by another.
        burst = round(BURST * UNITS) + self._cost
        self._throttled = Throttled(
            key=_key("calls"),
            using=RateLimiterType.GCRA.value,
            quota=rate_limiter.per_sec(UNITS, burst),
            store=RedisStore(
                _address(), options={"SOCKET_TIMEOUT": TIMEOUT, "SOCKET_CONNECT_TIMEOUT": TIMEOUT}
            ),
        )

    def acquire(self) -> None:
        """Return when the next call may be made."""
        while (result := self._throttled.limit(cost=self._cost)).limited:
            self._sleep(result.state.retry_after)


class Begun(NamedTuple):
    """A run that has begun.

    Attributes:
        at: when, in ISO 8601.
        shards: the numbers of those that are not finished.
    """

    at: str
    shards: list[int]


class SharedRun:
    """A sync of all users, in shards; no second one begins while it runs.

    Attributes:
        name: what tells this run from others: the id of the task that began it.
    """

    def __init__(self, redis: Redis, name: str) -> None:
        """Name a run; nothing is claimed yet.

        Args:
            redis: from ``client``.
            name: of the run.
        """
        self.name = name
        self._redis = redis

    def begin(self, shards: int) -> Begun | None:
        """Claim the run; return None while another one runs, and where this one is finished.

        Its own message may be delivered again, after a worker was killed at any line of this function. Then the run has
        begun when it did at first, and shards that are finished are not done again.

        Args:
            shards: how many there are.
        """
        if self._redis.exists(_key("finished", self.name)):
            return None
        if (
            not self._redis.set(_key("sync"), self.name, nx=True, ex=RUN_TTL)
            and not self.is_current
        ):
            return None
        began, left = _key("began", self.name), _key("shards", self.name)
        if not self._redis.exists(began):
            self._redis.sadd(left, *range(1, shards + 1))
            self._redis.expire(left, RUN_TTL)
            self._redis.set(began, timezone.now().isoformat(), nx=True, ex=RUN_TTL)
        at: Any = self._redis.get(began)
        numbers: Any = self._redis.smembers(left)
        return Begun(at.decode(), sorted(map(int, numbers)))

    @property
    def is_current(self) -> bool:
        """Return whether this run was begun, and is neither finished nor forgotten."""
        found: Any = self._redis.get(_key("sync"))
        return found is not None and found.decode() == self.name

    def finish(self, shard: int) -> bool:
        """Record that a shard is done; return whether it was the last one.

        Args:
            shard: its number.
        """
        key = _key("shards", self.name)
        if not self._redis.srem(key, shard) or self._redis.exists(key):
            return False
        self._redis.set(_key("finished", self.name), 1, ex=RUN_TTL)
        if self.is_current:
            self._redis.delete(_key("sync"))
        return True


class Turn:
    """The right of one execution to work on a shard: the newest has it.

    A message that is delivered again takes over at once, whatever became of the worker that had it. Where that one is
    alive after all, it notices within a second and stops, so that hardly anyone is asked about twice.
    """

    def __init__(
        self,
        redis: Redis,
        run: SharedRun,
        shard: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the turn.

        Args:
            redis: from ``client``.
            run: a current one.
            shard: its number.
            clock: returns the time in seconds.
        """
        self._redis, self._run, self._clock = redis, run, clock
        self._key = _key("turn", run.name, shard)
        self._token = secrets.token_hex(8)
        self._checked_at = clock()
        self.is_over = False
        redis.set(self._key, self._token, ex=RUN_TTL)
        self._keep()

    def has_ended(self) -> bool:
        """Return whether another execution has the shard now.

        Redis is asked once a second, and the run is kept alive.
        """
        now = self._clock()
        if self.is_over or now - self._checked_at < CHECK_EVERY:
            return self.is_over
        self._checked_at = now
        found: Any = self._redis.get(self._key)
        self.is_over = found is None or found.decode() != self._token or not self._run.is_current
        if not self.is_over:
            self._keep()
        return self.is_over

    def _keep(self) -> None:
        name = self._run.name
        for key in (self._key, _key("sync"), _key("began", name), _key("shards", name)):
            self._redis.expire(key, RUN_TTL)
