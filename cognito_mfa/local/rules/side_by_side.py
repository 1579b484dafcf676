"""Runs two functions at the same time on two processors, such as the signatures of a sign-in.

A signature takes most of a sign-in's time and does not need the GIL. A client gets its tokens sooner if
both signatures are made at the same time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")

#: The threads that are working now. If there are several, the processors are busy already.
_at_work: list[int] = []


def side_by_side(work: Sequence[Callable[[], Result]]) -> list[Result]:
    """Return the results of several functions, in their order.

    Args:
        work: The functions. The first one may be called in another thread.
    """
    _at_work.append(threading.get_ident())
    try:
        if len(work) < 2 or len(_at_work) > 1:  # noqa: PLR2004 - nothing to share
            return [do() for do in work]
        first = _helper(os.getpid()).submit(work[0])
        others = [do() for do in work[1:]]
        return [first.result(), *others]
    finally:
        _at_work.pop()


@cache
def _helper(process: int) -> ThreadPoolExecutor:
    """Return the helper thread of a process. A forked child needs its own."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1, thread_name_prefix=f"signing-{process}")
