"""Checks and sets the passwords of users. ``passwords`` decides how they are stored."""

from __future__ import annotations

from cognito_mfa.local.errors import PasswordHistoryPolicyViolationException
from cognito_mfa.local.rules.passwords import Password
from cognito_mfa.local.rules.state import User, UserPool

DAY = 86400


def check_new(pool: UserPool, user: User | None, password: str) -> None:
    """Refuse a password that the pool does not allow.

    Args:
        pool: The user pool.
        user: The user; None at a sign-up.
        password: The password.

    Raises:
        InvalidPasswordException: It breaks the policy.
        PasswordHistoryPolicyViolationException: The user had it before.
    """
    pool.policy.check(password)
    if user is None or pool.policy.history == 0:
        return
    known = [*user.earlier_passwords, *([user.password] if user.password else [])]
    for earlier in known[-pool.policy.history :]:
        if earlier.matches(pool.id, user.username, password):
            raise PasswordHistoryPolicyViolationException("Password has previously been used")


def give(pool: UserPool, user: User, password: str, now: float) -> None:
    """Give a user a permanent password, without checking it.

    Args:
        pool: The user pool.
        user: The user.
        password: The password.
        now: The time in Unix seconds.
    """
    history = pool.policy.history
    if history and user.password is not None:
        user.earlier_passwords = [*user.earlier_passwords, user.password][-history:]
    user.password = Password.of(pool.id, user.username, password)
    user.temporary_password_until = None
    user.modified_at = now


def give_temporary(pool: UserPool, user: User, password: str, now: float) -> None:
    """Give a user a temporary password, to be replaced at the first sign-in.

    Args:
        pool: The user pool.
        user: The user.
        password: The password.
        now: The time in Unix seconds.
    """
    give(pool, user, password, now)
    user.status = "FORCE_CHANGE_PASSWORD"
    user.temporary_password_until = now + pool.policy.temporary_password_days * DAY
