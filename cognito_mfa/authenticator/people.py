"""Who somebody of the pool is here: found by the lasting ``sub``, and by a name only where nothing
lasting is known.

Names are given again: to delete and create a person anew is a common remedy for a lost phone, and
successors get old names. Cognito's challenges tell the name alone; its tokens tell the ``sub``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q, QuerySet

from cognito_mfa.conf import get_conf
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken

Status = CognitoIdentity.Status


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom a step of a sign-in is about, as far as anybody can tell before the code was right.

    Attributes:
        username: the pool's own name.
        sub: the person's; empty while only the name is known.
        identity: the row of this ``sub``; without one the live row of this name, which may be that of
            somebody who had the name before.
        device: what Cognito calls the authenticator that it asks for.
    """

    username: str
    sub: str = ""
    identity: CognitoIdentity | None = None
    device: str = ""


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


def called(name: str) -> list[CognitoIdentity]:
    """Return every row of this pool that ``name`` may mean to an operator: a name, or a ``sub``, gone or not."""
    found = _rows().filter(Q(username=name) | Q(sub=name)).order_by("pk")
    return [row for row in found if name in (row.username, row.sub)]


def named(username: str, device: str) -> Asked:
    """Return who is asked when a challenge told the name, and what it calls the authenticator."""
    identity = live_named(username)
    # In pools whose people sign in with an address, the pool's own name is the sub.
    lasting = identity is not None and identity.username == identity.sub
    return Asked(username, username if lasting else "", identity, device)


def retire(identity: CognitoIdentity) -> None:
    """Write down that the pool no longer has this person: what was set up is over, and sessions end.

    Nobody is told: the name, and with it the mailbox, may be somebody else's by now.
    """
    with transaction.atomic():
        row = CognitoIdentity.objects.select_for_update().filter(pk=identity.pk).first()
        if row is None or row.status == Status.GONE:
            return
        detail = f"{row.status} → {Status.GONE}"
        row.invalidate_proofs(MFAEvent.Kind.STATUS_CHANGED, detail=detail)
        row.retire_token(SoftwareToken.Retired.REMOVED_ELSEWHERE)
        row.record_status(Status.GONE)
    identity.refresh_from_db()


def retire_namesakes(username: str, sub: str, *, told_at: dt.datetime | None = None) -> None:
    """Retire every other row of the same name: at any moment a pool has one person of a name.

    Nobody's name ever changes, so that a row of this name and of another ``sub`` is about somebody gone.

    Args:
        username, sub: as tokens of Cognito name a person.
        told_at: when they did; rows that were linked later may know better. None for just now.
    """
    others = _rows().filter(username=username).exclude(sub=sub)
    for row in others.exclude(status=Status.GONE):
        older = told_at is None or row.created_at < told_at
        if older and row.username == username and row.sub != sub:
            retire(row)


def _rows() -> QuerySet[CognitoIdentity]:
    rows = CognitoIdentity.objects.filter(pool_id=get_conf().USER_POOL_ID)
    return rows.select_related("user")
