"""Whether the user pool still accepts a user, and whether a session came from there.

A session that a sign-in at Cognito opened ends when its user is disabled or deleted in the pool, whatever the policy
requires. This costs no query: the state is loaded with the user.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.contrib.auth.backends import BaseBackend
from django.utils.module_loading import import_string

from cognito_mfa.conf import get_conf
from cognito_mfa.enforcement.identity_state import Identity
from cognito_mfa.models import CognitoIdentity, key_of
from cognito_mfa.values.clocks import seconds_since

BACKEND = "cognito_mfa.backends.CognitoBackend"
MANAGED_LOGIN_WORDS = (
    "enrolled",
    "everyone",
)  # words in TRUSTED_BACKENDS: signed in at Cognito's own pages


class EndReason(Enum):
    """Why a session ends, or must show its code again; the values are codes for scripts."""

    DISABLED = "account_disabled"
    GONE = "account_gone"
    UNCHECKED = "account_unchecked"
    UNLINKED = "account_unlinked"
    IDLE = "session_idle"


def access_lost(identity: Identity | None) -> EndReason | None:
    """Return why the user pool no longer accepts the user; None if it does, as far as is known."""
    if identity is None:
        return None
    if identity.disabled_at is not None:
        return EndReason.DISABLED
    return EndReason.GONE if identity.status == CognitoIdentity.Status.GONE else None


def is_check_overdue(identity: Identity | None) -> bool:
    """Return whether Cognito was last asked about the user longer ago than ``STATUS_MAX_AGE`` allows."""
    limit = get_conf().STATUS_MAX_AGE
    if limit is None or identity is None:
        return False
    ago = None if identity.checked_at is None else seconds_since(identity.checked_at)
    return ago is None or ago > limit


def came_from_cognito(user: Any, signed_in: object, backend: object) -> bool:
    """Return whether the session's sign-in was one at Cognito, ours or through another package.

    Args:
        user: who is judged. How the session's user signed in says nothing about another one.
        signed_in: from the session, under Django's ``SESSION_KEY``.
        backend: from the session, under Django's ``BACKEND_SESSION_KEY``.
    """
    return str(signed_in) == key_of(user) and is_cognito_backend(backend)


def is_cognito_backend(backend: object) -> bool:
    """Return whether ``backend`` is for sign-ins at Cognito: ours, or that of another package."""
    return is_own_backend(backend) or get_conf().trust_in(backend) in MANAGED_LOGIN_WORDS


def is_own_backend(backend: object) -> bool:
    """Tell whether ``backend``, as a session names it, is ours or a subclass of it."""
    if backend == BACKEND:
        return True
    try:
        found = import_string(str(backend))
    except ImportError:
        return False
    ours = import_string(BACKEND)
    return isinstance(found, type) and issubclass(found, BaseBackend) and issubclass(found, ours)


def sign_in_of(session: Any) -> tuple[object, object]:
    """Return who signed in and by which backend, as the session says."""
    return session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY)


async def asign_in_of(session: Any) -> tuple[object, object]:
    """Async version of ``sign_in_of``."""
    return await session.aget(SESSION_KEY), await session.aget(BACKEND_SESSION_KEY)
