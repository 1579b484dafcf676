"""The RSA keys of a pool: created when first needed, published as a JWKS, used for tokens.

PyJWT signs and verifies. It is imported inside functions, because the start must not wait for it.
A private key leaves this module only into the state file.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

from cognito_mfa.local.json_text import compact
from cognito_mfa.local.rules.state import PoolKeys, SigningKey, UserPool

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from jwt import PyJWS

KEY_BITS = 2048
PUBLIC_EXPONENT = 65537

_made_in_this_process: dict[int, PoolKeys] = {}
_making = threading.Lock()


def keys_of(pool: UserPool) -> PoolKeys:
    """Return the pool's two keys, which are made now if it has none.

    The n-th pool of any account in this process gets the same ones, so that a thousand tests do not
    make a thousand keys. Two pools of one account never share any."""
    if pool.keys is None:
        with _making:
            if pool.number not in _made_in_this_process:
                _made_in_this_process[pool.number] = PoolKeys(new_key(), new_key())
        pool.keys = _made_in_this_process[pool.number]
    return pool.keys


def signed(key: SigningKey, claims: Mapping[str, Any]) -> str:
    """Return a JWT with these claims, whatever they are.

    Args:
        key: Signs it; its ``kid`` is in the header.
        claims: What the token says. They are not looked at, so that tests can have it say anything.
    """
    # jwt.encode() would refuse claims that a test may want, such as an issuer that is a number.
    payload = compact(claims).encode()
    headers = {"kid": key.kid, "typ": None}  # Cognito's have no "typ"
    return _signer().encode(payload, private_key(key), "RS256", headers)


@cache
def _signer() -> PyJWS:
    """Return PyJWT's signer, which sets up every algorithm when it is made."""
    import jwt

    return jwt.PyJWS()


def base64url(data: bytes) -> str:
    """Return bytes as JWTs have them: in base64url, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def verified_claims(key: SigningKey, token: str) -> dict[str, Any]:
    """Return the claims of a token that this key has signed.

    Args:
        key: The key that the token names.
        token: A JWT.

    Returns:
        The claims. Whether they have expired is not looked at: PyJWT knows the machine's time only.

    Raises:
        jwt.InvalidTokenError: The signature is not this key's.
    """
    import jwt

    return jwt.decode(
        token,
        private_key(key).public_key(),
        algorithms=["RS256"],
        options={
            "verify_aud": False,
            "verify_exp": False,
            "verify_iat": False,
            "verify_iss": False,
            "verify_jti": False,
            "verify_nbf": False,
            "verify_sub": False,
        },
    )


def jwks(pool: UserPool) -> dict[str, list[dict[str, str]]]:
    """Return the document at /<pool id>/.well-known/jwks.json."""
    pair = keys_of(pool)
    return {"keys": [public_jwk(pair.id), public_jwk(pair.access)]}


def public_jwk(key: SigningKey) -> dict[str, str]:
    """Return the public half of a key, as a JWKS lists it."""
    from jwt.algorithms import RSAAlgorithm

    jwk = RSAAlgorithm.to_jwk(private_key(key).public_key(), as_dict=True)
    return {
        "alg": "RS256",
        "e": jwk["e"],
        "kid": key.kid,
        "kty": "RSA",
        "n": jwk["n"],
        "use": "sig",
    }


def new_key() -> SigningKey:
    """Return a new key."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    private = rsa.generate_private_key(PUBLIC_EXPONENT, KEY_BITS)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return SigningKey(base64.b64encode(secrets.token_bytes(32)).decode(), pem.decode())


def private_key(key: SigningKey) -> RSAPrivateKey:
    """Return the private half of a key as an object of cryptography."""
    return _loaded(key.pem)


@lru_cache(maxsize=64)
def _loaded(pem: str) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    return cast("RSAPrivateKey", load_pem_private_key(pem.encode(), password=None))
