"""Who somebody of the pool is here: found by the lasting ``sub``, and by a name only where nothing
lasting is known.

Names are given again: to delete and create a person anew is a common remedy for a lost phone, and
successors get old names. Cognito's challenges tell the name alone; its tokens tell the ``sub``.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from cognito_mfa.conf import get_conf
from cognito_mfa.models import CognitoIdentity
from cognito_mfa.pending import PendingSignIn

Status = CognitoIdentity.Status


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a step of a sign-in is about, as far as anybody can tell before the code was right.

    Attributes:
        username: the pool's own name.
        sub: the person's; empty while only the name is known.
        identity: the row of this ``sub``; without one the live row of this name, which may be that of
            somebody who had the name before.
    """

    username: str
    sub: str = ""
    identity: CognitoIdentity | None = None


def known(sub: str) -> CognitoIdentity | None:
    """Return the row of the pool's person ``sub``, or None."""
    found = _rows().filter(sub=sub)
    return next((row for row in found if row.sub == sub), None)


def live_named(username: str) -> CognitoIdentity | None:
    """Return the one row of the pool's name ``username`` that may still be somebody's, or None.

    Never one whose person is gone; of several the newest link. Only for where no ``sub`` is known. In a
    case-sensitive pool "Ada" and "ada" are two people, whatever the database takes for equal.
    """
    found = _rows().filter(username=username).exclude(status=Status.GONE)
    exact = [row for row in found if row.username == username]
    return max(exact, key=lambda row: (row.created_at, row.pk), default=None)


def asked(begun: PendingSignIn) -> Asked:
    """Return whom the pending sign-in is about."""
    name = begun.challenge.username if begun.challenge else ""
    if begun.sub:
        identity = known(begun.sub)
        own = identity.username if identity else begun.username
        return Asked(name or own, begun.sub, identity)
    identity = live_named(name) if name else None
    # In pools whose people sign in with an address, the pool's own name is the sub.
    lasting = identity is not None and identity.username == identity.sub
    return Asked(name, name if lasting else "", identity)


def _rows() -> QuerySet[CognitoIdentity]:
    rows = CognitoIdentity.objects.filter(pool_id=get_conf().USER_POOL_ID)
    return rows.select_related("user")
