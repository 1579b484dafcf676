"""The example's own rules: who needs a second factor, and who is the superuser of a pool of yours."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest

from cognito_mfa.gateway import Person
from example_project.settings import EXAMPLE_SUPERUSER

PASSWORD_ONLY = "Password only"  # a group in the admin; its people may sign in without a code


def needs_second_factor(request: HttpRequest) -> bool:
    """Require it of everybody but the people in the group."""
    return not request.user.groups.filter(name=PASSWORD_ONLY).exists()


def find_user(person: Person, *, request: HttpRequest | None) -> User | None:
    """Make the person named in EXAMPLE_SUPERUSER the superuser; link nobody else by name.

    With the local Cognito all people are linked beforehand. With a pool of your own, this is how
    somebody gets into the admin.
    """
    name = EXAMPLE_SUPERUSER
    if not name or person.username != name:
        return None
    user, _made = User.objects.get_or_create(
        username=name, defaults={"is_staff": True, "is_superuser": True, "email": person.email}
    )
    return user
