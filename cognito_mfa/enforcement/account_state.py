"""Whether the user pool still accepts a user, and whether a session came from there.

A session that a sign-in at Cognito opened ends when its user is disabled or deleted in the pool, whatever the policy
requires. This costs no query: the state is loaded with the user.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.utils.module_loading import import_string

from cognito_mfa.conf import backend_class, get_conf
from cognito_mfa.enforcement.identity_state import Identity
from cognito_mfa.models import CognitoIdentity, key_of
from cognito_mfa.values.clocks import seconds_since

BACKEND = "cognito_mfa.backends.CognitoBackend"
# Words in TRUSTED_BACKENDS: signed in at Cognito's own pages.
MANAGED_LOGIN_WORDS = ("enrolled", "everyone")


class EndReason(Enum):
    """Why a session ends, or must show its code again; the values are codes for scripts."""

    DISABLED = "account_disabled"
    GONE = "account_gone"
    UNCHECKED = "account_unchecked"
    UNLINKED = "account_unlinked"
    SIGNED_OUT = "signed_out"
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
    """Return whether ``backend``, a dotted path, is ours, a subclass of it, or a function that makes one."""
    return backend == BACKEND or _is_own(str(backend))


def own_backend() -> str | None:
    """Return the first of the site's backends that is ours, as ``AUTHENTICATION_BACKENDS`` names it."""
    return next(filter(is_own_backend, settings.AUTHENTICATION_BACKENDS), None)


def _is_own(path: str) -> bool:
    try:
        return _derives_from_ours(path)
    except Exception:  # noqa: BLE001 - a site's module may fail in any way
        return False


@cache
def _derives_from_ours(path: str) -> bool:
    return issubclass(backend_class(path), import_string(BACKEND))


def sign_in_of(session: Any) -> tuple[object, object]:
    """Return who signed in and by which backend, as the session says."""
    return session.get(SESSION_KEY), session.get(BACKEND_SESSION_KEY)


async def asign_in_of(session: Any) -> tuple[object, object]:
    """Async version of ``sign_in_of``."""
    return await session.aget(SESSION_KEY), await session.aget(BACKEND_SESSION_KEY)
