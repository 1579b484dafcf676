"""The figures of ``docs/scaling.md`` follow from its formulas, the app's own limits, and the sizes that it lists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cognito_mfa.cognito import circuit_breaker, deadline
from cognito_mfa.pool_sync.plan import RATE
from cognito_mfa.values.clocks import SKEW

TEXT = (Path(__file__).parent.parent / "docs" / "scaling.md").read_text()
USERS = (1_000_000, 100_000_000)
PEAK = 0.2  # of a day's sign-ins, in the busiest hour
SIGN_INS, SETUPS = 120, 25  # AWS's quotas, in requests a second
CALLS_OF_A_SETUP = 3
SESSIONS = "Django's sessions"
HOUR, DAY = 3600, 86_400


def row(name: str) -> list[str]:
    """Return the cells of a row of one of the page's tables."""
    [cells] = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", TEXT, re.MULTILINE)
    return [cell.strip() for cell in cells.split("|")]


def bytes_of(name: str) -> int:
    table, indexes, _rows = row(name)
    return int(table) + int(indexes)


def duration(seconds: float) -> str:
    """Return a time as the page writes it."""
    if seconds > 2 * DAY:
        return f"{seconds / DAY:.0f} days"
    if seconds > 10 * HOUR:
        return f"{seconds / HOUR:.0f} hours"
    if seconds > HOUR:
        return f"{seconds // HOUR:.0f} h {seconds % HOUR / 60:.0f} min"
    return f"{seconds / 60:.0f} min"


def test_what_limits_a_large_site() -> None:
    signing_in = [users * PEAK / HOUR for users in USERS]
    assert row("Sign-ins a second in the busiest hour") == [f"{each:,.0f}" for each in signing_in]
    setups = [duration(users * CALLS_OF_A_SETUP / SETUPS) for users in USERS]
    assert row("First setups of all users at 25 calls a second") == setups
    for rate in (RATE, 1000):
        times = [duration(users / rate) for users in USERS]
        assert row(f"A sync at {rate:,.0f} users a second") == times


def test_what_a_large_site_stores() -> None:
    tables = ("`CognitoIdentity`", "`SoftwareToken`", "`CodeFailures`")
    each = sum(map(bytes_of, tables))
    sizes = [
        f"{users * each / 1e9:.{places}f} GB" for users, places in zip(USERS, (1, 0), strict=True)
    ]
    assert row("Identities, devices, and counters in PostgreSQL") == sizes
    event = bytes_of("`MFAEvent`")
    sizes = [
        f"{users * event / 1e9:.{places}f} GB" for users, places in zip(USERS, (1, 0), strict=True)
    ]
    assert row("Events of sign-ins, each day") == sizes
    assert f"A million sign-ins a day add {event * 1e6 / 1e9:.2f} GB a day" in TEXT
    assert round(30 * USERS[1] * event / 1e12) == 1
    assert f"At {bytes_of(SESSIONS)} bytes, a million sessions are 0.7 GB" in TEXT


@pytest.mark.parametrize(
    "sentence",
    [
        f"about {9 * HOUR * RATE / 1e6:.0f} million users on",
        f"from {SIGN_INS} to 5,556 sign-ins a second costs {(5556 - SIGN_INS) * 20:,} dollars a month",
        f"setups a second = {SETUPS} / 3 calls = {SETUPS / CALLS_OF_A_SETUP:.1f}",
        f"are {50 * 300:,} users, who need {-(-50 * 300 // (SIGN_INS - 50))} seconds by the formula",
        f"with {RATE / 4:.0f} calls a second each take as long as one with {RATE:.0f}",
        f"Each process makes at most {deadline.CALLS} calls at a time",
        f"There are never more than {deadline.THREADS} threads",
        f"A call that gets no answer ends after {deadline.DEADLINE:.0f} seconds",
        f"With 50 ms for a call, {deadline.CALLS} calls at a time are {deadline.CALLS / 0.05:,.0f}",
        f"each call that has waited for more than {'one' if circuit_breaker.LATE == 1 else '?'} second counts",
        f"{'five' if circuit_breaker.PAUSE == 5 else '?'} seconds\n   after this one began",
        f"may differ by {SKEW} seconds",
    ],
)
def test_a_figure_in_the_text(sentence: str) -> None:
    assert re.sub(r"\s+", " ", sentence) in re.sub(r"\s+", " ", TEXT)
