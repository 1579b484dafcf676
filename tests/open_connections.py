"""Connections that a test opens in another thread and leaves open, and sessions that keep a database from being deleted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

PATIENCE = 20.0  # seconds for a thread that is about to close its own
SESSIONS = """
    SELECT pid, query FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@contextmanager
def none_left_open() -> Iterator[None]:
    """Fail if another thread opens a connection during this and keeps it: nothing closes it before the process ends."""
    opened: list[tuple[str, BaseDatabaseWrapper]] = []
    here = threading.current_thread()

    def note(connection: BaseDatabaseWrapper, **_: Any) -> None:
        if threading.current_thread() is not here:
            opened.append((threading.current_thread().name, connection))

    connection_created.connect(note)
    try:
        yield
    finally:
        connection_created.disconnect(note)
    left = [(thread, one) for thread, one in opened if not _happens(partial(_is_closed, one))]
    for _thread, one in left:
        one.inc_thread_sharing()
        one.close()
    assert not left, f"left open in {[thread for thread, _ in left]}; async_to_sync() leaves none"


def end_other_sessions() -> None:
    """End each other session of the test database, which could not be deleted else, and fail with its last query.

    One that is just being closed is waited for.
    """
    if connection.vendor != "postgresql":
        return
    if _happens(lambda: not _other_sessions()):
        return
    left = _other_sessions()
    with connection.cursor() as cursor:
        for process in left:
            cursor.execute("SELECT pg_terminate_backend(%s)", [process])
    assert not left, f"left open, after {list(left.values())}"


def _is_closed(one: BaseDatabaseWrapper) -> bool:
    return one.connection is None or _is_in_memory(one)


def _is_in_memory(one: BaseDatabaseWrapper) -> bool:
    """Return whether nothing can close it: it is all there is of an SQLite database."""
    return one.vendor == "sqlite" and one.is_in_memory_db()  # type: ignore[attr-defined]


def _other_sessions() -> dict[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(SESSIONS)
        return dict(cursor.fetchall())


def _happens(what: Callable[[], bool]) -> bool:
    """Return whether something happens soon, if it has not yet."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
