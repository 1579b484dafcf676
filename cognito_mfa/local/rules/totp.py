"""Time-based one-time codes as Cognito makes them (RFC 6238: SHA-1, six digits, thirty seconds;
facts section 5). It computes and compares; whether a code may still be used is never decided
here."""

from __future__ import annotations

import base64
import hmac
import secrets

DIGITS = 6
PERIOD = 30
TOLERANCE = 1


def new_secret(size: int) -> str:
    """A random key of ``size`` bytes as base32 without padding: 32 bytes are 52 characters."""
    return base64.b32encode(secrets.token_bytes(size)).decode().rstrip("=")


def step_at(timestamp: float) -> int:
    return int(timestamp // PERIOD)


def code_at(secret: str, step: int) -> str:
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_steps(secret: str, code: str, timestamp: float) -> list[int]:
    """Every step within the tolerance whose code this is, the earliest first. No secret, no match:
    an empty key would have codes that anybody can work out."""
    if not secret:
        return []
    now = step_at(timestamp)
    steps = range(max(now - TOLERANCE, 0), now + TOLERANCE + 1)
    typed = code.encode()
    return [step for step in steps if hmac.compare_digest(code_at(secret, step).encode(), typed)]
