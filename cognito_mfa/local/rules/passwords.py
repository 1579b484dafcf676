"""Passwords and the password policy.

Only SRP's private value x is stored, salted and bound to pool and user. It verifies a password
and is enough for an SRP sign-in. The password itself is never stored.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass, field

from cognito_mfa.local.errors import InvalidPasswordException

SYMBOLS = frozenset("^$*.[]{}()?-\"!@#%&/\\,><':;|_~`+= ")
SALT_BYTES = 16
ALPHABET = string.ascii_letters + string.digits + "!@#%&*"


@dataclass(frozen=True, slots=True)
class Password:
    """What is stored of a password."""

    salt: str = field(repr=False)
    x: str = field(repr=False)

    @classmethod
    def of(cls, pool_id: str, username: str, password: str) -> Password:
        # SRP pads a number whose first bit is set. A salt whose first bit is clear needs no padding.
        """Return what is stored of a password.

        Args:
            pool_id: The id of the pool, which is part of the hash.
            username: The username, which is part of the hash.
            password: The password.

        Returns:
            The password with a fresh salt.
        """
        salt = bytes([secrets.randbelow(0x7F) + 1]) + secrets.token_bytes(SALT_BYTES - 1)
        return cls(salt.hex(), _private_value(salt, pool_id, username, password))

    def matches(self, pool_id: str, username: str, password: str) -> bool:
        """Return whether this is the password.

        Args:
            pool_id: The id of the pool.
            username: The username.
            password: The password.

        Returns:
            True if it is. The comparison takes constant time.
        """
        x = _private_value(bytes.fromhex(self.salt), pool_id, username, password)
        return hmac.compare_digest(x, self.x)


def _private_value(salt: bytes, pool_id: str, username: str, password: str) -> str:
    identity = f"{pool_id.partition('_')[2]}{username}:{password}".encode()
    return hashlib.sha256(salt + hashlib.sha256(identity).digest()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordPolicy:
    """Cognito's default policy, unless the pool says otherwise."""

    minimum_length: int = 8
    require_uppercase: bool = True
    require_lowercase: bool = True
    require_numbers: bool = True
    require_symbols: bool = True
    temporary_password_days: int = 7
    history: int = 0
    """How many earlier passwords may not come again."""

    def check(self, password: str) -> None:
        """Refuse a password with Cognito's text for the first rule that it breaks."""
        if len(password) < self.minimum_length:
            raise _not_conforming("Password not long enough")
        for required, characters, name in self._rules():
            if required and not characters.intersection(password):
                raise _not_conforming(f"Password must have {name} characters")

    def _rules(self) -> list[tuple[bool, frozenset[str], str]]:
        return [
            (self.require_uppercase, frozenset(string.ascii_uppercase), "uppercase"),
            (self.require_lowercase, frozenset(string.ascii_lowercase), "lowercase"),
            (self.require_numbers, frozenset(string.digits), "numeric"),
            (self.require_symbols, SYMBOLS, "symbol"),
        ]


def _not_conforming(reason: str) -> InvalidPasswordException:
    return InvalidPasswordException(f"Password did not conform with policy: {reason}")


def made_up(length: int) -> str:
    """Return a random temporary password of at least this length, which every policy accepts."""
    one_of_each = "".join(
        secrets.choice(kind)
        for kind in (string.ascii_uppercase, string.ascii_lowercase, "0123", "!@#")
    )
    return one_of_each + "".join(secrets.choice(ALPHABET) for _ in range(max(length, 12) - 4))
