"""Puts the site's users into groups, and makes them staff, as the groups of the user pool say.

SECURITY: rights are taken from the access token of a verified sign-in, and from nothing that a person can write.
No user becomes a superuser, and no superuser loses ``is_staff``: a group that is missing in the pool must not lock the
administrators out.
"""

from __future__ import annotations

import logging
from typing import Any

from cognito_mfa.cognito.types import Person
from cognito_mfa.conf import get_conf
from cognito_mfa.databases import current, current_rows

logger = logging.getLogger(__name__)

CLAIM = "cognito:groups"


def update(user: Any, person: Person) -> list[str]:
    """Grant and revoke what ``GROUPS`` and ``STAFF_GROUPS`` name, and leave all other groups alone.

    Args:
        user: the site's, who is linked.
        person: the pool's user, from Cognito's tokens.

    Returns:
        What changed, such as ``+Editors`` or ``-staff``.
    """
    told = groups_of(person)
    return [*_update_groups(user, told), *_update_staff(user, told)]


def groups_of(person: Person) -> frozenset[str]:
    """Return the user's groups in the user pool; Cognito leaves the claim out for a user without any."""
    listed = person.claims.get(CLAIM)
    names = listed if isinstance(listed, list) else []
    return frozenset(name for name in names if isinstance(name, str))


def _update_groups(user: Any, told: frozenset[str]) -> list[str]:
    mapping = get_conf().GROUPS
    if not mapping or not hasattr(user, "groups"):
        return []
    managed = {name for names in mapping.values() for name in names}
    wanted = {name for group, names in mapping.items() if group in told for name in names}
    # Compared in Python: a database may take another name for the same.
    present = {
        group.name: group
        for group in current(user.groups.filter(name__in=managed))
        if group.name in managed
    }
    lost = sorted(set(present) - wanted)
    gained = _existing(user.groups.model, wanted - set(present))
    if gained:
        user.groups.add(*gained.values())
    if lost:
        user.groups.remove(*(present[name] for name in lost))
    return [*(f"+{name}" for name in sorted(gained)), *(f"-{name}" for name in lost)]


def _existing(model: Any, names: set[str]) -> dict[str, Any]:
    """Return the groups of these names; none is made, since a name may be misspelled."""
    if not names:
        return {}
    rows = current_rows(model).filter(name__in=names)
    found = {row.name: row for row in rows if row.name in names}
    for name in sorted(names - set(found)):
        logger.error("group_missing: group %r of COGNITO_MFA['GROUPS']", name)
    return found


def _update_staff(user: Any, told: frozenset[str]) -> list[str]:
    names = get_conf().STAFF_GROUPS
    if not names or getattr(user, "is_superuser", False):
        return []
    wanted = not told.isdisjoint(names)
    if user.is_staff == wanted:
        return []
    user.is_staff = wanted
    user.save(update_fields=["is_staff"])
    return ["+staff" if wanted else "-staff"]
