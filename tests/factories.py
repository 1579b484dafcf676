"""People and states that many tests begin with."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from cognito_mfa.cognito.clients import has_operation
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.models import CognitoIdentity
from tests.visitor import PASSWORD, POOL_ID, Visitor


def reading() -> str:
    """Return the operation that reads a person's factors with the installed botocore."""
    modern = "AdminGetUserAuthFactors"
    return modern if has_operation(modern) else "AdminGetUser"


def reset_in_admin(admin: Visitor, identity: CognitoIdentity, *, site: str = "admin") -> str:
    """Reset a user's authenticator as a superuser in the admin; return the page that comes next."""
    data: dict[str, Any] = {
        "action": "reset_mfa",
        "_selected_action": [identity.pk],
        "confirmed": "yes",
        "reason": "Ticket 7",
    }
    url = reverse(f"{site}:cognito_mfa_cognitoidentity_changelist")
    return admin.text(admin.client.post(url, data, follow=True))


def delete_token(visitor: Visitor, username: str) -> None:
    """Delete a user's authenticator with another tool, which may be newer than our botocore."""
    user = visitor.cognito.pool(POOL_ID).user(username)
    user.software_token = user.preferred_factor = None
    user.enabled_factors.clear()


def make(pool: LocalPool, username: str, **user: Any) -> CognitoIdentity:
    """Make a user in the pool and here, linked."""
    address = {"email": f"{username}@example.com", "email_verified": "true"}
    person = pool.create_user(username, password=PASSWORD, attributes=address)
    return CognitoIdentity.objects.create(
        user=User.objects.create_user(username, **user),
        pool_id=POOL_ID,
        sub=person.sub,
        username=username,
        email=f"{username}@example.com",
    )
