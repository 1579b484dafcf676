"""Which of the site's users may be linked without an administrator: the rules for every way to a link.

SECURITY: a resolver, or another package's sign-in, only proposes a user. What it says passes here.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q

from cognito_mfa.cognito.types import Person
from cognito_mfa.databases import atomic_for, current, current_rows
from cognito_mfa.exceptions import LinkRefused, LinkRefusedReason
from cognito_mfa.models import CognitoIdentity, identity_of
from cognito_mfa.sign_in import site_code
from cognito_mfa.values.comparison import certainly_differ, same


def check_linkable(user: Any) -> AbstractBaseUser:
    """Return ``user`` as the database has it, who may be linked without an administrator.

    Raises:
        LinkRefused: anything else.
    """
    if not _is_user(user):
        raise LinkRefused(LinkRefusedReason.NOT_A_USER, cause=type(user).__name__)
    row = stored_user(user.pk)
    if row is None:
        raise LinkRefused(LinkRefusedReason.NOT_SAVED)
    identity = identity_of(row)
    if identity is not None and not identity.in_this_pool:
        raise LinkRefused(LinkRefusedReason.LINKED_IN_ANOTHER_POOL, user_pk=row.pk)
    if identity is not None:
        raise LinkRefused(LinkRefusedReason.LINKED_TO_ANOTHER, user_pk=row.pk)
    if not row.is_active:
        raise LinkRefused(LinkRefusedReason.INACTIVE, user_pk=row.pk)
    if getattr(row, "is_staff", False) or getattr(row, "is_superuser", False):
        raise LinkRefused(LinkRefusedReason.STAFF, user_pk=row.pk)
    if _has_any_permission(row):
        raise LinkRefused(LinkRefusedReason.PERMISSIONS, user_pk=row.pk)
    found: AbstractBaseUser = row
    return found


def check_linkable_by_address(person: Person, user: Any) -> AbstractBaseUser:
    """Return ``user``, whom another package signed in, and who may be linked to ``person``.

    Args:
        person: the pool's user, from Cognito's tokens.
        user: the site's user.

    Raises:
        LinkRefused: see ``check_linkable``; or the package may have taken the person for that user by an address
            that is not theirs.
    """
    found = check_linkable(user)
    # SECURITY: the package may have found the user by the address that the person gave as theirs, and by
    # what the database takes for equal to it.
    address, verified = email_of(found), person.email
    if address and not same(address, verified) and not certainly_differ(address, verified):
        differs, unverified = LinkRefusedReason.EMAIL_DIFFERS, LinkRefusedReason.EMAIL_NOT_VERIFIED
        reason = differs if verified else unverified
        raise LinkRefused(reason, user_pk=found.pk)
    return found


def linked_to(person: Person, own: CognitoIdentity | None, user: Any) -> CognitoIdentity | None:
    """Return the identity that both have; None when neither has one.

    Args:
        person: the pool's user, from Cognito's tokens.
        own: the person's identity, or None.
        user: the site's user.

    Raises:
        LinkRefused: one of them has another.
    """
    theirs = CognitoIdentity.objects.filter(user=user).first()
    if own == theirs:
        return own
    other_pool = own is None and theirs is not None and not theirs.in_this_pool
    reasons = LinkRefusedReason
    reason = reasons.LINKED_IN_ANOTHER_POOL if other_pool else reasons.LINKED_TO_ANOTHER
    raise LinkRefused(reason, user_pk=user.pk)


def stored_user(key: Any) -> Any:
    """Return the user of ``key`` as the database has it; None also for a value that cannot be a key."""
    if key is None:
        return None
    model = get_user_model()
    try:
        with atomic_for(model):
            return current_rows(model).filter(pk=key).first()
    except site_code.INVALID_VALUE_ERRORS:
        return None


def email_of(user: Any) -> str:
    """Return the user's email address, or an empty string."""
    return str(getattr(user, type(user).get_email_field_name(), "") or "")


def users_with_address(address: str) -> list[Any]:
    """Return the site's users of ``address``; none for an empty one."""
    model = get_user_model()
    field = model.get_email_field_name()
    if not address:
        return []
    wanted = Q(**{field: address}) | Q(**{f"{field}__iexact": address})
    return [user for user in current_rows(model).filter(wanted) if same(email_of(user), address)]


def _is_user(user: Any) -> bool:
    """Return whether ``user`` is one of the site's, of whatever proxy of its model."""
    meta = getattr(user, "_meta", None)
    return isinstance(user, get_user_model()) or (
        meta is not None and meta.concrete_model is get_user_model()._meta.concrete_model
    )


def _has_any_permission(user: Any) -> bool:
    """Return whether ``user`` has any permission, alone or through a group.

    Not by asking the backends where rows tell: one of them may give a permission to all users.
    """
    if hasattr(user, "user_permissions") and hasattr(user, "groups"):
        groups = user.groups.filter(permissions__isnull=False)
        return current(user.user_permissions.all()).exists() or current(groups).exists()
    asks = getattr(user, "has_module_perms", None)
    return asks is not None and any(asks(config.label) for config in apps.get_app_configs())
