"""Shows the progress of a sync: a bar on a terminal if Rich is installed, plain lines otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from cognito_mfa.management.output import LastingOutput
from cognito_mfa.pool_sync.plan import Counts

LINE_EVERY = 10.0  # seconds

Write = Callable[[str], object]


class Lines(AbstractContextManager["Lines"]):
    """Writes a line every few seconds, for a pipe or a log."""

    def __init__(self, write: Write, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare, without writing anything yet.

        Args:
            write: writes a line.
            clock: returns the time in seconds.
        """
        self._write, self._clock = write, clock
        self._last = clock()

    def say(self, text: str) -> None:
        """Write a line at once."""
        self._write(text)

    def __exit__(self, *_details: object) -> None:
        """Write nothing, because the caller writes the last line."""

    def show(self, counts: Counts) -> None:
        """Write a line, if the last one was a while ago."""
        now = self._clock()
        if now - self._last >= LINE_EVERY:
            self._last = now
            self._write(line(counts))


class Bar(AbstractContextManager["Bar"]):
    """Shows a bar with the rate and the time left."""

    def __init__(self, stream: Any) -> None:
        """Prepare, without showing anything yet.

        Args:
            stream: the terminal.

        Raises:
            ImportError: Rich is not installed.
        """
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._progress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            console=Console(file=stream),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, rate="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Write a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, counts: Counts) -> None:
        """Move the bar."""
        done = counts.asked + counts.failed
        self._progress.update(self._task, completed=done, total=counts.total, rate=pace(counts))


def progress_for(stream: LastingOutput, *, can_draw: bool = True) -> Bar | Lines:
    """Return what shows the progress.

    Args:
        stream: where to show it; it may be a terminal.
        can_draw: whether a bar may be drawn. Other lines at the same time would break it.
    """
    if can_draw and stream.isatty():
        try:
            # Not the stream itself, which ends each frame of the bar with a line end, and colors it red.
            return Bar(stream.as_file())
        except ImportError:
            pass
    return Lines(lambda text: stream.write(text, style_func=str))


def line(counts: Counts) -> str:
    """Return the progress of the run as one line."""
    done = counts.asked + counts.failed
    return f"Checked {done} of {counts.total} users, {pace(counts)}."


def pace(counts: Counts) -> str:
    """Return the rate, and the time left at that rate."""
    done = counts.asked + counts.failed
    rate = done / counts.seconds if counts.seconds else 0.0
    if not rate:
        return "0 a second"
    return f"{rate:.0f} a second, {duration(max(0, counts.total - done) / rate)} left"


def duration(seconds: float) -> str:
    """Return a duration for people, such as 1 h 05 min or 40 s."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
