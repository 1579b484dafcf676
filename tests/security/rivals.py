"""Another request that is faster: its rows come between our look and ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models.signals import pre_save


@contextmanager
def faster(sender: Any, make: Callable[[], object]) -> Iterator[None]:
    """Make rows before the first one of ``sender`` is saved, so that this one fails; and, as the other request's
    rows are not part of our transaction, make them again whenever a savepoint of ours is rolled back.

    Args:
        sender: a model.
        make: makes the rows of the other request, where they are not there.
    """

    def before(**_kwargs: object) -> None:
        pre_save.disconnect(before, sender=sender)
        make()

    def rolled_back(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        done = execute(sql, params, many, context)
        if sql.startswith("ROLLBACK TO SAVEPOINT"):
            make()
        return done

    pre_save.connect(before, sender=sender)
    try:
        with connection.execute_wrapper(rolled_back):
            yield
    finally:
        pre_save.disconnect(before, sender=sender)
