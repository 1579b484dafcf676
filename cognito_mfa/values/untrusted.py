"""Validates values from Cognito and its tokens as if a stranger had typed them.

Users can write their attributes with any client of the pool, and a pool accepts more than our columns, pages, emails,
and logs do: 2,048 characters, line breaks, lone surrogates, and characters that change the reading direction. Every
value that ``cognito`` takes from a reply, and that is stored, shown, or logged, passes one of these functions.

SECURITY: a value that identifies a user or is compared is used unchanged or not at all. Changing it could turn two
users into one. Only text that is shown is changed.
"""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

SUB_LENGTH = 64
USERNAME_LENGTH = 128
EMAIL_LENGTH = 254
FACTOR_LENGTH = 32
DESTINATION_LENGTH = 100
PROVIDER_LENGTH = 32
SCOPE_LENGTH = 256
ATTRIBUTE_LENGTH = 64
MOST = 64  # of whatever Cognito lists
NOT_A_WORD = "Unknown"
_PHONE_NUMBER = re.compile(r"\+[0-9]{1,15}")
_WORD = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:#/-]*")

BIDI_CONTROLS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# Control characters, halves of surrogate pairs, and the two line ends that are none of them.
_NOT_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def is_odd(char: str) -> bool:
    """Return whether ``char`` must not be in a name: it is invisible, not storable, or changes direction."""
    return unicodedata.category(char) in _NOT_TEXT or char in BIDI_CONTROLS


def has_odd(text: str) -> bool:
    """Return whether one of the characters ``is_odd``."""
    # Nearly every text is plain, and this is a hundred times as fast.
    is_plain = text.isascii() and text.isprintable()
    return not is_plain and any(map(is_odd, text))


def is_name(value: object, longest: int) -> bool:
    """Return whether ``value`` is a text that may identify a user or a thing.

    Args:
        value: from Cognito or a token.
        longest: characters that its column has.
    """
    return isinstance(value, str) and 0 < len(value) <= longest and not has_odd(value)


def is_sub(value: object) -> bool:
    """Return whether ``value`` can be a user's ``sub``."""
    return is_name(value, SUB_LENGTH)


def is_username(value: object) -> bool:
    """Return whether ``value`` can be a username in the pool."""
    return is_name(value, USERNAME_LENGTH)


def address(value: object) -> str:
    """Return ``value`` if an email could be sent there, otherwise an empty string."""
    if not isinstance(value, str) or not is_name(value, EMAIL_LENGTH):
        return ""
    try:
        validate_email(value)
    except ValidationError:
        return ""
    return value


def phone_number(value: object) -> str:
    """Return ``value`` when it is a number as Cognito stores them (E.164), else an empty string."""
    return value if isinstance(value, str) and _PHONE_NUMBER.fullmatch(value) else ""


def word(value: object, longest: int = 64) -> str:
    """Return one of Cognito's own words, such as a challenge's name; of anything else ``NOT_A_WORD``.

    Empty stays empty.

    Args:
        value: from Cognito or a token.
        longest: characters that its column has.
    """
    if value in (None, ""):
        return ""
    fits = isinstance(value, str) and len(value) <= longest and _WORD.fullmatch(value)
    return str(value) if fits else NOT_A_WORD


def words(values: object, longest: int = 64) -> list[str]:
    """Return the items of a list that are words.

    Args:
        values: from Cognito or a token.
        longest: characters that the column of each has.
    """
    listed = values if isinstance(values, list) else []
    return [one for one in listed[:MOST] if one and word(one, longest) == one]


def shown(value: object, longest: int) -> str:
    """Return ``value`` as it may be shown: in normal form, on one line, cut.

    Args:
        value: from Cognito or a token.
        longest: characters that are kept.
    """
    if not isinstance(value, str):
        return ""
    text = unicodedata.normalize("NFC", value[: 4 * longest])
    if has_odd(text):
        text = "".join(char for char in text if not is_odd(char))
    return text.strip()[:longest]


def storable(text: str, longest: int) -> str:
    """Return ``text``, cut, without characters that a database refuses.

    Args:
        text: anything.
        longest: characters that its column has.
    """
    return (text if is_storable(text) else "".join(filter(is_storable, text)))[:longest]


def is_storable(text: str) -> bool:
    """Return whether a database accepts ``text``: none takes half a pair, and PostgreSQL no NUL."""
    if text.isascii():
        return "\0" not in text
    return not any(char == "\0" or unicodedata.category(char) == "Cs" for char in text)
