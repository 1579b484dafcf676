"""What every operation needs: the account, the clock, and how the ids, names and tokens of a
request become pools, clients and users, with Cognito's error where they do not. No operation is
here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cognito_mfa.local.behavior import Behavior
from cognito_mfa.local.clock import Clock
from cognito_mfa.local.errors import (
    CognitoError,
    InvalidParameterException,
    NotAuthorizedException,
    ResourceNotFoundException,
    UserNotFoundException,
    missing_parameter,
)
from cognito_mfa.local.outbox import Medium, Message, Outbox
from cognito_mfa.local.rules import directory
from cognito_mfa.local.rules.sessions import Sessions
from cognito_mfa.local.rules.srp_exchanges import SrpExchanges
from cognito_mfa.local.rules.state import Account, AppClient, User, UserPool
from cognito_mfa.local.rules.tokens import Tokens

Parameters = Mapping[str, Any]
Payload = dict[str, Any]
Complete = Callable[[User, Sequence[str]], Payload]


class Context:
    """One account, as its operations see it."""

    def __init__(
        self,
        account: Account,
        clock: Clock,
        outbox: Outbox,
        behavior: Behavior,
        *,
        complete: Complete | None = None,
    ) -> None:
        """Bind the operations to an account.

        Args:
            account: The pools and the open sign-ins that the operations read and change.
            clock: The time that they live in.
            outbox: Where codes and invitations go.
            behavior: How pools behave that are made from now on.
            complete: What the end of a sign-in gives instead of tokens; managed login has one.
        """
        self.account = account
        self.clock = clock
        self.outbox = outbox
        self.behavior = behavior
        self.complete = complete
        self.sessions = Sessions(account, clock)
        self.exchanges = SrpExchanges(account, clock)
        self.tokens = Tokens(account, clock)

    def pool(self, parameters: Parameters) -> UserPool:
        """Return the pool that a request names. Raises ResourceNotFoundException."""
        pool_id = parameters["UserPoolId"]
        pool = self.account.pools.get(pool_id)
        if pool is None:
            raise ResourceNotFoundException(f"User pool {pool_id} does not exist.")
        return pool

    def client(self, parameters: Parameters) -> tuple[UserPool, AppClient]:
        """Return the client that a public operation names, and the pool that has it.

        Raises:
            ResourceNotFoundException: No pool has it.
        """
        for pool in self.account.pools.values():
            if parameters["ClientId"] in pool.clients:
                return pool, pool.clients[parameters["ClientId"]]
        raise _no_client(parameters)

    def client_of_pool(self, parameters: Parameters) -> tuple[UserPool, AppClient]:
        """Return the client and the pool that an Admin operation names.

        Raises:
            ResourceNotFoundException: There is no such pool, or no such client in it.
        """
        pool = self.pool(parameters)
        client = pool.clients.get(parameters["ClientId"])
        if client is None:
            raise _no_client(parameters)
        return pool, client

    def user(
        self, parameters: Parameters, *, gone: type[CognitoError] = UserNotFoundException
    ) -> tuple[UserPool, User]:
        """Return the user that an administrator names.

        Args:
            parameters: The members of the request.
            gone: What to raise where there is no such user, for operations that do not declare
                UserNotFoundException.

        Returns:
            The pool and the user.

        Raises:
            CognitoError: There is no such pool or user.
        """
        pool = self.pool(parameters)
        user = directory.user_known_as(pool, parameters["Username"])
        if user is None:
            raise gone("User does not exist.")
        return pool, user

    def caller(
        self, parameters: Parameters, *, gone: type[CognitoError] = UserNotFoundException
    ) -> tuple[UserPool, User]:
        """Return the user whose access token came along.

        Args:
            parameters: The members of the request.
            gone: What to raise where there is no such user, for operations that do not declare
                UserNotFoundException.

        Returns:
            The pool and the user.

        Raises:
            NotAuthorizedException: The token does not work.
            CognitoError: Its user is gone.
        """
        pool, user = self.tokens.check_access(parameters["AccessToken"])
        if user is None:
            raise gone("User does not exist.")
        return pool, user

    def deliver(self, user: User, medium: Medium, destination: str, code: str, text: str) -> None:
        """Put a message into the outbox instead of sending it.

        Args:
            user: The user.
            medium: ``EMAIL`` or ``SMS``.
            destination: The address.
            code: The code or password in the text.
            text: The whole text.
        """
        now = self.clock.now()
        self.outbox.send(Message(medium, destination, code, text, user.username, now))


def required(values: Mapping[str, str], name: str) -> str:
    """Return a value that a map of strings must have.

    Args:
        values: What the request says, as a map of strings.
        name: Its name, as Cognito's error says it.

    Returns:
        The value, never empty.

    Raises:
        InvalidParameterException: It is missing or empty.
    """
    value = values.get(name)
    if not value:
        raise missing_parameter(name)
    return value


def hides_existence(pool: UserPool, client: AppClient, *, admin: bool = False) -> bool:
    """Return whether the client must not learn who does not exist.

    Args:
        pool: The user pool.
        client: The app client.
        admin: Whether an Admin operation asks.

    Returns:
        Whether PreventUserExistenceErrors covers the request.
    """
    hides = client.prevent_user_existence_errors == "ENABLED"
    return hides and (not admin or pool.behavior.existence_errors_cover_admin_sign_in)


def attributes_in(pairs: list[Mapping[str, str]]) -> dict[str, str]:
    """Return attributes by name, from the list of pairs that requests have."""
    return {pair["Name"]: pair.get("Value", "") for pair in pairs}


def check_writable(client: AppClient, names: Iterable[str]) -> None:
    """Refuse attributes that the client may not write, and those that only Cognito can know.

    Args:
        client: The app client.
        names: The names of the attributes.

    Raises:
        NotAuthorizedException: One of them is not writable.
    """
    writable = client.settings.get("WriteAttributes")
    for name in names:
        if name in directory.VERIFIED_FLAG.values() or (writable and name not in writable):
            raise NotAuthorizedException("A client attempted to write unauthorized attribute")


def check_secret_hash(client: AppClient, values: Mapping[str, str], username: str) -> None:
    """Check the SECRET_HASH of a request.

    See "Secret hash" in docs/cognito-behavior.md.

    Args:
        client: The app client.
        values: What the request says, as a map of strings.
        username: The name that the hash is over.

    Raises:
        NotAuthorizedException: It is missing or wrong.
        InvalidParameterException: The client has no secret and must send none (measured).
    """
    sent = values.get("SECRET_HASH")
    if client.secret is None:
        if sent:
            raise InvalidParameterException(
                f"App client {client.id} is not configured for secret but secret hash was received"
            )
        return
    if not sent:
        raise NotAuthorizedException(
            f"Client {client.id} is configured with secret but SECRET_HASH was not received"
        )
    if not hmac.compare_digest(secret_hash(client, username).encode(), sent.encode()):
        raise NotAuthorizedException(f"SecretHash does not match for the client: {client.id}")


def secret_hash(client: AppClient, username: str) -> str:
    """Return what a client with a secret sends along with a name.

    Args:
        client: The app client.
        username: The name.

    Returns:
        HMAC-SHA256 over name and client id, in base64.
    """
    message = (username + client.id).encode()
    digest = hmac.digest((client.secret or "").encode(), message, hashlib.sha256)
    return base64.b64encode(digest).decode()


def check_secret_hash_member(client: AppClient, parameters: Parameters) -> None:
    """Check the hash of an operation that has it as a member of the request.

    Args:
        client: The app client.
        parameters: The members of the request.

    Raises:
        NotAuthorizedException: It is missing or wrong.
    """
    values = {"SECRET_HASH": parameters.get("SecretHash", "")}
    check_secret_hash(client, values, parameters["Username"])


def page_start(token: str | None) -> int:
    """Return what a page's token says to continue after; 0 is the beginning."""
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError:
        raise InvalidParameterException("Invalid pagination token provided") from None


def page_token(last: int) -> str:
    """Return the token of the page that continues after this number."""
    return base64.urlsafe_b64encode(str(last).encode()).decode()


def _no_client(parameters: Parameters) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"User pool client {parameters['ClientId']} does not exist.")
