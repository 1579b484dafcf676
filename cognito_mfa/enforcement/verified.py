"""The public functions that return whether the user of a request passed MFA."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async

from cognito_mfa.enforcement import gate
from cognito_mfa.enforcement.request_user import ausers_of, is_signed_in, users_of

BEARER = "cognito_mfa_bearer"  # of a request: the sign-in that its access token stems from


def is_verified(request: Any) -> bool:
    """Return whether the user of this request passed MFA, whatever the policy requires of them.

    With a session, it has a valid proof, or was signed in through a backend that requires MFA by its own means. With an
    access token, its sign-in passed MFA, which may have to be asked of Cognito. During an impersonation, the user who
    acts must have passed it. False for visitors.

    Args:
        request: of Django, or of Django REST framework.
    """
    plain = getattr(request, "_request", request)
    user = getattr(request, "user", None)
    if not is_signed_in(user):
        return False
    sign_in = getattr(plain, BEARER, None)
    if sign_in is not None and sign_in.user == user:
        return bool(sign_in.is_mfa_verified())
    people = [one for one in users_of(plain) if is_signed_in(one)] if request is plain else [user]
    return bool(people) and all(gate.is_proven(plain, one) for one in people)


async def ais_verified(request: Any) -> bool:
    """Async version of ``is_verified``."""
    plain = getattr(request, "_request", request)
    if request is plain:
        await ausers_of(plain)  # a lazy user is loaded without blocking
    return await sync_to_async(is_verified)(request)
