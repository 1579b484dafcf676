"""Finds identities of the pool in use: by the ``sub``, and by username only while no ``sub`` is known.

Usernames are given again: deleting and creating a user anew is a common remedy for a lost phone, and
successors get old names. Cognito's challenges tell the username alone; its tokens tell the ``sub``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from cognito_mfa.conf import get_conf
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.values.comparison import same

Status = CognitoIdentity.Status


@dataclass(frozen=True, slots=True)
class ChallengedUser:
    """The user whose code a step of a sign-in asks for, as far as is known before the code was right.

    Attributes:
        username: the pool's own name.
        sub: the user's; empty while only the username is known.
        identity: the row of this ``sub``; without one the current row of this username, which may be
            that of a former user of the same name.
        device: what Cognito calls the software token that it asks for.
    """

    username: str
    sub: str = ""
    identity: CognitoIdentity | None = None
    device: str = ""


# Django takes longer to put this together from querysets than the query takes that it saves.
IS_CURRENT = """
EXISTS (
    SELECT 1 FROM cognito_mfa_cognitoidentity
    WHERE id = %s AND generation = %s AND nonce = %s AND pool_id = %s AND status <> %s
) AND NOT EXISTS (
    SELECT 1 FROM cognito_mfa_cognitoidentity
    WHERE pool_id = %s AND username = %s AND id <> %s
)
"""


class ExpectedIdentity(NamedTuple):
    """The only identity that a code may be of, as it was when the password was sent.

    Attributes:
        sub: the user's.
        key: of the row.
        generation: of the row; it tells with ``nonce`` of every change that ends sign-ins.
        nonce: of the row.
        username: by which Cognito's challenge named the user; empty where the ``sub`` was known.
    """

    sub: str
    key: int
    generation: int
    nonce: int
    username: str

    @property
    def is_current(self) -> RawSQL:
        """What holds while the row is unchanged, and no other one of this pool has the name.

        SECURITY: the database compares names with less care than Cognito. One that it takes for the same only leads to
        a closer look.
        """
        pool = get_conf().USER_POOL_ID
        own = (self.key, self.generation, self.nonce, pool, Status.GONE.value)
        return RawSQL(IS_CURRENT, (*own, pool, self.username, self.key), BooleanField())  # noqa: S611 - a constant


def by_sub(sub: str) -> CognitoIdentity | None:
    """Return the identity of the pool's user ``sub``, with its user and its device, or None."""
    found = CognitoIdentity.objects.in_pool().with_device().select_related("user")
    return next((row for row in found.filter(sub=sub) if row.sub == sub), None)


def by_username(username: str) -> CognitoIdentity | None:
    """Return the newest identity of that username whose user Cognito may still have, or None.

    Only for where no ``sub`` is known. In a case-sensitive pool "Ada" and "ada" are two users, whatever
    the database takes for equal.
    """
    return newest_of(all_of_username(username), username)


def all_of_username(username: str) -> list[CognitoIdentity]:
    """Return the identities that the database finds for ``username``, gone or not.

    With their devices, but without their users.
    """
    return list(CognitoIdentity.objects.in_pool().with_device().filter(username=username))


def newest_of(rows: Iterable[CognitoIdentity], username: str) -> CognitoIdentity | None:
    """Return what ``by_username`` would.

    Args:
        rows: identities of this pool, among them all of that username.
        username: the pool's own name.
    """
    exact = [row for row in rows if row.username == username and row.status != Status.GONE]
    return max(exact, key=lambda row: (row.created_at, row.pk), default=None)


def matching(name: str) -> list[CognitoIdentity]:
    """Return every identity that ``name`` may mean to an operator: a username or a ``sub``, gone or not."""
    rows = CognitoIdentity.objects.in_pool().select_related("user")
    found = rows.filter(Q(username=name) | Q(sub=name)).order_by("pk")
    return [row for row in found if name in (row.username, row.sub)]


def in_another_pool(username: str, email: str) -> CognitoIdentity | None:
    """Return an identity of another pool with this username or verified address, or None.

    One whose user that pool deleted does not count.

    Args:
        username: of a user of this pool.
        email: verified by this pool; empty where none is.
    """
    wanted = Q(username=username)
    if email:
        wanted |= Q(email=email) | Q(email__iexact=email)
    for row in CognitoIdentity.objects.in_other_pools().filter(wanted).order_by("pk"):
        if row.status != Status.GONE and (row.username == username or same(row.email, email)):
            return row
    return None


def challenged_user(
    username: str, device: str, rows: Iterable[CognitoIdentity] | None = None
) -> ChallengedUser:
    """Return whose code Cognito asks for when its challenge told no ``sub``.

    Args:
        username: the pool's own name, from the challenge.
        device: what the challenge calls the software token.
        rows: identities of this pool, among them all of that username; by default they are read.
    """
    identity = newest_of(all_of_username(username) if rows is None else rows, username)
    # In pools whose users sign in with an address, the pool's own name is the sub.
    is_sub = identity is not None and identity.username == identity.sub
    return ChallengedUser(username, username if is_sub else "", identity, device)
