"""The list of deviations itself."""

from __future__ import annotations

from tests.second_opinion import test_removing, test_replacing, test_signing_in, test_the_gate
from tests.second_opinion.deviations import DEVIATIONS


def test_each_is_met_by_a_journey() -> None:
    """A journey that was renamed would take its deviation away in silence."""
    journeys: set[str] = set()
    for module in (test_removing, test_replacing, test_signing_in, test_the_gate):
        journeys |= vars(module).keys()
    assert set(DEVIATIONS) <= journeys
