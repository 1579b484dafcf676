"""The example's own rules: who needs a second factor, and who is the superuser of a pool of yours."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest

from cognito_mfa.conf import get_conf
from cognito_mfa.models import CognitoIdentity
from example_project.settings import EXAMPLE_SUPERUSER

PASSWORD_ONLY = "Password only"  # a group in the admin; its people may sign in without a code


def needs_second_factor(request: HttpRequest) -> bool:
    """Require it of everybody but the people in the group."""
    return not request.user.groups.filter(name=PASSWORD_ONLY).exists()


def link_superuser() -> None:
    """Link the person whose ``sub`` is EXAMPLE_SUPERUSER to a superuser, by hand as the README says.

    With the local Cognito all people are linked beforehand. With a pool of your own, this is how
    somebody gets into the admin.
    """
    if not EXAMPLE_SUPERUSER:
        return
    person = {"pool_id": get_conf().USER_POOL_ID, "sub": EXAMPLE_SUPERUSER}
    rights = {"is_staff": True, "is_superuser": True}
    identity = CognitoIdentity.objects.filter(**person).first()
    if identity is not None:  # signed in before
        User.objects.filter(pk=identity.user_id).update(**rights)
        return
    user = User.objects.create(username=EXAMPLE_SUPERUSER, **rights)
    CognitoIdentity.objects.create(user=user, username=EXAMPLE_SUPERUSER, **person)
