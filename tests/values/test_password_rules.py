"""What a setting or a pool says of passwords, read and refused."""

from __future__ import annotations

from typing import Any

import pytest

from cognito_mfa.values.password_rules import PasswordRules


def test_what_is_left_out_is_not_required() -> None:
    assert PasswordRules.read({}) == PasswordRules(length=8)
    assert PasswordRules.read({"length": 12, "number": True}) == PasswordRules(12, number=True)
    rules = PasswordRules(12, number=True, history=5)
    assert PasswordRules.read(rules.as_dict()) == rules


@pytest.mark.parametrize(
    "value",
    [
        "long", ["length"], {"minimum": 8}, {"length": "12"}, {"length": True}, {"number": 1}, {"length": 5},
        {"length": 100}, {"history": 25}, {"history": -1},
    ],
    ids=str,
)  # fmt: skip
def test_what_means_nothing_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        PasswordRules.read(value)


def test_the_policy_of_a_pool() -> None:
    policy = {"MinimumLength": 10, "RequireSymbols": True, "TemporaryPasswordValidityDays": 7}
    assert PasswordRules.of_policy(policy) == PasswordRules(10, symbol=True)
    with pytest.raises(ValueError, match="number"):
        PasswordRules.of_policy({"MinimumLength": "10"})
