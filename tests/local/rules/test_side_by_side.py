"""Work that is shared between two threads."""

from __future__ import annotations

import os
import threading

import pytest

from cognito_mfa.local.rules.side_by_side import side_by_side


def test_two_things_are_done_at_the_same_time() -> None:
    both = threading.Barrier(2)

    assert sorted(side_by_side([lambda: both.wait(10), lambda: both.wait(10)])) == [0, 1]


def test_results_are_in_the_order_of_the_work() -> None:
    for _ in range(20):
        assert side_by_side([lambda: "first", lambda: "second", lambda: "third"]) == [
            "first",
            "second",
            "third",
        ]


def test_who_is_not_alone_does_the_work_without_help() -> None:
    def nested() -> list[int]:
        return side_by_side([threading.get_ident, threading.get_ident])

    of_helper, own = side_by_side([nested, nested])

    assert of_helper[0] == of_helper[1] != own[0] == own[1] == threading.get_ident()


def test_an_error_is_raised_and_the_helper_is_free_again() -> None:
    def fails() -> int:
        raise LookupError("no key")

    for work in ([fails, lambda: 1], [lambda: 1, fails]):
        with pytest.raises(LookupError, match="no key"):
            side_by_side(work)
    test_two_things_are_done_at_the_same_time()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_a_helper_of_its_own() -> None:
    test_two_things_are_done_at_the_same_time()
    child = os.fork()
    if child == 0:
        try:
            test_two_things_are_done_at_the_same_time()
            os._exit(0)
        finally:
            os._exit(1)

    assert os.waitpid(child, 0)[1] == 0
