"""Time-based one-time codes as in Cognito: RFC 6238 with SHA-1, six digits, and 30 seconds.

See "TOTP parameters" in docs/cognito-behavior.md. Other modules decide whether a code may still be
used.

This does not use pyotp, so that a site that tests with the local Cognito has nothing more to install. It
is six lines, and the tests compare them with pyotp.
"""

from __future__ import annotations

import base64
import hmac
import secrets

DIGITS = 6
PERIOD = 30
TOLERANCE = 1


def new_secret(size: int) -> str:
    """Return a random key of ``size`` bytes in base32, without padding: 52 characters for 32 bytes."""
    return base64.b32encode(secrets.token_bytes(size)).decode().rstrip("=")


def step_at(timestamp: float) -> int:
    """Return the number of the 30-second step that contains a time in Unix seconds."""
    return int(timestamp // PERIOD)


def code_at(secret: str, step: int) -> str:
    """Return the code of a step.

    Args:
        secret: The key in base32, with or without padding.
        step: The number of the step, from ``step_at``.

    Returns:
        Six digits.
    """
    return _code(_key(secret), step)


def _key(secret: str) -> bytes:
    return base64.b32decode(secret + "=" * (-len(secret) % 8))


def _code(key: bytes, step: int) -> str:
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_steps(secret: str, code: str, timestamp: float) -> list[int]:
    """Return the steps near a time that have this code.

    Args:
        secret: The key in base32. An empty one matches nothing, because anyone can compute its codes.
        code: What was typed.
        timestamp: The time in Unix seconds. One step before and one after it are accepted, too.

    Returns:
        The steps, the earliest first.
    """
    if not secret:
        return []
    now = step_at(timestamp)
    steps = range(max(now - TOLERANCE, 0), now + TOLERANCE + 1)
    key, typed = _key(secret), code.encode()
    return [step for step in steps if hmac.compare_digest(_code(key, step).encode(), typed)]
