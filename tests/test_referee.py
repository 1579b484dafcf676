"""The referee itself: it sees every answer, and knows a wrong one."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.local import LocalCognito, faults
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.wire.messages import Answer
from tests.referee import Referee
from tests.visitor import POOL_ID, Visitor

USER = {"Username": "regular", "Enabled": True, "UserStatus": "CONFIRMED"}


@pytest.mark.parametrize(
    ("operation", "answer", "problem"),
    [
        ("AdminGetUser", Answer({"Enabled": True}), "Missing required parameter"),
        ("AdminGetUser", Answer({**USER, "Enabled": "yes"}), "Invalid type"),
        ("AdminGetUser", Answer({**USER, "UserStatus": "ASLEEP"}), "is not one of"),
        ("AdminGetUser", Answer({**USER, "Secret": "x"}), "Unknown parameter"),
        ("AdminGetUser", Answer({**USER, "UserMFASettingList": []}), "should be absent"),
        ("AdminGetUser", Answer({**USER, "Username": "x" * 129}), "more than 128"),
        ("AdminDeleteUser", Answer({"Done": True}), "members where there are none"),
        ("AdminGetUser", Answer.failure("CodeMismatchException", "no"), "is not declared"),
        ("AdminGetUser", Answer.failure("UserNotFoundException", "no", 404), "status 404"),
    ],
)
def test_a_wrong_answer_is_written_down(
    cognito_model: Any, operation: str, answer: Answer, problem: str
) -> None:
    judge = Referee(cognito_model)
    judge(operation, answer)
    assert problem in "\n".join(judge.problems)


def test_a_right_answer_is_not(cognito_model: Any) -> None:
    judge = Referee(cognito_model)
    judge("AdminGetUser", Answer(USER))
    judge("AdminGetUser", Answer.failure("UserNotFoundException", "no"))
    assert (judge.problems, judge.seen) == ([], 2)


def test_a_persons_way_through_the_site_is_watched(
    referee: Referee, visitor: Visitor, pool: LocalPool
) -> None:
    visitor.set_up()
    assert referee.seen >= 4


def test_an_answer_is_judged_before_a_fault_changes_it(
    referee: Referee, cognito: LocalCognito, pool: LocalPool
) -> None:
    cognito.faults.on("AdminGetUser", faults.Edit(lambda _: {"Nonsense": 1}))
    cognito.client().admin_get_user(UserPoolId=POOL_ID, Username="newcomer")
    assert referee.seen == 1
