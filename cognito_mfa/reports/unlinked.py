"""Lists active users who are not linked to a user of the pool, and so cannot sign in with it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef

from cognito_mfa.databases import current_rows
from cognito_mfa.enforcement import policy
from cognito_mfa.models import CognitoIdentity, identity_of

CHUNK = 1000  # users read at once


class Link(StrEnum):
    """Why a user counts as not linked; reports contain the values."""

    NONE = "none"
    ANOTHER_POOL = "another pool"
    GONE = "not in the pool"


class Unlinked(NamedTuple):
    """A user without a link.

    Attributes:
        user: of the site.
        email: of the site, which may not be verified.
        link: what there is instead.
        rights: ``superuser``, ``staff`` or nothing; these are linked by hand only.
    """

    user: Any
    email: str
    link: Link
    rights: str


def users() -> Iterator[Unlinked]:
    """Yield active users without a link to a user of this pool, ordered by primary key."""
    linked = CognitoIdentity.objects.in_pool().filter(user=OuterRef("pk"))
    living = linked.exclude(status=CognitoIdentity.Status.GONE)
    people = current_rows(get_user_model()).select_related("cognito_identity").order_by("pk")
    for user in people.filter(policy.active_users()).exclude(Exists(living)).iterator(CHUNK):
        yield Unlinked(user, _email_of(user), _link_of(user), _rights_of(user))


def _link_of(user: Any) -> Link:
    identity = identity_of(user)
    if identity is None:
        return Link.NONE
    return Link.GONE if identity.in_this_pool else Link.ANOTHER_POOL


def _email_of(user: Any) -> str:
    return str(getattr(user, type(user).get_email_field_name(), "") or "")


def _rights_of(user: Any) -> str:
    if getattr(user, "is_superuser", False):
        return "superuser"
    return "staff" if getattr(user, "is_staff", False) else ""
