"""Limits the total time of a call, because botocore's timeouts apply to each packet."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from cognito_mfa.cognito.call_failures import Failure
from cognito_mfa.exceptions import UnavailableReason

DEADLINE = 12.0  # seconds for the whole call, all attempts included

_Answer = TypeVar("_Answer")
_ends_at: contextvars.ContextVar[float | None] = contextvars.ContextVar("ends_at", default=None)


class CallThread(threading.Thread):
    """Carries one call, so that its caller can stop waiting; also marks whose log lines to drop."""


@contextmanager
def within(seconds: float) -> Generator[None]:
    """Let all calls made inside take ``seconds`` together, and no longer."""
    ends_at, outer = time.monotonic() + seconds, _ends_at.get()
    token = _ends_at.set(ends_at if outer is None else min(ends_at, outer))
    try:
        yield
    finally:
        _ends_at.reset(token)


def run_within_deadline(work: Callable[[], _Answer | Failure]) -> _Answer | Failure:
    """Run ``work`` in a thread of its own, and return what it returns, or a failure at the deadline.

    In a thread, because no timeout of botocore or urllib3 bounds a reply that arrives byte by byte. It
    ends by itself; as a daemon it never keeps a worker from stopping.
    """
    if _seconds_left() <= 0:
        return Failure("transport", "", reason=UnavailableReason.DEADLINE_EXCEEDED, sent="no")
    answers: list[_Answer | Failure] = []
    context = contextvars.copy_context()

    def carry() -> None:
        try:
            answers.append(context.run(work))
        except BaseException as error:  # noqa: BLE001 - hooks for threads would see opened secrets in its frames
            answers.append(Failure("reply", type(error).__name__))

    thread = CallThread(target=carry, name="cognito-mfa-call", daemon=True)
    thread.start()
    thread.join(_seconds_left())
    return (
        answers[0]
        if answers
        else Failure("transport", "", reason=UnavailableReason.DEADLINE_EXCEEDED)
    )


def _seconds_left() -> float:
    ends_at = _ends_at.get()
    return DEADLINE if ends_at is None else max(0.0, min(DEADLINE, ends_at - time.monotonic()))
