"""The server's side of the Secure Remote Password protocol, as in Cognito.

It is SRP-6a over the 3072-bit group of RFC 3526 with generator 2, and a key of 16 bytes that
signs the claim. Other modules decide which user signs in, and how old a claim may be.

It is written by hand, because no maintained package has the server's side with Cognito's padding and key.

See "Secure Remote Password" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from functools import lru_cache

N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"
    "A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"
    "D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"
    "08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
KEY_BYTES = 16
INFO = b"Caldera Derived Key"
#: A number of the group has 768 hexadecimal digits, and some clients add leading zeros.
LONGEST_PUBLIC_VALUE = 1024
PRIVATE_BITS = 256
HEX = re.compile(r"[0-9a-fA-F]+")


class BadPublicValue(Exception):
    """A client value that SRP must refuse, because with zero the key does not depend on the password."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """The server's values of one exchange: the secret one, and the public one."""

    private: int = field(repr=False)
    public: int


def client_value(text: str) -> int:
    """Return the client's public value A from hexadecimal.

    Raises:
        BadPublicValue: It is not hexadecimal, too long, or a multiple of N.
    """
    if len(text) > LONGEST_PUBLIC_VALUE or not HEX.fullmatch(text):
        raise BadPublicValue
    value = int(text, 16)
    if value % N == 0:
        raise BadPublicValue
    return value


@lru_cache(maxsize=256)
def verifier(x: int) -> int:
    """Return the verifier for a password with this private value."""
    return pow(G, x, N)


def challenge(verifier: int) -> Challenge:
    """Return a new exchange for a verifier of a password."""
    private = secrets.randbits(PRIVATE_BITS) | 1
    return Challenge(private, (K * verifier + pow(G, private, N)) % N)


def session_key(client: int, ours: Challenge, verifier: int) -> bytes:
    """Return the key that both sides compute if the client knows the password.

    Args:
        client: The client's public value.
        ours: Our side of the exchange.
        verifier: The verifier of the password.

    Returns:
        Sixteen bytes.
    """
    u = _hashed(_padded(client) + _padded(ours.public))
    shared = pow(client * pow(verifier, u, N), ours.private, N)
    seed = hmac.digest(_padded(u), _padded(shared), "sha256")
    return hmac.digest(seed, INFO + b"\x01", "sha256")[:KEY_BYTES]


def signature(key: bytes, *parts: bytes) -> str:
    """Return the signature of a claim.

    Args:
        key: The key of the exchange.
        parts: The pool's name, the user's id, the secret block, and the time.

    Returns:
        HMAC-SHA256 in base64.
    """
    return base64.b64encode(hmac.digest(key, b"".join(parts), "sha256")).decode()


def _padded(value: int) -> bytes:
    """Return a number as Java writes it, with a leading zero byte if the first bit is set."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def _hashed(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest(), "big")


K = _hashed(_padded(N) + _padded(G))
