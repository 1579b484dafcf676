"""Confirmation codes, sent to an address of a user and checked later with Cognito's texts.

Codes of a sign-in are in ``next_step``.

See "Codes by email and SMS" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping

from cognito_mfa.local.errors import CodeMismatchException, ExpiredCodeException
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.outbox import Medium, masked
from cognito_mfa.local.rules.state import SentCode, User, UserPool

CODE_DIGITS = 6
CODE_PLACE = "{####}"
DEFAULT_TEXT = f"Your confirmation code is {CODE_PLACE}."
HOUR = 3600.0
SIGN_UP = "sign-up"
PASSWORD_RESET = "password reset"  # noqa: S105 - what a code is for
VALID_FOR: Mapping[str, float] = {PASSWORD_RESET: HOUR}
A_DAY = 24 * HOUR
CHANNELS: Mapping[str, tuple[Medium, str]] = {
    "phone_number": ("SMS", "SmsVerificationMessage"),
    "email": ("EMAIL", "EmailVerificationMessage"),
}
EXPIRED = "Invalid code provided, please request a code again."


def send_code(
    context: Context, pool: UserPool, user: User, purpose: str, attribute: str
) -> dict[str, str]:
    """Send a code; only the newest one of a purpose works.

    Args:
        context: The account, its clock and its open sign-ins.
        pool: The user pool.
        user: The user.
        purpose: What the code is for, such as ``SIGN_UP``.
        attribute: ``email`` or ``phone_number``.

    Returns:
        The CodeDeliveryDetails.
    """
    code = str(secrets.randbelow(10**CODE_DIGITS)).zfill(CODE_DIGITS)
    until = context.clock.now() + VALID_FOR.get(purpose, A_DAY)
    user.sent_codes[purpose] = SentCode(code, attribute, until)
    medium, setting = CHANNELS[attribute]
    text = pool.settings.get(setting, DEFAULT_TEXT).replace(CODE_PLACE, code)
    destination = user.attributes[attribute]
    context.deliver(user, medium, destination, code, text)
    return delivery_details(attribute, destination)


def check_sent_code(context: Context, user: User, purpose: str, code: str) -> SentCode:
    """Compare a code with the one that was sent.

    Args:
        context: The account, its clock and its open sign-ins.
        user: The user.
        purpose: What the code is for.
        code: What was typed.

    Returns:
        What was sent.

    Raises:
        ExpiredCodeException: None was sent, or it is too old.
        CodeMismatchException: Another one was sent.
    """
    sent = user.sent_codes.get(purpose)
    if sent is None or context.clock.now() >= sent.expires_at:
        raise ExpiredCodeException(EXPIRED)
    if not hmac.compare_digest(sent.code.encode(), code.encode()):
        raise CodeMismatchException("Invalid verification code provided, please try again.")
    return sent


def delivery_details(attribute: str, destination: str) -> dict[str, str]:
    """Return the CodeDeliveryDetails of an address.

    Args:
        attribute: ``email`` or ``phone_number``.
        destination: The address.

    Returns:
        The members, the address masked.
    """
    medium, _ = CHANNELS[attribute]
    return {
        "Destination": masked(medium, destination),
        "DeliveryMedium": medium,
        "AttributeName": attribute,
    }


def pretended_delivery(pool: UserPool, typed: str) -> dict[str, str]:
    """Return CodeDeliveryDetails for a user who does not exist, the same each time.

    Args:
        pool: The user pool.
        typed: The name that was typed.

    Returns:
        The members, as for an email address.
    """
    if "@" in typed:
        return delivery_details("email", typed)
    letter = chr(ord("a") + int(pool.pretence, 16) % 26)
    return delivery_details("email", f"{typed[0]}@{letter}")
