"""Confirmation codes, which are sent to a user's address and checked later, with Cognito's texts.

``next_step`` sends the codes of a sign-in.

See "Codes by email and SMS" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from cognito_mfa.local.errors import (
    CodeMismatchException,
    ExpiredCodeException,
    InvalidParameterException,
)
from cognito_mfa.local.operations import messages
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.operations.triggers import About
from cognito_mfa.local.outbox import Medium, masked
from cognito_mfa.local.rules.state import SentCode, User, UserPool

CODE_DIGITS = 6
DEFAULT_LINK_TEXT = "Please click the link below to verify your email address. {##Verify Email##}"
DEFAULT_TEXT = "Your confirmation code is {####}."
HOUR = 3600.0
SIGN_UP = "sign-up"
PASSWORD_RESET = "password reset"  # noqa: S105 - what a code is for
VALID_FOR: Mapping[str, float] = {PASSWORD_RESET: HOUR}
A_DAY = 24 * HOUR
CHANNELS: Mapping[str, tuple[Medium, str]] = {
    "phone_number": ("SMS", "SmsVerificationMessage"),
    "email": ("EMAIL", "EmailVerificationMessage"),
}
#: The same texts as members of VerificationMessageTemplate.
IN_TEMPLATE: Mapping[Medium, str] = {"SMS": "SmsMessage", "EMAIL": "EmailMessage"}
EXPIRED = "Invalid code provided, please request a code again."


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a code is for, which address it verifies, and the triggerSource of its message."""

    name: str
    attribute: str
    source: str
    value: str = ""
    """A new address that replaces the attribute once the code proves it."""


def send_code(context: Context, about: About, purpose: Purpose) -> dict[str, str]:
    """Send a code. Only the newest one for a purpose works.

    Args:
        context: The account, and the request.
        about: The pool, the client, and the user.
        purpose: What the code is for.

    Returns:
        The CodeDeliveryDetails.
    """
    user = about.user
    if user is None:
        raise ValueError("a code needs a user to send it to")
    medium, setting = CHANNELS[purpose.attribute]
    destination = purpose.value or user.attributes[purpose.attribute]
    in_template = about.pool.settings.get("VerificationMessageTemplate", {})
    template = about.pool.settings.get(setting) or in_template.get(IN_TEMPLATE[medium])
    by_link = medium == "EMAIL" and purpose.name == SIGN_UP and confirms_by_link(about.pool)
    if by_link:
        template = in_template.get("EmailMessageByLink", DEFAULT_LINK_TEXT)
    letter = messages.written(context, about, purpose.source, medium, template or DEFAULT_TEXT)
    code = str(secrets.randbelow(10**CODE_DIGITS)).zfill(CODE_DIGITS)
    text = letter.text(code, _link(about, code) if by_link else "")
    until = context.clock.now() + VALID_FOR.get(purpose.name, A_DAY)
    user.sent_codes[purpose.name] = SentCode(code, purpose.attribute, until, purpose.value)
    context.deliver(user, medium, destination, code, text, subject=letter.subject)
    return delivery_details(purpose.attribute, destination)


def confirms_by_link(pool: UserPool) -> bool:
    """Return whether users confirm their sign-up with a link instead of a code."""
    template = pool.settings.get("VerificationMessageTemplate", {})
    return bool(template.get("DefaultEmailOption") == "CONFIRM_WITH_LINK")


def check_link(pool: UserPool) -> None:
    """Refuse to send a link without a page, before anything is changed.

    Raises:
        InvalidParameterException: The pool has no domain.
    """
    if confirms_by_link(pool) and "email" in pool.auto_verified and not pool.domains:
        raise InvalidParameterException(
            "Cannot perform specific action because there does not exist a valid use pool domain "
            "associated with the user pool"
        )


def _link(about: About, code: str) -> str:
    """Return the URL at the pool's domain. The local Cognito has the same path at its own address."""
    domain = next(iter(about.pool.domains.values()))
    host = domain.name
    if not domain.is_custom:
        host = f"{host}.auth.{about.pool.region}.amazoncognito.com"
    query = {
        "client_id": about.client.id if about.client else "",
        "user_name": about.user.username if about.user else "",
        "confirmation_code": code,
    }
    return f"https://{host}/confirmUser?{urlencode(query)}"


def check_sent_code(context: Context, user: User, purpose: str, code: str) -> SentCode:
    """Compare a code with the one that was sent.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
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
        The members, with a masked address.
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
