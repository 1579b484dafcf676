"""``LocalCognito``: an account in a Region, with its clock, clients, server, faults, and logs.

It connects the parts, for tests, examples, and the command line, and contains none of Cognito's
rules.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cognito_mfa.local import behavior as behaviors
from cognito_mfa.local import controls, operations, persistence
from cognito_mfa.local.account_lock import AccountLock
from cognito_mfa.local.behavior import Behavior
from cognito_mfa.local.call_log import Call, CallLog
from cognito_mfa.local.clock import Clock
from cognito_mfa.local.controls import Controls
from cognito_mfa.local.faults import Faults
from cognito_mfa.local.functions import Functions
from cognito_mfa.local.managed_login import pages as managed_login
from cognito_mfa.local.managed_login.discovery import DOCUMENTS, Document
from cognito_mfa.local.managed_login.pages import ManagedLogin
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.outbox import Message, Outbox
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.protocol import Protocol
from cognito_mfa.local.rules import attribute_schema, pool_settings
from cognito_mfa.local.rules.passwords import PasswordPolicy
from cognito_mfa.local.rules.state import Account, DeviceTracking, UserPool
from cognito_mfa.local.wire import client
from cognito_mfa.local.wire.messages import (
    ControlRequest,
    WebRequest,
    WireRequest,
    WireResponse,
)
from cognito_mfa.local.wire.origins import Access, Place

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

    from cognito_mfa.local.wire.server import HttpServer

CALLS_KEPT = 10_000
MESSAGES_KEPT = 1_000
OUTBOX = "/outbox"
HEALTH = "/health"
API = Place(Access.OPERATIONS, ("POST",))
DOCUMENT = Place(Access.PUBLIC, ("GET",))
#: Every path with a name of its own, apart from those that begin with a pool's id.
PLACES: Mapping[str, Place] = {
    **managed_login.PLACES,
    **controls.PLACES,
    HEALTH: Place(Access.PRIVATE, ("GET",)),
    OUTBOX: Place(Access.PRIVATE, ("GET",)),
}


class LocalCognito:
    """A Cognito on your own machine."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        region: str = "us-east-1",
        behavior: Behavior | None = None,
        calls_kept: int = CALLS_KEPT,
        state_file: str | os.PathLike[str] | None = None,
        account: Account | None = None,
    ) -> None:
        """Set up an account.

        Args:
            clock: The time that it lives in; the machine's unless given.
            region: The AWS region of its pools.
            behavior: How pools behave where sources about Cognito disagree, unless they say
                otherwise.
            calls_kept: How many calls the log keeps.
            state_file: Where the account is read from, if the file exists, and every change is
                written to. Only this local Cognito can use the file until ``close``.
            account: An account to begin with, instead of the state file's or an empty one.

        Raises:
            StateFileError: The state file is none, or another local Cognito uses it.
        """
        self.clock = clock or Clock()
        self._state_file = persistence.StateFile(Path(state_file)) if state_file else None
        self.account = self._begin(account, region)
        self.behavior = behavior or Behavior()
        self.faults = Faults(frozenset(operations.ALL), self.clock)
        self.functions = Functions(self.clock)
        self._lock = AccountLock()
        self._outbox = Outbox(MESSAGES_KEPT)
        self._calls = CallLog(calls_kept)
        self._context = Context(
            self.account,
            self.clock,
            self._outbox,
            self.behavior,
            functions=self.functions,
            lock=self._lock,
        )
        self._managed_login = ManagedLogin(self._context)
        self._controls = Controls(self)
        self._protocol = Protocol(
            self._context,
            lock=self._lock,
            clock=self.clock,
            faults=self.faults,
            calls=self._calls,
            commit=self._commit,
        )

    def create_pool(
        self,
        pool_id: str,
        *,
        mfa: str = "OFF",
        name: str = "local",
        software_token: bool = True,
        sms: bool = False,
        email: bool = False,
        username_attributes: Sequence[str] = (),
        alias_attributes: Sequence[str] = (),
        required_attributes: Sequence[str] = (),
        custom_attributes: Sequence[str] = (),
        schema: Sequence[Mapping[str, Any]] = (),
        auto_verified: Sequence[str] = ("email",),
        first_factors: Sequence[str] = ("PASSWORD",),
        device_tracking: DeviceTracking | None = None,
        case_insensitive: bool = True,
        policy: PasswordPolicy | None = None,
        behavior: Behavior | None = None,
    ) -> LocalPool:
        """Create a user pool.

        Args:
            pool_id: The id, such as ``us-east-1_Example00``.
            mfa: ``OFF``, ``OPTIONAL`` or ``ON``.
            name: The name of the pool.
            software_token: Whether users may set up an authenticator app.
            sms: Whether SMS is offered as a second factor.
            email: Whether email is offered as a second factor.
            username_attributes: What users sign in with instead of a username: ``email``,
                ``phone_number``.
            alias_attributes: What users may sign in with besides the username.
            required_attributes: Attributes that every user must have.
            custom_attributes: Attributes of the pool's own with ``custom:``, as text that can be
                changed; ``schema`` says more of them.
            schema: What else is declared of attributes, as CreateUserPool takes it.
            auto_verified: Addresses that are sent a code to verify them.
            first_factors: AllowedFirstAuthFactors, for USER_AUTH.
            device_tracking: How devices are tracked; not at all unless given.
            case_insensitive: Whether ``Ada`` and ``ada`` are one username.
            policy: The policy for passwords; Cognito's default unless given.
            behavior: How the pool behaves; as the account's pools unless given.

        Returns:
            A handle on the pool.

        Raises:
            ValueError: There is a pool with this id, or no pool can be like this.
            InvalidParameterException: No pool can have such attributes.
        """
        pool = UserPool(
            id=pool_id,
            name=name,
            number=self.account.next_number(),
            mfa=mfa,
            software_token=software_token,
            sms=sms,
            email=email,
            username_attributes=list(username_attributes),
            alias_attributes=list(alias_attributes),
            auto_verified=list(auto_verified),
            first_factors=list(first_factors),
            device_tracking=device_tracking,
            case_insensitive=case_insensitive,
            policy=policy or PasswordPolicy(),
            behavior=behavior or self.behavior,
            settings={"UsernameConfiguration": {"CaseSensitive": not case_insensitive}},
        )
        pool_settings.check_possible(pool)
        declared = attribute_schema.declarations(required_attributes, custom_attributes)
        attribute_schema.declare(pool, [*declared, *schema])
        with self.changing():
            self._add(pool)
        return LocalPool(self, pool)

    def pool(self, pool_id: str) -> LocalPool:
        """Return a handle on a pool. Raises LookupError."""
        if pool_id not in self.account.pools:
            raise LookupError(f"there is no pool {pool_id}")
        return LocalPool(self, self.account.pools[pool_id])

    def pools(self) -> list[LocalPool]:
        """Return handles on all pools."""
        return [LocalPool(self, pool) for pool in self.account.pools.values()]

    def code_for(self, username: str, *, offset: int = 0) -> str:
        """Return the code that a user's authenticator app shows, where there is one pool.

        Args:
            username: The user's name.
            offset: How many steps of 30 seconds from now.

        Returns:
            Six digits.

        Raises:
            LookupError: There is not exactly one pool, or the user has no authenticator app.
        """
        pools = self.pools()
        if len(pools) != 1:
            raise LookupError(f"there are {len(pools)} pools: ask the one that is meant")
        return pools[0].code_for(username, offset=offset)

    @property
    def calls(self) -> list[Call]:
        """Return the calls that reached Cognito, the oldest first."""
        return self._calls.all()

    def operations(self) -> list[str]:
        """Return the names of the operations that were asked for, in order."""
        return [call.operation for call in self._calls.all()]

    def forget_calls(self) -> None:
        """Empty the call log."""
        self._calls.forget()

    @property
    def outbox(self) -> list[Message]:
        """Return the messages that Cognito would have sent, the oldest first."""
        return self._outbox.all()

    def client(self, **kwargs: Any) -> CognitoIdentityProviderClient:
        """Return a boto3 client that is answered in this process; it takes boto3's arguments."""
        return client.build_client(lambda: self, **{"region_name": self.account.region, **kwargs})

    def install(self) -> None:
        """Answer the clients of ``make_client`` from now on."""
        client.install(self)

    def installed(self) -> AbstractContextManager[None]:
        """Answer the clients of ``make_client`` until the end of a ``with`` block."""
        return client.installed(self)

    def answer(self, request: WireRequest) -> WireResponse:
        """Answer a request of AWS JSON 1.1. Raises a Disruption when there is to be no response."""
        return self._protocol.answer(request)

    def behave(self, **switches: Any) -> None:
        """Change how the account and all its pools behave, from the next call on.

        Args:
            switches: Fields of ``Behavior``; the others stay as they are.

        Raises:
            ValueError: There is no such switch, or it has no such value.
        """
        changed = behaviors.changed(self.behavior, switches)
        with self.changing():
            self.behavior = changed
            for context in (self._context, self._managed_login.context):
                context.behavior = changed
            for pool in self.account.pools.values():
                pool.behavior = behaviors.changed(pool.behavior, switches)

    @contextmanager
    def changing(self) -> Generator[None]:
        """Hold others off while the state changes, and keep the change."""
        with self._lock:
            yield
            self._commit()

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, clock: Clock | None = None) -> LocalCognito:
        """Return a copy of what a state file holds; the file is not written to.

        Args:
            path: The state file.
            clock: The time that it lives in; the machine's unless given.

        Returns:
            A local Cognito without a state file.

        Raises:
            StateFileError: The file is none, or a local Cognito uses it.
            FileNotFoundError: There is no file.
        """
        return cls(clock, account=persistence.read(Path(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a copy of the account to a state file, in place of what is in it.

        Raises:
            StateFileError: The file exists and is none, or a local Cognito uses it.
        """
        with self._lock:
            persistence.save(Path(path), self.account)

    def close(self) -> None:
        """Release the state file for other processes. Later changes are refused."""
        if self._state_file is not None:
            self._state_file.close()

    def __enter__(self) -> LocalCognito:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def serve(
        self, port: int = 0, host: str = "127.0.0.1", *, allow_hosts: Iterable[str] = ()
    ) -> HttpServer:
        """Return a server that answers over HTTP, as a context manager.

        Args:
            port: The port; 0 is any free one.
            host: The address to listen on.
            allow_hosts: Names besides the loopback's and that of ``Behavior.issuer`` by which
                clients may call it, such as that of a container.

        Returns:
            The server; its ``url`` is the endpoint for AWS SDKs.

        Raises:
            OSError: The port is taken.
            ValueError: One of the names is none.
        """
        from cognito_mfa.local.wire.server import HttpServer

        own = urlsplit(self.behavior.issuer or "").hostname
        named = [*allow_hosts, *([own] if own else [])]
        return HttpServer(self, host=host, port=port, allow_hosts=named)

    def place(self, path: str) -> Place:
        """Return what is at a path, and who may call it. The API is at every path that has no name."""
        if path in PLACES:
            return PLACES[path]
        return DOCUMENT if self._public(path) else API

    def control(self, request: ControlRequest) -> WireResponse:
        """Return the answer to a request that reads or changes how a test runs."""
        return self._controls.answer(request)

    def document(self, path: str, base: str) -> Mapping[str, Any] | None:
        """Return what a GET shows: a pool's two documents, the outbox, or that we are up.

        Args:
            path: The path that is asked for.
            base: The URL that the client knows us by.

        Returns:
            The document; None where there is nothing.
        """
        if path == HEALTH:
            return {"status": "ok"}
        if path == OUTBOX:
            return {"messages": [asdict(message) for message in self.outbox]}
        public = self._public(path)
        if public is None:
            return None
        with self.changing():  # the keys are made when they are first asked for
            return public[1](public[0], base)

    def _public(self, path: str) -> tuple[UserPool, Document] | None:
        """The pool and the document that a path names."""
        pool_id, _, rest = path.removeprefix("/").partition("/")
        if pool_id not in self.account.pools or rest not in DOCUMENTS:
            return None
        return self.account.pools[pool_id], DOCUMENTS[rest]

    def web(self, request: WebRequest) -> WireResponse:
        """Return what managed login answers."""
        with self.changing():
            return self._managed_login.answer(request)

    def _add(self, pool: UserPool) -> None:
        if pool.id in self.account.pools:
            raise ValueError(f"there is a pool {pool.id} already")
        pool.created_at = pool.modified_at = self.clock.now()
        self.account.pools[pool.id] = pool

    def _begin(self, account: Account | None, region: str) -> Account:
        """The account to begin with, which the state file keeps from now on."""
        if self._state_file is None:
            return account or Account(region)
        try:
            return self._state_file.begin(account, lambda: Account(region))
        except BaseException:
            self._state_file.close()
            raise

    def _commit(self) -> None:
        if self._state_file is not None:
            self._state_file.write(self.account)
