"""A wrapper for passwords, codes, keys, and tokens that keeps them out of logs and error reports.

Error reports, loggers, and templates show whatever they find, by ``str`` and ``repr``, by walking containers and
attributes, and from the arguments of functions. A plain string cannot be hidden from all of them. A ``SecretText``
is passed through the whole flow, and revealed only where its text leaves this process or is put into a page.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Self, final

MASK = "**********"  # of one length, whatever is behind it


@final
class SecretText:
    """A secret; false if it is empty.

    No subclass of ``str``, which every collector would print. It has no ``__dict__``, is not pickled and
    not made into JSON, and a copy is the same object, so that ``dataclasses.asdict`` opens nothing.

    Args:
        text: the plain text, or another secret.
    """

    # A function, whose variables no collector walks into; an attribute with the text would be found.
    __slots__ = ("_open",)

    def __init__(self, text: str | SecretText) -> None:
        given: object = text.reveal() if isinstance(text, SecretText) else text
        if not isinstance(given, str):
            del given, text  # this frame would be in the report
            raise TypeError("a secret is a text")
        plain = given
        self._open: Callable[[], str] = lambda: plain

    def reveal(self) -> str:
        """Return the text; pass it directly to the call that needs it, never to a variable."""
        return self._open()

    def __repr__(self) -> str:
        return MASK

    def __str__(self) -> str:
        return MASK

    def __format__(self, _spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._open())

    def __eq__(self, other: object) -> bool:
        """Compare with another secret or a string in constant time."""
        if not isinstance(other, (SecretText, str)):
            return NotImplemented
        return hmac.compare_digest(_bytes(self), _bytes(SecretText(other)))

    def __hash__(self) -> int:
        return hash(self._open())  # keyed anew in each process

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


def opened(value: Any) -> Any:
    """Return ``value`` with the secrets in its dictionaries and lists as plain text.

    Only for the call that sends or encrypts them.
    """
    if isinstance(value, SecretText):
        return value.reveal()
    if isinstance(value, str):  # most values; the check for a mapping is slow
        return value
    if isinstance(value, Mapping):
        return {name: opened(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [opened(item) for item in value]
    return value


def _bytes(secret: SecretText) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")
