"""The users of a pool: finding one by a name, and the rules for creating or changing one.

Other modules have the rules for passwords and factors.

See "Usernames and the sub" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping

from cognito_mfa.local.errors import (
    AliasExistsException,
    InvalidParameterException,
    UsernameExistsException,
)
from cognito_mfa.local.rules import attribute_permissions, attribute_values
from cognito_mfa.local.rules.attribute_values import Write
from cognito_mfa.local.rules.state import AppClient, User, UserPool

ALIAS_FORMATS = {"email": attribute_values.EMAIL, "phone_number": attribute_values.PHONE_NUMBER}
VERIFIED_FLAG = {"email": "email_verified", "phone_number": "phone_number_verified"}


def folded(pool: UserPool, name: str) -> str:
    """Return a name as the pool compares it.

    Args:
        pool: The user pool.
        name: As it was typed.

    Returns:
        The name, in lower case unless the pool is case sensitive.
    """
    return name.lower() if pool.case_insensitive else name


def user_named(pool: UserPool, name: str) -> User | None:
    """Return the user who signs in with a name.

    Args:
        pool: The user pool.
        name: As it was typed.

    Returns:
        The user of this username or alias, or None.
    """
    key = folded(pool, name)
    return pool.users.get(key) or pool.users.get(pool.aliases.get(key, ""))


def user_with_sub(pool: UserPool, sub: str) -> User | None:
    """Return the user with a sub.

    Args:
        pool: The user pool.
        sub: The user's id, compared exactly.

    Returns:
        The user, or None.
    """
    return pool.users.get(pool.subs.get(sub, ""))


def user_known_as(pool: UserPool, name: str) -> User | None:
    """Return the user whom an administrator names in a request.

    Args:
        pool: The user pool.
        name: As the request has it.

    Returns:
        The user of this username, alias or sub, or None.
    """
    return user_named(pool, name) or user_with_sub(pool, name)


def add_user(
    pool: UserPool,
    username: str,
    attributes: Mapping[str, str],
    *,
    status: str,
    now: float,
    client: AppClient | None = None,
    force_alias: bool = False,
    sub: str | None = None,
) -> User:
    """Add a user to a pool.

    Args:
        pool: The user pool.
        username: The name, or the address in a pool whose users sign in with one.
        attributes: The attributes, by name.
        status: The UserStatus.
        now: The time in Unix seconds.
        client: The app client by which users sign up themselves, who must give all that the pool
            requires; None for administrators.
        force_alias: Whether an alias may be taken from another user.
        sub: The user's id; a new one unless given.

    Returns:
        The user, who has no password yet.

    Raises:
        UsernameExistsException: The name is taken.
        NotAuthorizedException: The client may not write an attribute.
        InvalidParameterException: The pool does not have such attributes or such a name.
        AliasExistsException: An address is another user's alias.
    """
    if client is not None:
        attribute_permissions.check_writable(pool, client, attributes, Write.CREATION)
        named = _attributes_named_by(pool, username)
        attribute_values.check_required(pool, {**attributes, **named})
    _check_new_name(pool, username, force_alias=force_alias)
    sub = sub or str(uuid.uuid4())
    kept_name = username
    if pool.username_attributes:
        attributes = {**attributes, _attribute_naming(pool, username, attributes): username}
        kept_name = sub
    number = pool.users_made + 1
    user = User(
        username=kept_name, sub=sub, number=number, status=status, created_at=now, modified_at=now
    )
    set_attributes(pool, user, attributes, write=Write.CREATION, now=now, force_alias=force_alias)
    pool.users_made = number
    pool.users[folded(pool, kept_name)] = user
    pool.subs[sub] = folded(pool, kept_name)
    return user


def remove_user(pool: UserPool, user: User) -> None:
    """Remove a user from a pool.

    Args:
        pool: The user pool.
        user: The user.
    """
    del pool.users[folded(pool, user.username)]
    del pool.subs[user.sub]
    _drop_aliases(pool, user)


def set_attributes(
    pool: UserPool,
    user: User,
    changes: Mapping[str, str],
    *,
    write: Write,
    now: float,
    client: AppClient | None = None,
    force_alias: bool = False,
    pending: Collection[str] = (),
) -> None:
    """Change attributes of a user. Every write of an attribute goes through this function.

    Args:
        pool: The user pool.
        user: The user.
        changes: Values by name; an empty one removes the attribute. A new address is unverified,
            unless the changes say otherwise.
        write: Why they are written.
        now: The time in Unix seconds.
        client: The app client with which users change their own attributes; None for administrators.
        force_alias: Whether an alias may be taken from another user.
        pending: Attributes whose changes are only checked, because the new value is not verified yet.

    Raises:
        NotAuthorizedException: The client may not write an attribute.
        InvalidParameterException: The pool's schema does not have such an attribute, or does not
            allow the value.
        AliasExistsException: The new address is another user's alias.
    """
    if client is not None:
        attribute_permissions.check_writable(pool, client, changes, write)
    attribute_values.check(pool, user.attributes, changes, write)
    changes = attribute_values.normalized(pool, changes)
    _check_aliases(pool, user, _after(user, changes), force=force_alias)
    after = _after(user, {k: v for k, v in changes.items() if k not in pending})
    _claim_aliases(pool, user, after)
    user.attributes = after
    user.modified_at = now


def reindex(pool: UserPool) -> None:
    """Rebuild the indexes of the users, after a state file was read."""
    for key, user in pool.users.items():
        pool.subs[user.sub] = key
        pool.aliases |= dict.fromkeys(_aliases(pool, user.attributes), key)


def _after(user: User, changes: Mapping[str, str]) -> dict[str, str]:
    """Return the attributes of a user after changes."""
    after = {**user.attributes, **_unverified(user, changes), **changes}
    return {name: value for name, value in after.items() if value}


def _unverified(user: User, changes: Mapping[str, str]) -> dict[str, str]:
    return {
        flag: "false"
        for name, flag in VERIFIED_FLAG.items()
        if name in changes
        and flag in user.attributes
        and changes[name] != user.attributes.get(name)
    }


def _attribute_naming(pool: UserPool, username: str, attributes: Mapping[str, str]) -> str:
    """Return which attribute a username is, in a pool whose users sign in with an address."""
    for name in pool.username_attributes:
        if ALIAS_FORMATS[name].fullmatch(username):
            if folded(pool, attributes.get(name) or username) != folded(pool, username):
                raise InvalidParameterException(
                    f"User {name} should be empty or same as username, since username attribute "
                    f"is {name}"
                )
            return name
    kinds = " or ".join(
        "a phone number" if n == "phone_number" else "an email" for n in pool.username_attributes
    )
    raise InvalidParameterException(f"Username should be {kinds}.")


def _check_new_name(pool: UserPool, username: str, *, force_alias: bool) -> None:
    """Refuse a username that is taken, or that looks like an alias and could be another user's."""
    for name in pool.alias_attributes:
        if name in ALIAS_FORMATS and ALIAS_FORMATS[name].fullmatch(username):
            kind = name.replace("_", " ")
            raise InvalidParameterException(
                f"Username cannot be of {kind} format, since user pool is configured for {kind} alias."
            )
    taken = folded(pool, username) in pool.users
    if taken or (user_named(pool, username) is not None and not force_alias):
        raise UsernameExistsException("User account already exists")


def _attributes_named_by(pool: UserPool, username: str) -> dict[str, str]:
    """Return the attribute that a username sets, if it is an address."""
    return {
        name: username
        for name in pool.username_attributes
        if ALIAS_FORMATS[name].fullmatch(username)
    }


def _aliases(pool: UserPool, attributes: Mapping[str, str]) -> set[str]:
    """Return every other name with which a user with these attributes can sign in."""
    usable = [*pool.username_attributes]
    for name in pool.alias_attributes:
        flag = VERIFIED_FLAG.get(name)
        if flag is None or attributes.get(flag) == "true":
            usable.append(name)
    return {folded(pool, attributes[name]) for name in usable if name in attributes}


def _check_aliases(
    pool: UserPool, user: User, attributes: Mapping[str, str], *, force: bool
) -> None:
    key = folded(pool, user.username)
    taken = [alias for alias in _aliases(pool, attributes) if pool.aliases.get(alias, key) != key]
    if taken and not force:
        kind = "email" if any("@" in alias for alias in taken) else "phone_number"
        raise AliasExistsException(f"An account with the given {kind} already exists.")


def _claim_aliases(pool: UserPool, user: User, attributes: Mapping[str, str]) -> None:
    _drop_aliases(pool, user)
    pool.aliases |= dict.fromkeys(_aliases(pool, attributes), folded(pool, user.username))


def _drop_aliases(pool: UserPool, user: User) -> None:
    key = folded(pool, user.username)
    for alias in _aliases(pool, user.attributes):
        if pool.aliases.get(alias) == key:
            del pool.aliases[alias]
