"""Finds the user of the site for a user pool user who is not linked yet.

``USER_RESOLVER`` names one of these functions, or one of the site.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest

from cognito_mfa.cognito.types import Person
from cognito_mfa.databases import current_rows
from cognito_mfa.exceptions import LinkRefused, LinkRefusedReason
from cognito_mfa.models import identity_of
from cognito_mfa.sign_in.linking.linkability import users_with_address


def by_pool_and_sub(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Return None, so that only users who are already linked are found. This is the default.

    Args:
        person: the pool's user, from Cognito's tokens.
        request: where they sign in; None outside a request.
    """
    return None


def by_username(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link the Django user with exactly the same username.

    SECURITY: only for pools in which users cannot choose that name: administrators create the users.

    Args:
        person: the pool's user, from Cognito's tokens.
        request: where they sign in; None outside a request.
    """
    field = get_user_model().USERNAME_FIELD
    proposed = current_rows(get_user_model()).filter(**{field: person.username})
    return _only(user for user in proposed if user.get_username() == person.username)


def by_verified_email(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link the one Django user with the same email address, when the pool has verified it.

    SECURITY: only where Django's addresses were verified too.

    Args:
        person: the pool's user, from Cognito's tokens.
        request: where they sign in; None outside a request.

    Raises:
        LinkRefused: several users have the address. A new user beside them would be one account too many.
    """
    return _only(users_with_address(person.email))


def by_signed_in_user(person: Person, *, request: HttpRequest | None) -> AbstractBaseUser | None:
    """Link the user who is signed in by another backend, once they confirm on a page that they are both.

    SECURITY: someone who stole such a session can link a pool account of their own to it, just as they
    could set up an authenticator on any site that allows it after only a password.

    Args:
        person: the pool's user, from Cognito's tokens.
        request: where they sign in; None outside a request.
    """
    user: AbstractBaseUser | None = signed_in(request)
    identity = identity_of(user)
    # With a link of a former pool, the user is refused with that reason, and gets no second account.
    return user if identity is None or not identity.in_this_pool else None


def signed_in(request: HttpRequest | None) -> Any:
    """Return the user who is signed in at ``request``; None for a visitor."""
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _only(users: Iterable[AbstractBaseUser]) -> AbstractBaseUser | None:
    """Return the one user that there is, or None.

    Raises:
        LinkRefused: there are several.
    """
    found = list(users)
    if len(found) > 1:
        keys = ", ".join(str(user.pk) for user in found[:5])
        raise LinkRefused(
            LinkRefusedReason.SEVERAL_USERS, cause=f"{len(found)} users match: {keys}"
        )
    return found[0] if found else None
