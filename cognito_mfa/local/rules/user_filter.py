"""The Filter of ListUsers: one attribute, = or ^=, and one quoted value.

A filter that Cognito does not support is an error here, too, and not an empty list.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.rules.state import User

SYNTAX = re.compile(r'\s*"?([\w:]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')
ATTRIBUTES = ("email", "phone_number", "name", "given_name", "family_name", "preferred_username")

Reader = Callable[[User], str | None]
READERS: dict[str, Reader] = {
    "username": lambda user: user.username,
    "sub": lambda user: user.sub,
    "status": lambda user: "Enabled" if user.enabled else "Disabled",
}


def matcher(text: str) -> Callable[[User], bool]:
    """Return a function that returns whether a user matches a filter.

    Raises:
        InvalidParameterException: Cognito does not support the filter.
    """
    if not text.strip():
        return lambda _: True
    parsed = SYNTAX.fullmatch(text)
    if parsed is None:
        raise InvalidParameterException("Error while parsing filter.")
    name, kind, quoted = parsed.groups()
    wanted = re.sub(r"\\(.)", r"\1", quoted)
    if name == "cognito:user_status":
        return _compare(lambda user: user.status.lower(), kind, wanted.lower())
    return _compare(_reader(name), kind, wanted)


def _reader(name: str) -> Reader:
    if name in READERS:
        return READERS[name]
    if name in ATTRIBUTES:
        return lambda user: user.attributes.get(name)
    raise InvalidParameterException(f"Attribute {name} cannot be searched for.")


def _compare(read: Reader, kind: str, wanted: str) -> Callable[[User], bool]:
    if kind == "=":
        return lambda user: read(user) == wanted
    return lambda user: (read(user) or "").startswith(wanted)
