"""Why Cognito refused a code of a setup: an earlier QR code, or a device whose clock is wrong.

Cognito says only that a code is wrong. In a setup the page itself shows the secret, so the user who types the code
already has it, and learns nothing that their own app does not show. At a sign-in there is no secret here to compare with.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from cognito_mfa.exceptions import BadCode, BadCodeReason
from cognito_mfa.values import totp
from cognito_mfa.values.secret_text import SecretText


def explain(
    error: BadCode, code: SecretText, *, secret: SecretText, earlier: Iterable[SecretText]
) -> None:
    """Write the reason into ``error``, where the secrets of this setup tell it.

    Only after Cognito refused the code, and never to accept one.

    Args:
        error: that Cognito answered with.
        code: as typed.
        secret: the one that Cognito compared the code with.
        earlier: those that this setup showed before.
    """
    if error.already_used:
        return
    at = time.time() if error.answered_at is None else error.answered_at
    # All of them, whichever it is: the time that it takes tells nothing.
    of_earlier = [totp.steps_off(one, code, at) is not None for one in earlier]
    steps = totp.steps_off(secret, code, at)
    if any(of_earlier):
        error.reason = BadCodeReason.EARLIER_SECRET
    elif steps is not None and abs(steps) > totp.TOLERANCE:
        error.reason = BadCodeReason.TOO_EARLY if steps > 0 else BadCodeReason.TOO_LATE
        error.seconds_off = steps * totp.PERIOD
