"""What an operator sees of a long sync, on a terminal and in a log."""

from __future__ import annotations

import io
import sys

import pytest

from cognito_mfa.management.sync_progress import Lines, duration, pace, progress_for
from cognito_mfa.pool_sync.plan import Counts


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def counts() -> Counts:
    return Counts(total=100_000, asked=47_900, failed=100, seconds=500.0)


def test_a_terminal_has_a_bar_with_the_rate_and_the_time_left() -> None:
    terminal = Terminal()
    with progress_for(terminal, print) as shown:
        shown.show(counts())
    assert "48000/100000" in terminal.getvalue()
    assert "96 a second, 9 min left" in terminal.getvalue()


def test_a_terminal_without_rich_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rich.console", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    assert isinstance(progress_for(Terminal(), print), Lines)


def test_a_log_has_a_line_every_ten_seconds() -> None:
    times, lines = iter([0.0, 5.0, 10.0, 12.0, 20.5]), list[str]()
    with Lines(lines.append, clock=lambda: next(times)) as shown:
        for _ in range(4):
            shown.show(counts())
    assert lines == ["Checked 48000 of 100000 users, 96 a second, 9 min left."] * 2


def test_what_is_not_terminal_has_lines() -> None:
    assert isinstance(progress_for(io.StringIO(), print), Lines)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (60, "1 min"), (3_900, "1 h 05 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_nothing_was_checked_yet() -> None:
    assert pace(Counts(total=3)) == "0 a second"
