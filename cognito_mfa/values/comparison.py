"""When two texts are the same, where a link or a refusal hangs on it; and when a name is taken.

SECURITY: a database has its own idea of that, which differs between databases and collations: PostgreSQL
takes a dotless i for an I where case does not count, MySQL any accented letter for the plain one. So a query only
proposes rows, and each of them is compared here.
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

    Nothing is the same as nothing.

    Args:
        one: an address, or an empty string.
        other: another.
    """
    return bool(one) and ascii_lower(one) == ascii_lower(other)


def certainly_differ(one: str, other: str) -> bool:
    """Return whether no database takes two addresses for equal.

    That can be said of plain ASCII alone: blanks at the end, control characters and all other letters
    mean something else to each collation.

    Args:
        one: an address.
        other: another.
    """
    return _is_plain(one) and _is_plain(other) and not same(one, other)


def _is_plain(text: str) -> bool:
    return bool(text) and all("!" <= char <= "~" for char in text)


def spellings(name: str) -> frozenset[str]:
    """Return the forms of ``name`` under which somebody may have it already.

    Only for telling that a name is taken, where one form too many does no harm.
    """
    composed = unicodedata.normalize("NFKC", name)
    folded = unicodedata.normalize("NFKC", composed.casefold())
    return frozenset({name, composed, folded, folded.upper(), composed.lower(), composed.upper()})
