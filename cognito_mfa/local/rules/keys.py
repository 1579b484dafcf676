"""RSA keys: made when first needed, read once per process, used to sign and to verify, published
as a JWKS. cryptography is imported inside, because start-up must not wait for it; a private key
leaves this module only into the state file."""

from __future__ import annotations

import base64
import secrets
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from cognito_mfa.local.rules.state import PoolKeys, SigningKey, UserPool

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_BITS = 2048
PUBLIC_EXPONENT = 65537

_made_in_this_process: dict[int, PoolKeys] = {}
_making = threading.Lock()


def keys_of(pool: UserPool) -> PoolKeys:
    """The pool's two keys. The n-th pool of any account in this process gets the same ones, so
    that a thousand tests do not make a thousand keys, while two pools side by side never share."""
    if pool.keys is None:
        with _making:
            if pool.number not in _made_in_this_process:
                _made_in_this_process[pool.number] = PoolKeys(_new_key(), _new_key())
        pool.keys = _made_in_this_process[pool.number]
    return pool.keys


def sign(key: SigningKey, data: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return _private(key.pem).sign(data, PKCS1v15(), SHA256())


def verifies(key: SigningKey, data: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        _private(key.pem).public_key().verify(signature, data, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def jwks(pool: UserPool) -> dict[str, list[dict[str, str]]]:
    """The document at /<pool id>/.well-known/jwks.json."""
    pair = keys_of(pool)
    return {"keys": [_public(pair.id), _public(pair.access)]}


def _public(key: SigningKey) -> dict[str, str]:
    numbers = _private(key.pem).public_key().public_numbers()
    return {
        "alg": "RS256",
        "e": _number(numbers.e),
        "kid": key.kid,
        "kty": "RSA",
        "n": _number(numbers.n),
        "use": "sig",
    }


def _number(value: int) -> str:
    raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _new_key() -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private = rsa.generate_private_key(PUBLIC_EXPONENT, KEY_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(base64.b64encode(secrets.token_bytes(32)).decode(), pem.decode())


@lru_cache(maxsize=64)
def _private(pem: str) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return cast("RSAPrivateKey", load_pem_private_key(pem.encode(), password=None))
