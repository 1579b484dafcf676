"""Finds the new pool's user for each link of the former pool, after a change of user pools.

A pool that was rebuilt, restored, or moved to another Region gives every user a new ``sub``. The username or the email
address stays the same, and the operator knows which. This module compares that one exactly, and leaves out every user
who has no clear match. ``links`` changes the rows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Count

from cognito_mfa.cognito import user_directory
from cognito_mfa.cognito.user_directory import PoolUser
from cognito_mfa.exceptions import LinkRefusedReason
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.values.comparison import ascii_lower

Reason = LinkRefusedReason


class Match(StrEnum):
    """What a user has in both pools."""

    EMAIL = "email"  # verified by both
    USERNAME = "username"


class Proposal(NamedTuple):
    """A link of the former pool, with the user of the new pool.

    Attributes:
        identity: of the former pool.
        pool_user: the same human being in this pool; None where that is not clear.
        refusal: why it is not.
    """

    identity: CognitoIdentity
    pool_user: PoolUser | None
    refusal: LinkRefusedReason | None = None


def former_pools() -> Counter[str]:
    """Return how many users are linked in each pool that the settings do not name."""
    pools = CognitoIdentity.objects.in_other_pools().values_list("pool_id")
    return Counter(dict(pools.annotate(users=Count("pk")).order_by("pool_id")))


def propose(pool_id: str, match: Match, *, pace: Callable[[], object]) -> Iterator[Proposal]:
    """Yield a proposal for each link of a former pool, after reading all users of the new one.

    Args:
        pool_id: of the former pool.
        match: what is compared.
        pace: of the pages of the pool's list, as in ``user_directory.everyone``.

    Raises:
        CognitoMFAError: Cognito did not answer.
    """
    rows = CognitoIdentity.objects.filter(pool_id=pool_id).order_by("pk")
    labels = rows.exclude(status=CognitoIdentity.Status.GONE).values_list("username", "email")
    wanted = Counter(filter(None, (_key(match, *label) for label in labels.iterator())))
    found: dict[str, list[PoolUser]] = defaultdict(list)
    for user in user_directory.everyone(pace=pace):
        key = _key(match, user.username, user.person.email)
        if key in wanted:
            found[key].append(user)
    # By keys, because the caller changes the rows between two of them.
    for row in list(rows.values_list("pk", flat=True)):
        identity = CognitoIdentity.objects.select_related("user").filter(pk=row).first()
        if identity is None or identity.pool_id != pool_id:
            continue
        key = _key(match, identity.username, identity.email)
        yield _proposal(identity, key, wanted[key], found.get(key, []))


def _key(match: Match, username: str, email: str) -> str:
    """Return what is compared; empty where there is nothing to compare."""
    return username if match is Match.USERNAME else ascii_lower(email)


def _proposal(identity: CognitoIdentity, key: str, rows: int, users: list[PoolUser]) -> Proposal:
    if identity.status == CognitoIdentity.Status.GONE:
        return Proposal(identity, None, Reason.GONE)
    if not key:
        return Proposal(identity, None, Reason.EMAIL_NOT_VERIFIED)
    if rows > 1:
        return Proposal(identity, None, Reason.SEVERAL_USERS)
    if len(users) > 1:
        return Proposal(identity, None, Reason.SEVERAL_IN_POOL)
    return Proposal(identity, users[0]) if users else Proposal(identity, None, Reason.NOT_IN_POOL)
