"""Encryption of what a half-finished sign-in must keep on the server.

The key comes from ``SECRET_KEY``; what was encrypted with one of ``SECRET_KEY_FALLBACKS`` still opens.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from cognito_mfa.values.secret_text import SecretText

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


_MARK = "cognito_mfa.secret"  # the one key of what a secret is in JSON


def encrypt(payload: Mapping[str, Any]) -> str:
    """Return ``payload`` (JSON types, dataclasses, and secrets), encrypted and authenticated, as text."""
    return _keys().encrypt(json.dumps(payload, default=_open).encode()).decode()


def decrypt(token: object) -> dict[str, Any] | None:
    """Return the payload, its secrets closed; None when ``token`` was not made here, or was changed."""
    from cryptography.fernet import InvalidToken

    if not isinstance(token, str):
        return None
    try:
        payload = json.loads(_keys().decrypt(token.encode()), object_hook=_close)
    except (InvalidToken, ValueError):
        return None
    return payload if isinstance(payload, dict) else None


def _open(value: object) -> dict[str, Any]:
    if isinstance(value, SecretText):
        return {_MARK: value.reveal()}
    if is_dataclass(value):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    raise TypeError(f"cannot be encrypted: {type(value).__name__}")


def _close(found: dict[str, Any]) -> object:
    text = found.get(_MARK)
    return SecretText(text) if len(found) == 1 and isinstance(text, str) else found


def _keys() -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return MultiFernet([Fernet(_key(secret)) for secret in secrets])


def _key(secret: str | bytes) -> bytes:
    digest = salted_hmac(
        "cognito_mfa.sign_in.encryption", "pending sign-in", secret=secret, algorithm="sha256"
    ).digest()
    return base64.urlsafe_b64encode(digest)
