"""Computes when a TOTP code is valid (RFC 6238 with SHA-1, six digits, and 30 seconds, as in Cognito)."""

from __future__ import annotations

import base64
import binascii
import hmac

from cognito_mfa.values.secret_text import SecretText

PERIOD = 30  # seconds
TOLERANCE = 1  # steps before and after the present one whose codes Cognito accepts
REACH = 20  # steps before and after the present one in which a code is looked for: ten minutes


def steps_off(secret: SecretText, code: SecretText, at: float) -> int | None:
    """Return how many steps after ``at`` a code is valid; negative for before.

    The time that it takes does not depend on which step it is.

    Args:
        secret: the software token's, in base32.
        code: as typed; six digits.
        at: seconds since the epoch, by Cognito's clock.

    Returns:
        None where it is a code of no step within ``REACH``, or the secret is none.
    """
    now = int(at // PERIOD)
    try:
        found = [step for step in range(-REACH, REACH + 1) if code == _code(secret, now + step)]
    except (binascii.Error, ValueError, OverflowError):  # of an emulator; or a clock before 1970
        return None
    return min(found, key=abs, default=None)


def _code(secret: SecretText, step: int) -> SecretText:
    digest = hmac.digest(_key(secret), step.to_bytes(8, "big"), "sha1")
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return SecretText(f"{number % 10**6:06d}")


def _key(secret: SecretText) -> bytes:
    return base64.b32decode(secret.reveal() + "=" * (-len(secret.reveal()) % 8), casefold=True)
