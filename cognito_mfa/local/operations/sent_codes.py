"""Confirmation codes on their way to people: sent for a purpose, to an address of theirs, and
checked later with Cognito's words (facts section 8.1). Codes of a sign-in are not among them."""

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
    """The CodeDeliveryDetails. Only the newest code of a purpose is good."""
    code = str(secrets.randbelow(10**CODE_DIGITS)).zfill(CODE_DIGITS)
    until = context.clock.now() + VALID_FOR.get(purpose, A_DAY)
    user.sent_codes[purpose] = SentCode(code, attribute, until)
    medium, setting = CHANNELS[attribute]
    text = pool.settings.get(setting, DEFAULT_TEXT).replace(CODE_PLACE, code)
    destination = user.attributes[attribute]
    context.deliver(user, medium, destination, code, text)
    return delivery_details(attribute, destination)


def check_sent_code(context: Context, user: User, purpose: str, code: str) -> SentCode:
    """The code, if it is the one. Raises ExpiredCodeException when there is none to wait for,
    CodeMismatchException for another."""
    sent = user.sent_codes.get(purpose)
    if sent is None or context.clock.now() >= sent.expires_at:
        raise ExpiredCodeException(EXPIRED)
    if not hmac.compare_digest(sent.code.encode(), code.encode()):
        raise CodeMismatchException("Invalid verification code provided, please try again.")
    return sent


def delivery_details(attribute: str, destination: str) -> dict[str, str]:
    medium, _ = CHANNELS[attribute]
    return {
        "Destination": masked(medium, destination),
        "DeliveryMedium": medium,
        "AttributeName": attribute,
    }


def pretended_delivery(pool: UserPool, typed: str) -> dict[str, str]:
    """For somebody who does not exist, alike each time (facts section 8.2)."""
    if "@" in typed:
        return delivery_details("email", typed)
    letter = chr(ord("a") + int(pool.pretence, 16) % 26)
    return delivery_details("email", f"{typed[0]}@{letter}")
