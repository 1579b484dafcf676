"""What was known of somebody's second factor when a sign-in or a change began.

What was begun before a reset, a replacement or a removal must not be finished after it. Generations and
the order of events tell, never times: the clocks of a site's servers differ, and jump.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.db.models import Q

from cognito_mfa.exceptions import ChallengeLost, ChallengeLostReason
from cognito_mfa.models import CognitoIdentity, MFAEvent


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A moment, as the rows tell it.

    Attributes:
        rows: of everybody that the person may be: row and generation, by ``sub``. Lists, as JSON gives them back.
        event: the newest event of all; zero when there was none.
    """

    rows: Mapping[str, Sequence[int]] = field(default_factory=dict)
    event: int = 0

    @classmethod
    def take(cls, username: str) -> Snapshot:
        """Return what is known of whoever may be called ``username``, a name or a ``sub`` as typed.

        To be taken before the password is sent: what happens while Cognito answers must count.
        """
        # The event first: what moves between the two queries is then seen twice instead of never.
        newest = MFAEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
        return cls(_generations(Q(username=username) | Q(sub=username)), newest or 0)

    @classmethod
    def of(cls, identity: CognitoIdentity) -> Snapshot:
        """Return what is known of ``identity`` alone, by its values as they were read."""
        newest = MFAEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
        return cls({identity.sub: [identity.pk, identity.generation]}, newest or 0)

    def narrow(self, username: str) -> Snapshot:
        """Return the same for ``username``, the pool's own name, which Cognito told when it was asked.

        Whoever typed another address is found by it only now.

        Raises:
            ChallengeLost: one of them was changed since this began.
        """
        found = _generations(Q(username=username))
        for sub, (row, generation) in found.items():
            if not self._matches(sub, row, generation):
                raise ChallengeLost(reason=ChallengeLostReason.OVERTAKEN)
        # Those of the typed name stay: it may be a ``sub``, and the row's name an old one.
        return Snapshot({**found, **self.rows}, self.event)

    def for_identity(self, identity: CognitoIdentity) -> Snapshot:
        """Return the same for ``identity`` alone, who it turned out to be, by its values as they are now."""
        return Snapshot({identity.sub: [identity.pk, identity.generation]}, self.event)

    def is_outdated(self, username: str) -> bool:
        """Tell whether one of those who are known was changed or deleted; asked before anything is sent.

        Args:
            username: the pool's own name, for who had no row yet; empty where no challenge told it.
        """
        now = _generations(Q(sub__in=self.rows) | Q(username=username))
        deleted = self.rows.keys() - now.keys()
        changed = [sub for sub, found in now.items() if not self._matches(sub, *found)]
        # Whoever is gone from the pool is not the one whom Cognito asks, but had the name before.
        there = CognitoIdentity.objects.in_pool().exclude(status=CognitoIdentity.Status.GONE)
        return bool(deleted) or (bool(changed) and there.filter(sub__in=changed).exists())

    def is_outdated_for_sub(self, sub: str) -> bool:
        """Tell whether the person ``sub``, whose tokens Cognito gave just now, was changed or deleted."""
        now = _generations(Q(sub=sub)).get(sub)
        if now is None:
            return sub in self.rows
        return not self._matches(sub, *now)

    def is_outdated_for(self, identity: CognitoIdentity) -> bool:
        """Tell the same of ``identity``, by its values as they were read: what is written fits them."""
        return not self._matches(identity.sub, identity.pk, identity.generation)

    def _matches(self, sub: str, row: int, generation: int) -> bool:
        known = self.rows.get(sub)
        if known is not None:
            return list(known) == [row, generation]
        newer = MFAEvent.objects.filter(identity=row, pk__gt=self.event)
        return not newer.filter(kind__in=MFAEvent.INVALIDATES_PROOFS).exists()


def _generations(whose: Q) -> dict[str, Sequence[int]]:
    rows = CognitoIdentity.objects.in_pool().filter(whose)
    return {
        sub: [row, generation]
        for sub, row, generation in rows.values_list("sub", "pk", "generation")
    }
