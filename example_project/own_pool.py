"""With a user pool of your own: who is the superuser of the example's admin."""

from __future__ import annotations

from django.contrib.auth.models import User

from cognito_mfa.conf import get_conf
from cognito_mfa.models import CognitoIdentity
from example_project import settings


def link_superuser() -> None:
    """Link the user pool user whose ``sub`` is EXAMPLE_SUPERUSER to a superuser.

    On a real site, use ``manage.py cognito_mfa_link``. This works without AWS credentials.
    """
    sub = settings.EXAMPLE_SUPERUSER
    if not sub:
        return
    known = {"pool_id": get_conf().USER_POOL_ID, "sub": sub}
    rights = {"is_staff": True, "is_superuser": True}
    identity = CognitoIdentity.objects.filter(**known).first()
    if identity is not None:  # signed in before
        User.objects.filter(pk=identity.user_id).update(**rights)
        return
    user = User(username=sub, **rights)
    user.set_unusable_password()
    user.save()
    CognitoIdentity.objects.create(user=user, username=sub, **known)
