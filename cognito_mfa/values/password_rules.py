"""A user pool's rules for passwords, from its policy or a setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

SHORTEST, LONGEST = 6, 99  # characters; Cognito lets a policy ask for no fewer and no more
MOST_REMEMBERED = 24  # earlier passwords that a policy can forbid


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """The rules for a new password.

    Attributes:
        length: how many characters it must have at least.
        uppercase: whether it must contain one of A to Z.
        lowercase: whether it must contain one of a to z.
        number: whether it must contain one of 0 to 9.
        symbol: whether it must contain a special character; a space inside is one.
        history: how many of the user's earlier passwords it must not be.
    """

    length: int = 8
    uppercase: bool = False
    lowercase: bool = False
    number: bool = False
    symbol: bool = False
    history: int = 0

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the rules from a mapping.

        Args:
            value: names of attributes with their values; what is left out is not required.

        Raises:
            ValueError: it says something else.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(value, Mapping) or set(value) - names:
            raise ValueError(
                f"must be a dictionary with some of the keys {', '.join(sorted(names))}"
            )
        for name, one in value.items():
            wanted = int if name in ("length", "history") else bool
            if type(one) is not wanted:
                raise ValueError(
                    f"must say {'a number' if wanted is int else 'True or False'} for {name!r}"
                )
        rules = cls(**value)
        if not SHORTEST <= rules.length <= LONGEST:
            raise ValueError(f"must say a 'length' from {SHORTEST} to {LONGEST}")
        if not 0 <= rules.history <= MOST_REMEMBERED:
            raise ValueError(f"must say a 'history' from 0 to {MOST_REMEMBERED}")
        return rules

    @classmethod
    def of_policy(cls, policy: Mapping[str, Any]) -> Self:
        """Return the rules of a pool.

        Args:
            policy: the PasswordPolicy of DescribeUserPool.

        Raises:
            ValueError: a member is not what the service model says.
        """
        return cls.read(
            {
                "length": policy.get("MinimumLength", 8),
                "uppercase": policy.get("RequireUppercase", False),
                "lowercase": policy.get("RequireLowercase", False),
                "number": policy.get("RequireNumbers", False),
                "symbol": policy.get("RequireSymbols", False),
                "history": policy.get("PasswordHistorySize", 0),
            }
        )

    def as_dict(self) -> dict[str, int | bool]:
        """Return the mapping that ``read`` accepts."""
        return asdict(self)
