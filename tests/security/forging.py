"""Tokens that say something else, signed by the pool, by another user, or by no one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import jwt  # noqa: TID253
from cryptography.hazmat.primitives.serialization import (  # noqa: TID253
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm  # noqa: TID253

from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import keys
from cognito_mfa.local.rules.state import SigningKey

Claims = dict[str, Any]


def claims_of(token: str) -> Claims:
    decoded: Claims = jwt.decode(token, options={"verify_signature": False})
    return decoded


def key_of(pool: LocalPool, token: str) -> SigningKey:
    """The pool's key that signed this token."""
    pair = keys.keys_of(pool.state)
    kid = jwt.get_unverified_header(token)["kid"]
    return next(key for key in (pair.access, pair.id) if key.kid == kid)


def saying(pool: LocalPool, token: str, **claims: Any) -> str:
    """The token with other claims, signed by the pool all the same; None takes one away."""
    said = {**claims_of(token), **claims}
    kept = {name: value for name, value in said.items() if value is not None}
    return signed(kept, key_of(pool, token))


def signed(
    claims: Claims, key: SigningKey, *, algorithm: str = "RS256", head: Claims | None = None
) -> str:
    """By hand, because the library refuses to write some of what must be refused when it is read."""
    private: Any = load_pem_private_key(key.pem.encode(), None)
    if algorithm != "RS256":
        return jwt.encode(claims, private, algorithm, headers={"kid": key.kid, **(head or {})})
    text = unsigned({"alg": algorithm, "kid": key.kid, **(head or {})}, claims).rstrip(".")
    return f"{text}.{encoded(RSAAlgorithm(RSAAlgorithm.SHA256).sign(text.encode(), private))}"


def unsigned(head: Claims, claims: Claims) -> str:
    return f"{encoded(json.dumps(head).encode())}.{encoded(json.dumps(claims).encode())}."


def with_hmac(claims: Claims, secret: bytes, kid: str) -> str:
    text = unsigned({"alg": "HS256", "kid": kid}, claims).rstrip(".")
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def public_pem(key: SigningKey) -> bytes:
    private = load_pem_private_key(key.pem.encode(), None)
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def somebody_elses_key(kid: str) -> SigningKey:
    return SigningKey(kid, keys.new_key().pem)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
