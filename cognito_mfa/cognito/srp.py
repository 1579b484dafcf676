"""The client's part of USER_SRP_AUTH: prove that the right password was typed, without sending it.

SRP-6a (RFC 5054) with the 3072-bit group of RFC 3526, a key derived by HKDF, and Cognito's own ways of
writing numbers and time. The only library for it, pycognito, has had no release since May 2024.
See "Secure Remote Password" in ``docs/cognito-behavior.md``.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cognito_mfa.values.secret_text import SecretText

N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22"
    "514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6"
    "F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3D"
    "C2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E8603"
    "9B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7D"
    "B3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"
    "D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E208E24FA074E5AB31"
    "43DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
PRIVATE_BYTES = 32  # RFC 5054 §2.5.4 wants no fewer; more only costs time
KEY_BYTES = 16
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class BadChallenge(Exception):
    """Cognito sent a challenge that breaks the rules of SRP."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt: a random number, and the public value that is derived from it."""

    private: int = field(repr=False)
    public: int = field(repr=False)

    @property
    def srp_a(self) -> str:
        """Return the value of SRP_A."""
        return f"{self.public:x}"


def begin() -> Exchange:
    """Return a new attempt."""
    private = int.from_bytes(secrets.token_bytes(PRIVATE_BYTES), "big")
    return Exchange(private, pow(G, private, N))


def answer(
    exchange: Exchange,
    parameters: Mapping[str, str],
    *,
    pool_id: str,
    password: SecretText,
    now: float,
) -> dict[str, str | SecretText]:
    """Return the answer to PASSWORD_VERIFIER, without USERNAME and SECRET_HASH.

    Args:
        exchange: the attempt whose ``srp_a`` was sent.
        parameters: the challenge's, as Cognito gave them.
        pool_id: of the user pool; what follows its underscore is signed.
        password: as typed.
        now: seconds since the epoch.

    Raises:
        BadChallenge: the challenge breaks the rules; nothing may be sent.
    """
    try:
        salt, theirs = int(parameters["SALT"], 16), int(parameters["SRP_B"], 16)
        block = base64.b64decode(parameters["SECRET_BLOCK"], validate=True)
        named = pool_id.partition("_")[2].encode() + parameters["USER_ID_FOR_SRP"].encode()
    except (AttributeError, KeyError, TypeError, ValueError, binascii.Error):
        raise BadChallenge from None
    if not (0 <= salt < N and 0 <= theirs < N):
        raise BadChallenge
    # Values of Cognito's must not fail from here on, because this frame holds what is derived from the password.
    time = timestamp(now)
    identity = hashlib.sha256(named + b":" + password.reveal().encode()).digest()
    key = _key(exchange, theirs, _hashed(_padded(salt) + identity))
    signature = hmac.digest(key, b"".join((named, block, time.encode())), "sha256")
    return {
        "PASSWORD_CLAIM_SECRET_BLOCK": parameters["SECRET_BLOCK"],
        "PASSWORD_CLAIM_SIGNATURE": SecretText(base64.b64encode(signature).decode()),
        "TIMESTAMP": time,
    }


def timestamp(now: float) -> str:
    """Return the time as Cognito wants it: in English in every locale, the day without a leading zero."""
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    return f"{DAYS[at.weekday()]} {MONTHS[at.month - 1]} {at.day} {at:%H:%M:%S} UTC {at.year}"


def _key(exchange: Exchange, theirs: int, x: int) -> bytes:
    """Return the key that both sides compute if both know the password."""
    u = _hashed(_padded(exchange.public) + _padded(theirs))
    # SECURITY: with one of these, the sender knows the key without knowing the password.
    if theirs % N == 0 or u == 0:
        raise BadChallenge
    shared = pow(theirs - _K * pow(G, x, N), exchange.private + u * x, N)
    # HKDF (RFC 5869), one block.
    drawn = hmac.digest(_padded(u), _padded(shared), "sha256")
    return hmac.digest(drawn, b"Caldera Derived Key\x01", "sha256")[:KEY_BYTES]


def _padded(value: int) -> bytes:
    """Return a number as Java writes it: with a leading zero byte where it would look negative."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def _hashed(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest(), "big")


_K = _hashed(_padded(N) + _padded(G))
