"""Compares names and addresses when a link or a refusal depends on the result.

SECURITY: databases and collations compare differently. Case-insensitively, PostgreSQL treats a dotless i as I, and
MySQL treats an accented letter as the plain one. So a query only proposes rows, and each row is compared here.
"""

from __future__ import annotations

import string
import unicodedata

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def ascii_lower(text: str) -> str:
    """Return ``text`` with A to Z in lower case, and nothing else changed."""
    return text.translate(_LOWER)


def same(one: str, other: str) -> bool:
    """Return whether two addresses are equal, except for the case of ASCII letters.

    Two empty strings are never equal.

    Args:
        one: an address, or an empty string.
        other: another.
    """
    return bool(one) and ascii_lower(one) == ascii_lower(other)


def certainly_differ(one: str, other: str) -> bool:
    """Return whether two addresses are certain to differ in every database.

    This is known only for plain ASCII, because collations differ about trailing spaces, control characters, and
    all other letters.

    Args:
        one: an address.
        other: another.
    """
    return _is_plain(one) and _is_plain(other) and not same(one, other)


def _is_plain(text: str) -> bool:
    return bool(text) and all("!" <= char <= "~" for char in text)


def spellings(name: str) -> frozenset[str]:
    """Return the forms of ``name`` under which it may be taken.

    Use it only to find out whether a name is taken, where one form too many does no harm.
    """
    composed = unicodedata.normalize("NFKC", name)
    folded = unicodedata.normalize("NFKC", composed.casefold())
    return frozenset({name, composed, folded, folded.upper(), composed.lower(), composed.upper()})
