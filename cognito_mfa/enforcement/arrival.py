"""That somebody came through an identity provider, noted when it happened, for the gate to read.

Like a proof it stands in the session and is bound to the user; it dies with the next sign-in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cognito_mfa.enforcement.proof import PREFIX
from cognito_mfa.models import key_of
from cognito_mfa.values import untrusted

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

KEY = f"{PREFIX}arrival"
NAMELESS = "?"  # a provider whose name cannot be shown; nobody's empty name is one


def note(session: SessionBase, user: Any, *, provider: str) -> None:
    """Write down that ``provider``, and not Cognito, checked who ``user`` is."""
    name = untrusted.shown(provider, untrusted.PROVIDER_LENGTH) or NAMELESS
    session[KEY] = {"user": str(user.pk), "provider": name}


def provider(record: object, user: Any) -> str:
    """Return the identity provider through which ``user`` came, or an empty string.

    Args:
        record: what the session has under ``KEY``.
    """
    if not isinstance(record, dict) or record.get("user") != key_of(user):
        return ""
    return str(record.get("provider") or "")
