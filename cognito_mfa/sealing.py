"""Encryption of what a half-finished sign-in must keep on the server.

The key comes from ``SECRET_KEY``; what was sealed with one of ``SECRET_KEY_FALLBACKS`` still opens.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


@sensitive_variables()
def seal(payload: Mapping[str, Any]) -> str:
    """Return ``payload`` (JSON types only), encrypted and authenticated, as text."""
    return _keys().encrypt(json.dumps(payload).encode()).decode()


@sensitive_variables()
def unseal(sealed: object) -> dict[str, Any] | None:
    """Return the payload, or None when ``sealed`` was not made here, or was changed."""
    from cryptography.fernet import InvalidToken

    if not isinstance(sealed, str):
        return None
    try:
        payload = json.loads(_keys().decrypt(sealed.encode()))
    except (InvalidToken, ValueError):
        return None
    return payload if isinstance(payload, dict) else None


def _keys() -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret: str | bytes) -> bytes:
    digest = salted_hmac(
        "cognito_mfa.sealing", "pending sign-in", secret=secret, algorithm="sha256"
    ).digest()
    return base64.urlsafe_b64encode(digest)
