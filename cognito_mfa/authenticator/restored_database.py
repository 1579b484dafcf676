"""Ends the proofs and recovery codes that a restored database brings back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import F

from cognito_mfa.databases import current_rows
from cognito_mfa.exceptions import ChallengeLost
from cognito_mfa.models import CognitoIdentity, MFAEvent, RecoveryCode

CHUNK = 2000  # rows in memory
DETAIL = "RESTORED"  # in the events
# Sessions contain this counter. No user ends their other sessions this often between a backup and its restore.
AHEAD = 1000


class Ended(NamedTuple):
    """What was ended.

    Attributes:
        users: how many must pass MFA again.
        recovery_codes: how many were deleted.
    """

    users: int
    recovery_codes: int


def end_what_came_back(*, dry_run: bool = False) -> Ended:
    """End every session, every proof and every recovery code.

    SECURITY: the copy lacks later resets and used recovery codes. What they ended is valid again, and there is no
    way to tell which.

    Args:
        dry_run: only count.
    """
    codes = current_rows(RecoveryCode).all()
    if dry_run:
        return Ended(current_rows(CognitoIdentity).count(), codes.count())
    deleted, _by_model = codes.delete()
    current_rows(CognitoIdentity).update(sign_outs=F("sign_outs") + AHEAD)
    return Ended(sum(_invalidate_all()), deleted)


def _invalidate_all() -> Iterator[int]:
    for identity in current_rows(CognitoIdentity).order_by("pk").iterator(chunk_size=CHUNK):
        try:
            identity.invalidate_proofs(MFAEvent.Kind.STATUS_CHANGED, detail=DETAIL)
        except ChallengeLost:  # deleted since it was read
            continue
        yield 1
