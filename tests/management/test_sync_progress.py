"""What an operator sees of a long sync, on a terminal and in a log."""

from __future__ import annotations

import io
import sys

import pytest
from django.core.management.base import OutputWrapper

from cognito_mfa.management.output import LastingOutput
from cognito_mfa.management.sync_progress import Lines, duration, pace, progress_for
from cognito_mfa.pool_sync.plan import Counts


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lasting(stream: io.StringIO) -> LastingOutput:
    wrapper = OutputWrapper(stream)
    wrapper.style_func = lambda text: f"<red>{text}</red>"
    return LastingOutput(wrapper)


def counts() -> Counts:
    return Counts(total=100_000, asked=47_900, failed=100, seconds=500.0)


def test_a_terminal_has_a_bar_with_the_rate_and_the_time_left() -> None:
    terminal = Terminal()
    with progress_for(lasting(terminal)) as shown:
        shown.show(counts())
        shown.say("ada: [bold]slow_down.")
    assert "ada: [bold]slow_down.\n" in terminal.getvalue()
    assert "48000/100000" in terminal.getvalue()
    assert "96 a second, 9 min left" in terminal.getvalue()


def test_the_bar_stays_on_one_line_and_keeps_its_colors() -> None:
    """Django's wrapper of a terminal ends whatever is written with a line's end, in the style of errors."""
    terminal = Terminal()
    with progress_for(lasting(terminal)) as shown:
        for _ in range(3):
            shown.show(counts())
    assert "red" not in terminal.getvalue()
    assert terminal.getvalue().count("\n") <= 1


def test_no_bar_is_drawn_between_lines() -> None:
    assert isinstance(progress_for(lasting(Terminal()), can_draw=False), Lines)


def test_a_terminal_without_rich_has_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rich.console", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    assert isinstance(progress_for(lasting(Terminal())), Lines)


def test_a_log_has_a_line_every_ten_seconds() -> None:
    times, lines = iter([0.0, 5.0, 10.0, 12.0, 20.5]), list[str]()
    with Lines(lines.append, clock=lambda: next(times)) as shown:
        for _ in range(4):
            shown.show(counts())
    assert lines == ["Checked 48000 of 100000 users, 96 a second, 9 min left."] * 2


def test_what_is_not_terminal_has_lines() -> None:
    assert isinstance(progress_for(lasting(io.StringIO())), Lines)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (60, "1 min"), (3_900, "1 h 05 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_nothing_was_checked_yet() -> None:
    assert pace(Counts(total=3)) == "0 a second"
