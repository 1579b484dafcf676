"""The RSA keys of a pool: created when first needed, published as a JWKS, used for tokens.

PyJWT verifies them. It and cryptography are imported inside functions, so that the local Cognito
starts fast, and signs the first tokens without waiting for PyJWT. A private key leaves this module
only for the state file.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast

from cognito_mfa.local.json_text import compact
from cognito_mfa.local.rules.side_by_side import side_by_side
from cognito_mfa.local.rules.state import PoolKeys, SigningKey, UserPool

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

KEY_BITS = 2048
PUBLIC_EXPONENT = 65537

_made_in_this_process: dict[int, PoolKeys] = {}
_making = threading.Lock()


def keys_of(pool: UserPool) -> PoolKeys:
    """Return the pool's two keys, and create them if it has none.

    The n-th pool of every account in this process gets the same keys, so that a thousand tests do not
    create a thousand keys. Two pools of one account never share a key."""
    if pool.keys is None:
        with _making:
            if pool.number not in _made_in_this_process:
                _made_in_this_process[pool.number] = PoolKeys(*side_by_side([new_key, new_key]))
        pool.keys = _made_in_this_process[pool.number]
    return pool.keys


def signed(key: SigningKey, claims: Mapping[str, Any]) -> str:
    """Return a signed JWT with these claims.

    Args:
        key: The key that signs it. Its ``kid`` is in the header.
        claims: The claims. They are not checked, so that tests can use any.
    """
    # jwt.encode() refuses claims that a test may need, such as a number as the issuer.
    said = f"{_header(key.kid)}.{base64url(compact(claims).encode())}"
    return f"{said}.{base64url(_signer(key.pem)(said.encode()))}"


@lru_cache(maxsize=64)
def _header(kid: str) -> str:
    """The first part of a JWT. Cognito's tokens have no "typ"."""
    return base64url(compact({"kid": kid, "alg": "RS256"}).encode())


@lru_cache(maxsize=64)
def _signer(pem: str) -> Callable[[bytes], bytes]:
    """Return what signs bytes with a private key, as RS256 does."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    return partial(_loaded(pem).sign, padding=PKCS1v15(), algorithm=SHA256())


def base64url(data: bytes) -> str:
    """Return bytes in base64url without padding, as in JWTs."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def verified_claims(key: SigningKey, token: str) -> dict[str, Any]:
    """Return the claims of a token that this key has signed.

    Args:
        key: The key that the token names.
        token: A JWT.

    Returns:
        The claims, even if they have expired: PyJWT only knows the machine's time.

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

    # Such keys come from new_key(), which tested their primes. To do it again takes as long.
    key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    return cast("RSAPrivateKey", key)
