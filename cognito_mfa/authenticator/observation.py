"""What Cognito's answer about a user's factors means for the user's row, and how it is recorded.

An answer is older than whatever a person did here while it was on its way. So a row is read before Cognito is asked,
and written only while it is as it was read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from cognito_mfa.cognito import admin_api
from cognito_mfa.cognito.types import Factors
from cognito_mfa.databases import atomic_for
from cognito_mfa.exceptions import CognitoMFAError
from cognito_mfa.models import CognitoIdentity, MFAEvent, SoftwareToken

Status = CognitoIdentity.Status
Unconfirmed = CognitoIdentity.Unconfirmed

READ = ("pk", "user_id", "sub", "username", "status", "preferred_factor", "unconfirmed", "generation", "checked_at",
        "disabled_at", "token")  # fmt: skip


class Known(NamedTuple):
    """A row as it was read before Cognito was asked.

    Attributes:
        token: the key of the active software token; None without one.
        others: as in ``CognitoIdentity``.
    """

    pk: Any
    user_id: Any
    sub: str
    username: str
    status: str
    preferred_factor: str
    unconfirmed: str
    generation: int
    checked_at: dt.datetime | None
    disabled_at: dt.datetime | None
    token: Any

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Return values of which every change of the user's MFA here changes at least one."""
        return self.generation, self.checked_at, self.status, self.token

    @property
    def uses_sent_codes(self) -> bool:
        """Return whether a code by text message or email is the user's second factor."""
        return self.status != Status.GONE and self.preferred_factor in CognitoIdentity.SENT_CODES


class Observation(NamedTuple):
    """What the row says once the answer is recorded."""

    status: CognitoIdentity.Status
    preferred_factor: str = ""
    unconfirmed: CognitoIdentity.Unconfirmed | Literal[""] = ""


def read(rows: QuerySet[CognitoIdentity]) -> Iterator[Known]:
    """Return ``rows`` as they are now, in one query.

    Args:
        rows: identities, locked where they are going to be written.
    """
    return map(Known._make, _with_token(rows).values_list(*READ))


def fingerprints(rows: QuerySet[CognitoIdentity]) -> dict[Any, tuple[object, ...]]:
    """Return the fingerprint of each of ``rows`` as it is now, by its key."""
    found = _with_token(rows).values_list("pk", "generation", "checked_at", "status", "token")
    return {key: tuple(values) for key, *values in found}


def _with_token(rows: QuerySet[CognitoIdentity]) -> QuerySet[Any]:
    # No join: PostgreSQL does not lock a row that may be missing.
    active = SoftwareToken.objects.active().filter(identity=OuterRef("pk")).values("pk")[:1]
    return rows.annotate(token=Subquery(active))


def observe(
    known: Known, factors: Factors | None, list_may_be_incomplete: Callable[[], bool]
) -> Observation:
    """Return what an answer means for the row.

    Args:
        known: the row as it was read before.
        factors: what Cognito lists; None where the pool has no such user.
        list_may_be_incomplete: asked only where it matters, such as the function of this name.
    """
    status = _status(known, factors, list_may_be_incomplete)
    preferred = _preferred_factor(known, factors, list_may_be_incomplete)
    return Observation(status, preferred, _still_unconfirmed(known, status))


def ends_proofs(known: Known, seen: Observation) -> bool:
    """Return whether sessions must pass MFA again, because the authenticator or the user is gone.

    Args:
        known: the row as it was read before Cognito was asked.
        seen: what the answer means.
    """
    lost = seen.status in (Status.NOT_SET_UP, Status.GONE) and known.token is not None
    return lost or (seen.status == Status.GONE and known.status != Status.GONE)


def record(
    identity: CognitoIdentity, known: Known, seen: Observation, *, actor: Any = None
) -> bool:
    """Record what Cognito said, unless the row changed since.

    Args:
        identity: the user's; it is changed like its row.
        known: the row as it was read before Cognito was asked.
        seen: what the answer means.
        actor: the user who asked; None for a command.

    Returns:
        False where nothing was written, because the row was changed or deleted since.
    """
    with atomic_for(CognitoIdentity):
        now = next(read(CognitoIdentity.objects.select_for_update().filter(pk=identity.pk)), None)
        if now is None or now.fingerprint != known.fingerprint:
            return False
        identity.record_status(
            seen.status, preferred_factor=seen.preferred_factor, unconfirmed=seen.unconfirmed
        )
        if seen.status in (Status.NOT_SET_UP, Status.GONE):
            identity.retire_token(SoftwareToken.Retired.REMOVED_ELSEWHERE)
        detail = change(known, seen)
        if ends_proofs(known, seen):  # sessions that it proved must prove themselves again
            identity.invalidate_proofs(MFAEvent.Kind.STATUS_CHANGED, actor=actor, detail=detail)
        elif seen.status != known.status:
            MFAEvent.objects.record(
                MFAEvent.Kind.STATUS_CHANGED, identity, actor=actor, detail=detail
            )
    return True


def change(known: Known, seen: Observation) -> str:
    """Return the details of the event.

    Args:
        known: the row as it was read before Cognito was asked.
        seen: what the answer means.
    """
    return f"{known.status} → {seen.status}"


def record_enabled(identity: CognitoIdentity, *, enabled: bool, actor: Any = None) -> None:
    """Record that the user is disabled in the pool, which ends every session, or enabled again.

    Args:
        identity: the user's, locked.
        enabled: what Cognito said.
        actor: the user who asked; None for a command.
    """
    if enabled == (identity.disabled_at is None):
        return
    identity.disabled_at = None if enabled else timezone.now()
    identity.save(update_fields=["disabled_at"])
    if enabled:
        kind, detail = MFAEvent.Kind.STATUS_CHANGED, f"DISABLED → {identity.status}"
        MFAEvent.objects.record(kind, identity, actor=actor, detail=detail)
    else:
        identity.invalidate_proofs(MFAEvent.Kind.DISABLED, actor=actor)


def list_may_be_incomplete() -> bool:
    """Return whether Cognito may list no factor for a user who has one.

    In a pool that requires MFA, Cognito asks at every sign-in for a software token that was verified and never
    made preferred, but does not list it: "Reading the MFA status" in docs/cognito-behavior.md.
    """
    try:
        return admin_api.pool_requires_mfa()
    except CognitoMFAError:  # no permission to read the pool: say that we do not know
        return True


def _status(
    known: Known, factors: Factors | None, may_be_incomplete: Callable[[], bool]
) -> CognitoIdentity.Status:
    if factors is None:
        return Status.GONE
    if factors.software_token:
        return Status.ENABLED
    if known.token is not None and may_be_incomplete():
        return Status.UNKNOWN
    return Status.NOT_SET_UP


def _preferred_factor(
    known: Known, factors: Factors | None, may_be_incomplete: Callable[[], bool]
) -> str:
    """Return the factor that Cognito names, or else may have asked for at the last sign-in.

    A pool that requires MFA sends codes to users who have no factor in any list.
    """
    if factors is None or factors.preferred or not known.uses_sent_codes:
        return factors.preferred if factors else ""
    return known.preferred_factor if may_be_incomplete() else ""


def _still_unconfirmed(
    known: Known, status: CognitoIdentity.Status
) -> CognitoIdentity.Unconfirmed | Literal[""]:
    """Return what Cognito's list leaves unconfirmed.

    It does not say whether a software token is the old one.
    """
    settled = status in (Status.NOT_SET_UP, Status.GONE) or not known.unconfirmed
    return "" if settled else Unconfirmed(known.unconfirmed)
