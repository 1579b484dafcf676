"""The sign-ins of a pool whose tokens can still be used, with their refresh tokens.

Cognito keeps each until its refresh token expires. The local Cognito keeps a limited number for each
user, so that the memory and the state file of a server stay small even after weeks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import takewhile

from cognito_mfa.local.rules.state import TokenFamily, User, UserPool

LONGEST_ACCESS = 86400
#: The number of sign-ins of a user. Older ones end.
MOST_SIGN_INS = 1000
#: The number of rotated refresh tokens of a sign-in. Older ones are unknown, not replaced.
MOST_REFRESH_TOKENS = 1000


def digest(token: str) -> str:
    """Return the digest under which a refresh token is stored."""
    return hashlib.sha256(token.encode()).hexdigest()


def add(pool: UserPool, family: TokenFamily) -> None:
    """Add a sign-in, and end the oldest one of the user beyond the limit.

    Args:
        pool: The user pool.
        family: The tokens of the sign-in.
    """
    pool.families[family.event_id] = family
    _index(pool, family)
    mine = pool.family_ids[family.sub]
    if len(mine) > MOST_SIGN_INS:
        _drop(pool, pool.families[next(iter(mine))])


def add_token(pool: UserPool, family: TokenFamily, token: str) -> None:
    """Add a refresh token to a sign-in.

    Args:
        pool: The user pool.
        family: The tokens of the sign-in.
        token: The refresh token.
    """
    if len(family.refresh_tokens) >= MOST_REFRESH_TOKENS:
        oldest = next(iter(family.refresh_tokens))
        del family.refresh_tokens[oldest], pool.refresh_tokens[oldest]
    family.refresh_tokens[digest(token)] = None
    pool.refresh_tokens[digest(token)] = family.event_id


def of_token(pool: UserPool, token: str) -> TokenFamily | None:
    """Return the sign-in that a refresh token belongs to.

    Args:
        pool: The user pool.
        token: The refresh token.

    Returns:
        The tokens of the sign-in; None if the refresh token is unknown.
    """
    return pool.families.get(pool.refresh_tokens.get(digest(token), ""))


def of_user(pool: UserPool, user: User) -> Iterator[TokenFamily]:
    """Return the sign-ins of a user, the oldest first.

    Args:
        pool: The user pool.
        user: The user.

    Returns:
        The tokens of each.
    """
    ids = pool.family_ids.get(user.sub, {})
    return (pool.families[one] for one in ids if one in pool.families)


def forget_expired(pool: UserPool, now: float) -> None:
    """Forget sign-ins whose tokens all expired long ago, the oldest first.

    Args:
        pool: The user pool.
        now: The time in Unix seconds.
    """
    horizon = now - LONGEST_ACCESS
    for family in list(takewhile(lambda one: one.expires_at < horizon, pool.families.values())):
        _drop(pool, family)


def reindex(pool: UserPool) -> None:
    """Rebuild the indexes of the sign-ins, after a state file was read."""
    for family in pool.families.values():
        _index(pool, family)
        pool.refresh_tokens |= dict.fromkeys(family.refresh_tokens, family.event_id)


def _index(pool: UserPool, family: TokenFamily) -> None:
    pool.family_ids.setdefault(family.sub, {})[family.event_id] = None


def _drop(pool: UserPool, family: TokenFamily) -> None:
    del pool.families[family.event_id]
    for one in family.refresh_tokens:
        del pool.refresh_tokens[one]
    mine = pool.family_ids[family.sub]
    del mine[family.event_id]
    if not mine:
        del pool.family_ids[family.sub]
