"""Sessions as different people have them, made from rows; journeys through the pages are elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import F
from django.test import Client
from django.utils import timezone

from cognito_mfa.enforcement import proof
from cognito_mfa.models import CognitoIdentity, MFAExemption
from tests.visitor import POOL_ID

OURS = "cognito_mfa.backends.CognitoBackend"
THEIRS = "django.contrib.auth.backends.ModelBackend"


def linked(username: str = "someone", **fields: Any) -> Any:
    """Return a user with an identity in the pool."""
    user = get_user_model().objects.create_user(username, **fields)
    CognitoIdentity.objects.create(
        user=user, pool_id=POOL_ID, sub=f"sub-of-{username}", username=username
    )
    return user


def signed_in(user: Any, *, backend: str = OURS) -> Client:
    """Return the browser of ``user``, who has proven nothing."""
    client = Client()
    client.force_login(user, backend=backend)
    return client


def proven(user: Any, *, backend: str = OURS) -> Client:
    """Return the browser of ``user``, who has answered a code just now."""
    client = signed_in(user, backend=backend)
    session = client.session
    proof.write(session, user.cognito_identity, method="SOFTWARE_TOKEN_MFA")
    session.save()
    return client


def change_proof(client: Client, **changes: Any) -> None:
    """Alter the browser's record on the server, as only the server can."""
    session = client.session
    session[proof.KEY] = {**session[proof.KEY], **changes}
    session.save()


def anonymous() -> Client:
    return Client()


def unproven() -> Client:
    return signed_in(linked())


def unproven_of_another_backend() -> Client:
    return signed_in(linked(), backend=THEIRS)


def never_linked() -> Client:
    return signed_in(get_user_model().objects.create_user("someone"), backend=THEIRS)


def proven_one() -> Client:
    return proven(linked())


def proven_once_of_another_backend() -> Client:
    return proven(linked(), backend=THEIRS)


def reset_in_the_meantime() -> Client:
    client = proven(linked())
    CognitoIdentity.objects.update(generation=F("generation") + 1)
    return client


def proven_long_ago() -> Client:
    client = proven(linked())
    change_proof(client, at=client.session[proof.KEY]["at"] - 13 * 3600)
    return client


def exempted() -> Client:
    user = linked()
    until = timezone.now() + timedelta(days=1)
    MFAExemption.objects.create(user=user, reason="phone in repair", expires_at=until)
    return signed_in(user)


def exempted_until_yesterday() -> Client:
    user = linked()
    until = timezone.now() - timedelta(days=1)
    MFAExemption.objects.create(user=user, reason="phone in repair", expires_at=until)
    return signed_in(user)


def member_of_staff() -> Client:
    return signed_in(linked(is_staff=True))


def editor() -> Client:
    user = linked()
    user.groups.add(Group.objects.create(name="Editors"))
    return signed_in(user)


def deactivated() -> Client:
    client = proven(linked())
    get_user_model().objects.update(is_active=False)
    return client


PEOPLE = {
    person.__name__: person
    for person in (
        anonymous,
        unproven,
        unproven_of_another_backend,
        never_linked,
        proven_one,
        proven_once_of_another_backend,
        reset_in_the_meantime,
        proven_long_ago,
        exempted,
        exempted_until_yesterday,
        member_of_staff,
        editor,
        deactivated,
    )
}
