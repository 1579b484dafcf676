"""What was known of a user's MFA when a sign-in or a change began.

What was begun before a reset, a replacement or a removal must not be finished after it. Generations and
the order of events tell, never times: the clocks of a site's servers differ, and jump.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db.models import Q, QuerySet, Subquery

from cognito_mfa.authenticator.identity_lookup import ExpectedIdentity
from cognito_mfa.exceptions import ChallengeLost, ChallengeLostReason
from cognito_mfa.models import CognitoIdentity, CognitoIdentityQuerySet, MFAEvent

Status = CognitoIdentity.Status


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the rows at one moment.

    Attributes:
        rows: of every identity that may be the user's: its key, generation and nonce, by ``sub``. Lists, as JSON returns them.
        event: the newest event of all; zero when there was none.
    """

    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    event: int = 0

    @classmethod
    def take(cls, username: str) -> tuple[Snapshot, list[CognitoIdentity]]:
        """Return what is known of the users that ``username``, a name or a ``sub`` as typed, may mean.

        To be taken before the password is sent: what happens while Cognito answers must count.

        Returns:
            The snapshot, and the identities that it is of, with their devices.
        """
        # One statement: what changes between two of them could be seen in neither.
        rows = _with_device_and_newest_event().in_pool()
        found: list[Any] = list(rows.filter(Q(username=username) | Q(sub=username)))
        event = found[0].event if found else _newest_events().values_list("pk", flat=True).first()
        snapshot = cls({one.sub: _version(one) for one in found}, event or 0)
        return snapshot, found

    @classmethod
    def of(cls, identity: CognitoIdentity) -> Snapshot:
        """Return what is known of ``identity`` alone, by its values as they were read."""
        newest = _newest_events().values_list("pk", flat=True).first()
        return cls({identity.sub: _version(identity)}, newest or 0)

    def narrow(self, identities: Iterable[CognitoIdentity]) -> Snapshot:
        """Return the same for ``identities`` as well, those of the name that Cognito's challenge told.

        A user who typed another alias is found by that name only now.

        Raises:
            ChallengeLost: one of them was changed since this began.
        """
        found = {}
        for one in identities:
            if self.is_outdated_for(one):
                raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
            found[one.sub] = _version(one)
        # Those of the typed name stay: it may be a ``sub``, and the row's name an old one.
        return Snapshot({**found, **self.rows}, self.event)

    def for_identity(self, identity: CognitoIdentity) -> Snapshot:
        """Return the same for ``identity`` alone, who it turned out to be, by its values as they are now."""
        return Snapshot({identity.sub: _version(identity)}, self.event)

    def identities(self, username: str = "") -> list[CognitoIdentity]:
        """Return the identities that this is about, as they are now.

        Args:
            username: the pool's own name, for a user who had no row yet; empty where no challenge told it.
        """
        rows = CognitoIdentity.objects.in_pool()
        wanted = Q(sub__in=self.rows)
        return list(rows.filter(wanted | Q(username=username) if username else wanted))

    def is_outdated(self, identities: Iterable[CognitoIdentity]) -> bool:
        """Return whether one of those known was changed or deleted.

        Args:
            identities: what ``identities`` returned just now.
        """
        now = {one.sub: one for one in identities}
        # A user who is gone from the pool is not the one whom Cognito asks, but had the name before.
        return bool(self.rows.keys() - now.keys()) or any(
            self.is_outdated_for(one) for one in now.values() if one.status != Status.GONE
        )

    def lacks(self, sub: str) -> bool:
        """Return whether the user ``sub``, who has no identity now, had one when this began."""
        return sub in self.rows

    def is_outdated_for_newcomer(self, *, sub: str = "", username: str = "") -> bool:
        """Return whether a user without an identity was changed since this began.

        By a reset of the password, above all.

        SECURITY: otherwise, someone who knew the old password could set up the authenticator app of a user who never
        signed in here.

        Args:
            sub: the user's; empty where only the username is known.
            username: the pool's own name.
        """
        named = {"sub": sub} if sub else {"username": username}
        newer = MFAEvent.objects.filter(pk__gt=self.event, identity=None, **named)
        changes = newer.filter(kind__in=MFAEvent.INVALIDATES_PROOFS)
        return any(sub in ("", one.sub) and username in ("", one.username) for one in changes)

    def is_outdated_for(self, identity: CognitoIdentity) -> bool:
        """Return whether ``identity``, by its values as they were read, changed since this began."""
        known = self.rows.get(identity.sub)
        if known is not None:
            return list(known) != _version(identity)
        newer = MFAEvent.objects.filter(identity=identity.pk, pk__gt=self.event)
        return newer.filter(kind__in=MFAEvent.INVALIDATES_PROOFS).exists()

    def expected(self, sub: str, username: str) -> ExpectedIdentity | None:
        """Return the only identity in the snapshot; None if there are several, or none.

        Args:
            sub: the identity's; empty for none.
            username: by which Cognito's challenge named the user; empty where the ``sub`` was known.
        """
        known = self.rows.get(sub)
        if known is None or len(self.rows) > 1:
            return None
        key, generation, nonce = known
        return ExpectedIdentity(sub, key, generation, nonce, username)


def _version(identity: CognitoIdentity) -> list[int]:
    return [identity.pk, identity.generation, identity.nonce]


def _newest_events() -> QuerySet[MFAEvent]:
    return MFAEvent.objects.order_by("-pk")


@cache  # to resolve the annotations costs as much as the query itself
def _with_device_and_newest_event() -> CognitoIdentityQuerySet:
    newest = Subquery(_newest_events().values("pk")[:1])
    rows: CognitoIdentityQuerySet = CognitoIdentity.objects.with_device().annotate(event=newest)
    return rows
