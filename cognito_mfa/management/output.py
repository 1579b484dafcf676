"""Output whose errors do not end a command, such as a closed pipe, a lost terminal, or a full disk."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.management.base import OutputWrapper

# The reader has read enough (``| head``), or the terminal is gone, so no one needs the rest.
READER_GONE = frozenset({errno.EPIPE, errno.EIO, errno.EBADF})


class LastingOutput(OutputWrapper):
    """Replaces a command's ``stdout`` or ``stderr``, and drops what cannot be written.

    Django's own last line goes through it, too, so that the exit code stays the command's.

    Attributes:
        lost: the error if output was lost that someone may need; None otherwise.
    """

    def __init__(self, stream: OutputWrapper) -> None:
        """Write to ``stream`` as long as it works."""
        super().__init__(stream)  # type: ignore[arg-type]  # which passes on what it has not itself
        self._stream = stream
        self.lost: OSError | None = None
        self._is_open = True

    def write(  # type: ignore[override]  # as the class of Django that it extends
        self,
        msg: str = "",
        style_func: Callable[[str], str] | None = None,
        ending: str | None = None,
    ) -> None:
        """Write a line, as Django does; no error is raised."""
        if not self._is_open:
            return
        try:
            self._stream.write(msg, style_func, ending)
            self._stream.flush()
        except OSError as error:
            self._is_open = False
            if error.errno not in READER_GONE:
                self.lost = error
            _discard(self._stream)
        except (ValueError, AttributeError):  # closed, or None because it was never open
            self._is_open = False

    def as_file(self) -> io.TextIOBase:
        """Return a file that writes text unchanged, without a line end and without Django's style."""
        return _File(self)


class _File(io.TextIOBase):
    def __init__(self, output: LastingOutput) -> None:
        self._output = output

    def write(self, text: str) -> int:
        self._output.write(text, style_func=str, ending="")
        return len(text)

    def isatty(self) -> bool:
        return self._output.isatty()


def _discard(stream: Any) -> None:
    """Let Python drop what it has buffered for ``stream``.

    It would fail again at exit, with another exit code. This is the way of the "Note on SIGPIPE" in Python's documentation
    of ``signal``.
    """
    with suppress(OSError, ValueError, AttributeError):
        number = stream.fileno()
        if number in (sys.__stdout__.fileno(), sys.__stderr__.fileno()):  # type: ignore[union-attr]
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, number)
            os.close(nothing)
