"""What tests of the nightly sync do: begin it, wait for its end, and compare its rows with Cognito."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cognito_mfa.models import CognitoIdentity
from tests.celery.processes import Redis, Worker, until
from tests.visitor import POOL_ID

Crowd = Callable[[int], list[CognitoIdentity]]
RUNNING = f"cognito_mfa:{POOL_ID}:sync"


def begin(**options: Any) -> str:
    """Begin a sync as Celery's beat does, and return its name."""
    from cognito_mfa.tasks import sync

    return str(sync.delay(**options).id)


def wait_for_the_end(broker: Redis, workers: list[Worker]) -> None:
    with broker.client() as client:
        until(
            lambda: "sync_finished" in printed(workers) and not client.exists(RUNNING),
            f"the sync ends:\n{printed(workers)}",
        )


def printed(workers: list[Worker]) -> str:
    return "".join(worker.printed for worker in workers)


def checked() -> set[str]:
    return set(CognitoIdentity.objects.exclude(checked_at=None).values_list("sub", flat=True))


def check_all(crowd: list[CognitoIdentity]) -> None:
    """Every row says what Cognito says."""
    statuses = list(CognitoIdentity.objects.order_by("username").values_list("status", flat=True))
    assert statuses == ["ENABLED", "NOT_SET_UP"] * (len(crowd) // 2)
    assert checked() == {row.sub for row in crowd}
