"""Normalizes typed and pasted values to the form that Cognito accepts.

Keyboards write the digits of every script, and text copied from emails, chats, and spreadsheets contains invisible
characters. What cannot belong to a value is removed. Each kind of field has one function here, which forms, commands,
imports, and searches use.

SECURITY: nothing by which two users could differ is changed. Case and composed or decomposed letters stay as typed.
Only lookups, which change nothing, try other spellings (``spellings``).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from cognito_mfa.values.untrusted import BIDI_CONTROLS

# Characters; more than that is no value of a form, and is not walked through.
MAX_TYPED = 4096
# Marks that come along with copies: none of them is part of an emoji, as joiners and tags are.
_COPIED_MARKS = BIDI_CONTROLS | frozenset("\u00ad\u180e\u200b\u2060\ufeff")
# Those of them that change nothing but the characters beside them.
_HARMLESS_MARKS = frozenset("\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\ufeff")
# Signs that Unicode files elsewhere: the minus, what tables and quoted code put around a value, and what
# draws a digit as a key or in color.
_MINUS = "\u2212"
_DRAWN = frozenset("|`") | {_MINUS}
_KEYCAP = frozenset("\ufe0e\ufe0f\u20e3")
# Letters that Crockford's base32 leaves out, and the digits that they look like.
_READ_AS = str.maketrans("ILO", "110")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PHONE = re.compile(r"\+[0-9]{5,15}")


def digits(text: str) -> str:
    """Return a code with ASCII digits, and without what merely separates or is invisible.

    Dots and other punctuation separate groups of one length, also beside blanks and hyphens: "123.456" and
    "12 34.56" are codes, "12.3456" is a number.
    What is no digit and no separator stays, for the field to name: letters, fractions, superscripts.
    """
    if len(text) > MAX_TYPED:
        return text
    shown = "".join(map(_digit, text))
    drawn = "".join(_digit(char) or _gap(char) for char in text)
    for one in (shown, drawn):
        groups = "".join(" " if _is_punctuation(char) else char for char in one).split()
        if len(set(map(len, groups))) == 1:
            return "".join(groups)
    return shown


def _digit(char: str) -> str:
    """Return the ASCII digit that ``char`` means, an empty string for a separator, else ``char``."""
    value = unicodedata.decimal(char, None)
    if value is not None:
        return str(value)
    return "" if _separates(char) else char


def _gap(char: str) -> str:
    """Return a blank for a separator that is seen, an empty string for one that is not."""
    return "" if unicodedata.category(char) == "Cf" or char in _KEYCAP else " "


def _separates(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind in ("Cf", "Pd") or kind[0] == "Z" or char.isspace() or char in _KEYCAP | _DRAWN


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] == "P"


def recovery_code(text: str) -> str:
    """Return a recovery code in capitals, without groups.

    Letters that it cannot have are read as digits.

    Only ASCII letters are made uppercase, because others may become several or different letters.
    """
    if len(text) > MAX_TYPED:
        return text
    shown = "".join(map(_digit, unicodedata.normalize("NFKC", text)))
    kept = (char for char in shown if not _is_punctuation(char))
    return "".join(char.upper() if char.isascii() else char for char in kept).translate(_READ_AS)


def line(text: str) -> str:
    """Return a text on one line, without copied marks and control characters.

    For reasons and searches, which may have blanks inside.
    """
    if len(text) > MAX_TYPED:
        return text
    spaced = "".join(" " if char.isspace() else char for char in text)
    return "".join(
        char for char in spaced if char not in _COPIED_MARKS and unicodedata.category(char) != "Cc"
    ).strip()


def username(text: str) -> str:
    """Return a username, email address, phone number or ``sub`` as a sign-in sends it.

    Cognito's usernames are letters, marks, symbols, numbers and punctuation, so invisible characters and the
    blanks around are left out. Blanks inside are left out of an address and a phone number, which have one
    reading without them. Anywhere else they stay, and Cognito refuses the name.
    """
    if len(text) > MAX_TYPED:
        return text
    plain = "".join(char for char in line(text) if unicodedata.category(char) != "Cf")
    if not any(map(str.isspace, plain)):
        return plain
    joined = "".join(plain.split())
    return joined if "@" in joined else phone_number(plain)


def phone_number(text: str) -> str:
    """Return a phone number as E.164 has it, such as ``+15555550100``; anything else as ``line`` does.

    A number without a country code has many readings, and stays as it was typed.
    """
    plain = line(text)
    bare = "".join(filter(None, map(_digit, plain.replace("(0)", "")))).replace("\uff0b", "+")
    bare = "".join(char for char in bare if not _is_punctuation(char))
    if bare.startswith("00"):
        bare = f"+{bare[2:]}"
    return bare if _PHONE.fullmatch(bare) else plain


def email(text: str) -> str:
    """Return an email address without blanks, invisible characters, and what links put around it."""
    plain = "".join(username(text).split())
    if plain.startswith("<") and plain.endswith(">"):
        plain = plain[1:-1]
    return plain[len("mailto:") :] if plain.lower().startswith("mailto:") else plain


def sub(text: str) -> str:
    """Return a ``sub`` as Cognito writes it, in lower case with hyphens; other text as ``username`` does."""
    plain = username(text)
    hyphens = "".join(
        "-" if char == _MINUS or unicodedata.category(char) == "Pd" else char for char in plain
    )
    lower = hyphens.strip("{}").lower()
    return lower if _UUID.fullmatch(lower) else plain


def password(text: str) -> str:
    """Return a password without the blanks and copied marks around it, which no password of Cognito's has.

    Everything inside is part of it, blanks as well.
    """
    return text.strip(_around(text))


def _around(text: str) -> str:
    """Return the characters at the ends of ``text`` that have no meaning there."""
    return "".join({char for char in text if char.isspace() or char in _COPIED_MARKS})


def device_name(text: str) -> str:
    """Return a device name in normal form, without copied marks.

    What turns the direction of a whole page stays where it stands inside, for the field to refuse.
    """
    bare = "".join(char for char in text.strip(_around(text)) if char not in _HARMLESS_MARKS)
    return unicodedata.normalize("NFC", bare)


def spellings(text: str) -> Iterator[str]:
    """Yield ``text`` and other spellings under which a lookup may find the user, the most literal first.

    Django stores usernames of its own in the form NFKC, file systems and terminals pass on NFD.
    """
    tidy = username(text)
    forms = (unicodedata.normalize(form, tidy) for form in ("NFC", "NFKC", "NFD"))
    yield from dict.fromkeys((text, line(text), tidy, sub(text), email(text), *forms))
