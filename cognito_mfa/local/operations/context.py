"""What every operation needs: the account, the clock, and lookups of pools, clients, and users.

A lookup that fails raises Cognito's error. No operation is in this module.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from cognito_mfa.local.account_lock import AccountLock
from cognito_mfa.local.behavior import Behavior
from cognito_mfa.local.clock import Clock
from cognito_mfa.local.errors import (
    CognitoError,
    InvalidParameterException,
    ResourceNotFoundException,
    UserNotFoundException,
    missing_parameter,
)
from cognito_mfa.local.functions import Functions
from cognito_mfa.local.outbox import Medium, Message, Outbox
from cognito_mfa.local.rules import directory
from cognito_mfa.local.rules.sessions import Sessions
from cognito_mfa.local.rules.srp_exchanges import SrpExchanges
from cognito_mfa.local.rules.state import Account, AppClient, User, UserPool
from cognito_mfa.local.rules.tokens import Tokens

Parameters = Mapping[str, Any]
Payload = dict[str, Any]
Complete = Callable[[User, Sequence[str]], Payload]
#: Only functions that run before the sign-in get the ClientMetadata of these, as validationData.
BEGINNING = frozenset({"InitiateAuth", "AdminInitiateAuth"})


class Context:
    """One account, as its operations use it."""

    def __init__(
        self,
        account: Account,
        clock: Clock,
        outbox: Outbox,
        behavior: Behavior,
        *,
        functions: Functions,
        lock: AccountLock,
    ) -> None:
        """Bind the operations to an account.

        Args:
            account: The pools and the unfinished sign-ins that the operations read and change.
            clock: The account's clock.
            outbox: Gets codes and invitations.
            behavior: The behavior of pools that are created from now on.
            functions: The pools' Lambda functions.
            lock: Held while an operation runs, except while a function does.
        """
        self.account = account
        self.clock = clock
        self.outbox = outbox
        self.behavior = behavior
        self.functions = functions
        self.complete: Complete | None = None
        self.client_metadata: Mapping[str, str] = {}
        self.validation_data: Mapping[str, str] | None = None
        self._lock = lock
        self._pool_ids: dict[str, str] = {}  # where each client was found last
        self.sessions = Sessions(account, clock)
        self.exchanges = SrpExchanges(account, clock)
        self.tokens = Tokens(account, clock)

    def __copy__(self) -> Context:
        """Return a shallow copy, faster than ``copy.copy``, because each call needs one."""
        other = Context.__new__(Context)
        other.__dict__ |= self.__dict__
        return other

    def for_request(self, operation: str, parameters: Parameters) -> Context:
        """Return a context for one request, with the metadata that it passes to the pool's functions.

        Args:
            operation: The name of the operation.
            parameters: The members of the request.

        Returns:
            A copy with the same account.
        """
        seen = copy.copy(self)
        metadata = parameters.get("ClientMetadata")
        if operation in BEGINNING:
            seen.validation_data = metadata
        else:
            seen.client_metadata = metadata or {}
        return seen

    def ending_with(self, complete: Complete) -> Context:
        """Return a context in which a sign-in ends with something else instead of tokens."""
        other = copy.copy(self)
        other.complete = complete
        return other

    def with_metadata(self, metadata: Mapping[str, str]) -> Context:
        """Return a context with the ClientMetadata that the pool's functions get."""
        other = copy.copy(self)
        other.client_metadata = metadata
        return other

    def unlocked(self) -> AbstractContextManager[None]:
        """Release the lock during a ``with`` block, for a function that may call the local Cognito."""
        return self._lock.released()

    def pool(self, parameters: Parameters) -> UserPool:
        """Return the pool that a request names.

        Raises:
            ResourceNotFoundException: There is none.
        """
        pool_id = parameters["UserPoolId"]
        pool = self.account.pools.get(pool_id)
        if pool is None:
            raise ResourceNotFoundException(f"User pool {pool_id} does not exist.")
        return pool

    def client(self, parameters: Parameters) -> tuple[UserPool, AppClient]:
        """Return the client that a public operation names, and its pool.

        Raises:
            ResourceNotFoundException: No pool has it.
        """
        found = self.client_with_id(parameters["ClientId"])
        if found is None:
            raise _no_client(parameters)
        return found

    def client_with_id(self, client_id: str) -> tuple[UserPool, AppClient] | None:
        """Return a client and its pool; None if no pool has it."""
        last = self.account.pools.get(self._pool_ids.get(client_id, ""))
        for pool in [last] if last and client_id in last.clients else self.account.pools.values():
            if client_id in pool.clients:
                self._pool_ids[client_id] = pool.id
                return pool, pool.clients[client_id]
        return None

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
            gone: The error if there is no such user, for operations that do not declare
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
        """Return the user whose access token the request has.

        Args:
            parameters: The members of the request.
            gone: The error if there is no such user, for operations that do not declare
                UserNotFoundException.

        Returns:
            The pool and the user.

        Raises:
            NotAuthorizedException: The token is invalid.
            CognitoError: Its user was deleted.
        """
        pool, user = self.tokens.check_access(parameters["AccessToken"])
        if user is None:
            raise gone("User does not exist.")
        return pool, user

    def deliver(
        self,
        user: User,
        medium: Medium,
        destination: str,
        code: str,
        text: str,
        *,
        subject: str = "",
    ) -> None:
        """Put a message into the outbox instead of sending it.

        Args:
            user: The user.
            medium: ``EMAIL`` or ``SMS``.
            destination: The address.
            code: The code or password in the text.
            text: The whole text.
            subject: The subject, if a function of the pool returned one.
        """
        now = self.clock.now()
        self.outbox.send(Message(medium, destination, code, text, user.username, now, subject))


def required(values: Mapping[str, str], name: str) -> str:
    """Return a required value from a map of strings.

    Args:
        values: The values of the request, as a map of strings.
        name: Its name, as in Cognito's error.

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
    """Return whether the client must not learn whether a user exists.

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
    """Return attributes by name, from a list of pairs.

    Raises:
        InvalidParameterException: One has no value.
    """
    for pair in pairs:
        if "Value" not in pair:
            name = pair["Name"]
            raise InvalidParameterException(f"Attribute value for {name} must not be null")
    return {pair["Name"]: pair["Value"] for pair in pairs}


def _no_client(parameters: Parameters) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"User pool client {parameters['ClientId']} does not exist.")
