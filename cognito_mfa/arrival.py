"""That somebody came through an identity provider, noted when it happened, for the gate to read.

Like a proof it stands in the session and is bound to the user; it dies with the next sign-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cognito_mfa.conf import get_conf
from cognito_mfa.proof import PREFIX

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

KEY = f"{PREFIX}arrival"


def note(session: SessionBase, user: Any, *, provider: str) -> None:
    """Write down that ``provider``, and not Cognito, checked who ``user`` is."""
    session[KEY] = {"user": str(user.pk), "provider": provider}


def provider(session: SessionBase, user: Any) -> str:
    """Return the identity provider through which ``user`` came, or an empty string."""
    record: Any = session.get(KEY)
    if not isinstance(record, dict) or record.get("user") != str(user.pk):
        return ""
    return str(record.get("provider") or "")


def is_exempt(session: SessionBase, user: Any) -> bool:
    """Tell whether ``user`` came through a provider, whose people the site lets do without."""
    return get_conf().FEDERATED == "exempt" and bool(provider(session, user))
