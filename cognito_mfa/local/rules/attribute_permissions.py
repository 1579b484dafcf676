"""Which attributes an app client may read and write: its ReadAttributes and WriteAttributes.

See "Attributes of an app client" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cognito_mfa.local.errors import InvalidParameterException, NotAuthorizedException
from cognito_mfa.local.rules import attribute_schema
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.state import AppClient, UserPool


def check_writable(pool: UserPool, client: AppClient, names: Iterable[str], write: Write) -> None:
    """Refuse attributes that a client may not write, and those that only Cognito can know.

    Args:
        pool: The user pool.
        client: The app client.
        names: The names of the attributes.
        write: Why they are written.

    Raises:
        NotAuthorizedException: One of them is not writable.
        InvalidParameterException: One is the verified flag of an address, and it is set with a first
            password.
    """
    for name in names:
        if name in attribute_schema.VERIFIED_FLAGS and write is Write.FIRST_PASSWORD:
            raise InvalidParameterException(f"Cannot modify the non-mutable attribute {name}")
        if not may_write(pool, client, name):
            raise NotAuthorizedException("A client attempted to write unauthorized attribute")


def check_mapped(pool: UserPool, client: AppClient, names: Iterable[str]) -> None:
    """Refuse attributes from an identity provider that the client may not write.

    Args:
        pool: The user pool.
        client: The app client.
        names: The attributes of the pool that the provider's are mapped to, which may include verified
            flags.

    Raises:
        NotAuthorizedException: One of them is not writable.
    """
    addresses = [name for name in names if name not in attribute_schema.VERIFIED_FLAGS]
    check_writable(pool, client, addresses, Write.UPDATE)


def may_write(pool: UserPool, client: AppClient, name: str) -> bool:
    """Return whether a client may write an attribute.

    Args:
        pool: The user pool.
        client: The app client.
        name: The name of the attribute.

    Returns:
        Whether it may; only administrators write ``dev:`` attributes.
    """
    if name in attribute_schema.VERIFIED_FLAGS:
        return False
    if name.startswith(attribute_schema.DEVELOPER_ONLY):
        return False
    return _granted(pool, client, "WriteAttributes", name)


def readable(pool: UserPool, client: AppClient, attributes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a user that a client may read.

    Args:
        pool: The user pool.
        client: The app client.
        attributes: The attributes of the user, by name.

    Returns:
        Those that the client may read.
    """
    return {name: value for name, value in attributes.items() if may_read(pool, client, name)}


def may_read(pool: UserPool, client: AppClient, name: str) -> bool:
    """Return whether a client may read an attribute.

    Args:
        pool: The user pool.
        client: The app client.
        name: The name of the attribute.

    Returns:
        Whether it may.
    """
    return _granted(pool, client, "ReadAttributes", name)


def _granted(pool: UserPool, client: AppClient, member: str, name: str) -> bool:
    listed = client.settings.get(member)
    if listed:
        return name in listed
    if not pool.behavior.clients_default_to_standard_attributes:
        return True
    return name in attribute_schema.STANDARD or name == attribute_schema.IDENTITIES
