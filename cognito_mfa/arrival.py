"""What was noted about a sign-in by another package when it happened, for the gate to read.

Like a proof it stands in the session and is bound to the user; it dies with the next sign-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cognito_mfa.conf import get_conf
from cognito_mfa.proof import PREFIX

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

KEY = f"{PREFIX}arrival"


def note(session: SessionBase, user: Any, *, provider: str = "", passed: bool = False) -> None:
    """Write down how ``user`` came.

    Args:
        provider: name of the identity provider that signed the person in instead of Cognito.
        passed: a second factor of the backend's own, as the settings say of everybody there.
    """
    session[KEY] = {"user": str(user.pk), "provider": provider, "passed": passed}


def provider(session: SessionBase, user: Any) -> str:
    """Return the identity provider through which ``user`` came, or an empty string."""
    return str(_noted(session, user).get("provider") or "")


def passed(session: SessionBase, user: Any) -> bool:
    """Tell whether ``user`` came through a backend that asks everybody for a second factor."""
    return _noted(session, user).get("passed") is True


def is_exempt(session: SessionBase, user: Any) -> bool:
    """Tell whether ``user`` came through a provider, whose people the site lets do without."""
    return get_conf().FEDERATED == "exempt" and bool(provider(session, user))


def _noted(session: SessionBase, user: Any) -> dict[str, Any]:
    record: Any = session.get(KEY)
    if not isinstance(record, dict) or record.get("user") != str(user.pk):
        return {}
    return record
