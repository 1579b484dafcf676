"""Finds users of the pool with the site's AWS keys, by username, ``sub``, or email address.

ListUsers and AdminGetUser only propose users. Each is compared here, exactly, because Cognito accepts an alias as a
username, and ignores the case of letters in some pools.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cognito_mfa.cognito.claims import person_of
from cognito_mfa.cognito.replies import Reply, bad_reply
from cognito_mfa.cognito.transport import call
from cognito_mfa.cognito.types import Person
from cognito_mfa.conf import get_conf
from cognito_mfa.exceptions import Misconfigured, UserGone
from cognito_mfa.values import untrusted
from cognito_mfa.values.comparison import ascii_lower, same

PAGE = 60  # users, the most that ListUsers returns at once
# Of AdminGetUser: a blank, say, which no username has; or only ListUsers is allowed, whose answer is enough.
NO_ANSWER = frozenset({"InvalidParameterException", "AccessDeniedException"})
LONGEST_FILTER = 256  # characters
FEDERATED = "EXTERNAL_PROVIDER"


@dataclass(frozen=True, slots=True)
class PoolUser:
    """A user of the pool.

    Attributes:
        person: sub, username, and address where it is verified.
        enabled: whether the pool lets the user sign in.
        federated: whether another identity provider signs the user in.
    """

    person: Person
    enabled: bool = True
    federated: bool = False

    @property
    def sub(self) -> str:
        return self.person.sub

    @property
    def username(self) -> str:
        return self.person.username


def by_username(username: str) -> PoolUser | None:
    """Return the user of exactly this username, or None.

    Raises:
        Misconfigured: no credentials, or no permission.
    """
    return next((one for one in _named("username", username) if one.username == username), None)


def known_as(name: str) -> PoolUser | None:
    """Return the user whom a sign-in with ``name``, even an alias, refers to (AdminGetUser), or None.

    Raises:
        Misconfigured: no credentials, or no permission.
    """
    try:
        reply = call("AdminGetUser", {"UserPoolId": get_conf().USER_POOL_ID, "Username": name})
    except UserGone:
        return None
    return _pool_user("AdminGetUser", reply, reply.get("UserAttributes"))


def by_sub(sub: str) -> PoolUser | None:
    """Return the user of this ``sub``, or None.

    Raises:
        Misconfigured: no credentials, or no permission.
    """
    return next((one for one in _named("sub", sub) if one.sub == sub), None)


def by_email(email: str) -> list[PoolUser]:
    """Return the users whose email address is ``email``, verified or not.

    Whatever the case of its ASCII letters.

    SECURITY: only where ``person.email`` is set is it verified.

    Raises:
        Misconfigured: no credentials, or no permission.
    """
    found: dict[str, PoolUser] = {}
    for spelling in dict.fromkeys((email, ascii_lower(email))):
        listed = _filtered("email", spelling)
        found |= {one.sub: one for one in listed if _has_address(one, email)}
    return list(found.values())


def everyone(*, pace: Callable[[], object]) -> Iterator[PoolUser]:
    """Yield every user of the pool, one page after another.

    Args:
        pace: returns when the next page may be read; Cognito's quota is shared with the site's sign-ins.

    Raises:
        Misconfigured: no credentials, or no permission.
    """
    return _pages(pace)


def page(token: object = None, **parameters: str) -> tuple[list[PoolUser], object]:
    """Return a page of the list, and the token of the next one; None after the last one.

    Args:
        token: that came with the page before; None for the first page.
        parameters: others of ListUsers, such as ``Filter``.

    Raises:
        Misconfigured: no credentials, or no permission.
    """
    given = {"UserPoolId": get_conf().USER_POOL_ID, "Limit": PAGE, **parameters}
    reply = call("ListUsers", {**given, "PaginationToken": token})
    users, following = reply.get("Users"), reply.get("PaginationToken") or None
    if not isinstance(users, list) or not all(isinstance(user, dict) for user in users):
        raise bad_reply("ListUsers", reply)
    if following is not None and following == token:  # else the same page would be read for ever
        raise bad_reply("ListUsers", reply)
    return [_pool_user("ListUsers", user, user.get("Attributes")) for user in users], following


def filter_for(attribute: str, value: str) -> str:
    """Return the Filter of ListUsers for users whose ``attribute`` is ``value``.

    Args:
        attribute: one that Cognito can search for.
        value: any text; quoted here.
    """
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{attribute} = "{quoted}"'


def _named(attribute: str, value: str) -> list[PoolUser]:
    """Return the user that Cognito proposes.

    ListUsers first, because AdminGetUser makes the user a monthly active user, who is billed. The list may
    lag behind, so AdminGetUser is asked where it lacks the user.
    """
    if not untrusted.is_username(value):
        return []
    listed = list(_filtered(attribute, value))
    if listed:
        return listed
    try:
        reply = call("AdminGetUser", {"UserPoolId": get_conf().USER_POOL_ID, "Username": value})
    except UserGone:
        return []
    except Misconfigured as error:
        if error.error in NO_ANSWER:
            return []
        raise
    return [_pool_user("AdminGetUser", reply, reply.get("UserAttributes"))]


def _has_address(user: PoolUser, email: str) -> bool:
    return same(user.person.email or user.person.unverified_email, email)


def _filtered(attribute: str, value: str) -> Iterator[PoolUser]:
    text = filter_for(attribute, value)
    return _pages(lambda: None, Filter=text) if len(text) <= LONGEST_FILTER else iter(())


def _pages(pace: Callable[[], object], **parameters: str) -> Iterator[PoolUser]:
    token: object = None
    while True:
        pace()
        users, token = page(token, **parameters)
        yield from users
        if token is None:
            return


def _pool_user(operation: str, reply: Reply, attributes: object) -> PoolUser:
    """Return one user as Cognito describes it.

    Raises:
        BadReply: it names none.
    """
    told = {
        str(pair["Name"]): str(pair["Value"])
        for pair in (attributes if isinstance(attributes, list) else [])
        if isinstance(pair, dict) and pair.get("Value") is not None and "Name" in pair
    }
    username, sub = reply.get("Username"), told.get("sub")
    if not (untrusted.is_username(username) and untrusted.is_sub(sub)):
        raise bad_reply(operation, reply)
    names = {"sub": sub, "username": username}
    return PoolUser(
        person_of(names, told, trusts=get_conf().TRUST_POOL_EMAIL),
        enabled=reply.get("Enabled") is not False,
        federated=reply.get("UserStatus") == FEDERATED,
    )
