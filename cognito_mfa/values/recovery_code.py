"""The format of a recovery code: sixteen characters of Crockford's base32.

The first character is not secret.
"""

from __future__ import annotations

# No I, L, O or U. What people read or type for the first three is understood; see ``typed.recovery_code``.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 16
GROUP = 4  # characters that are written together


def is_complete(text: str) -> bool:
    """Return whether ``text``, in normal form, has the length and the characters of a code."""
    return len(text) == LENGTH and set(text) <= set(ALPHABET)


def grouped(text: str) -> str:
    """Return a code as people read it, in groups with hyphens between them."""
    return "-".join(text[start : start + GROUP] for start in range(0, len(text), GROUP))
