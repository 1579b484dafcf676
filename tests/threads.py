"""Requests that come at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from django.db import connections


def in_threads(number: int, work: Callable[[], None]) -> None:
    """Run ``work`` in ``number`` threads at once, each with its own connection."""
    together = threading.Barrier(number)

    def run() -> None:
        try:
            together.wait()
            work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as threads:
        for future in [threads.submit(run) for _ in range(number)]:
            future.result()
