"""LocalCognito: one account in one region with everything around it in one object (clock, doors,
faults, call log, outbox), for tests, examples and the command line. It puts the parts together and
holds no rule of Cognito's."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cognito_mfa.local import operations, persistence
from cognito_mfa.local.behavior import Behavior
from cognito_mfa.local.calls import Call, CallLog
from cognito_mfa.local.clock import Clock
from cognito_mfa.local.faults import Faults
from cognito_mfa.local.managed_login.discovery import DOCUMENTS, Document
from cognito_mfa.local.managed_login.pages import ENDPOINTS, ManagedLogin
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.outbox import Message, Outbox
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.protocol import Protocol
from cognito_mfa.local.rules.passwords import PasswordPolicy
from cognito_mfa.local.rules.state import Account, DeviceTracking, UserPool
from cognito_mfa.local.wire import client as door
from cognito_mfa.local.wire.messages import WebRequest, WireRequest, WireResponse
from cognito_mfa.local.wire.origins import Access

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

    from cognito_mfa.local.wire.server import HttpServer

CALLS_KEPT = 10_000
MESSAGES_KEPT = 1_000
OUTBOX = "/outbox"


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
        """With a state file the account is read from it, if it exists, and written to it after
        every change. Raises StateFileError for a file that is none."""
        self.clock = clock or Clock()
        self._state_file = Path(state_file) if state_file is not None else None
        self.account = account or self._restored() or Account(region)
        self.behavior = behavior or Behavior()
        self.faults = Faults(frozenset(operations.ALL), self.clock)
        self._lock = threading.RLock()
        self._outbox = Outbox(MESSAGES_KEPT)
        self._calls = CallLog(calls_kept)
        self._managed_login = ManagedLogin(self.account, self.clock, self._outbox, self.behavior)
        self._protocol = Protocol(
            Context(self.account, self.clock, self._outbox, self.behavior),
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
        auto_verified: Sequence[str] = ("email",),
        first_factors: Sequence[str] = ("PASSWORD",),
        device_tracking: DeviceTracking | None = None,
        case_insensitive: bool = True,
        policy: PasswordPolicy | None = None,
        behavior: Behavior | None = None,
    ) -> LocalPool:
        """Raises ValueError where there is a pool of this id."""
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
            required_attributes=list(required_attributes),
            custom_attributes=list(custom_attributes),
            auto_verified=list(auto_verified),
            first_factors=list(first_factors),
            device_tracking=device_tracking,
            case_insensitive=case_insensitive,
            policy=policy or PasswordPolicy(),
            behavior=behavior or self.behavior,
        )
        with self.changing():
            self._add(pool)
        return LocalPool(self, pool)

    def pool(self, pool_id: str) -> LocalPool:
        """Raises LookupError."""
        if pool_id not in self.account.pools:
            raise LookupError(f"there is no pool {pool_id}")
        return LocalPool(self, self.account.pools[pool_id])

    def pools(self) -> list[LocalPool]:
        return [LocalPool(self, pool) for pool in self.account.pools.values()]

    def code_for(self, username: str, *, offset: int = 0) -> str:
        """The current code of a user, where there is one pool. Raises LookupError."""
        pools = self.pools()
        if len(pools) != 1:
            raise LookupError(f"there are {len(pools)} pools: ask the one that is meant")
        return pools[0].code_for(username, offset=offset)

    @property
    def calls(self) -> list[Call]:
        return self._calls.all()

    def operations(self) -> list[str]:
        """The names of the operations asked for, in order."""
        return [call.operation for call in self._calls.all()]

    def forget_calls(self) -> None:
        self._calls.forget()

    @property
    def outbox(self) -> list[Message]:
        return self._outbox.all()

    def client(self, **kwargs: Any) -> CognitoIdentityProviderClient:
        """A boto3 client answered in process; any argument of boto3's ``client`` is honoured."""
        return door.build_client(lambda: self, **{"region_name": self.account.region, **kwargs})

    def install(self) -> None:
        """Clients of ``make_client`` talk to this instance from now on."""
        door.install(self)

    def installed(self) -> AbstractContextManager[None]:
        return door.installed(self)

    def answer(self, request: WireRequest) -> WireResponse:
        return self._protocol.answer(request)

    @contextmanager
    def changing(self) -> Generator[None]:
        """Holds everybody else off while the state changes, and keeps the change."""
        with self._lock:
            yield
            self._commit()

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, clock: Clock | None = None) -> LocalCognito:
        """A copy of what a state file holds; the file is not written to."""
        return cls(clock, account=persistence.read(Path(path)))

    def save(self, path: str | os.PathLike[str]) -> None:
        with self._lock:
            persistence.write(Path(path), self.account)

    def serve(
        self, port: int = 0, host: str = "127.0.0.1", *, allow_hosts: Iterable[str] = ()
    ) -> HttpServer:
        """The door over HTTP, as a context manager; port 0 is any free one. ``allow_hosts`` are
        names besides those of the loopback interface by which clients may call it, for example
        that of a container. Raises OSError when the port is taken, ValueError for what is no
        name."""
        from cognito_mfa.local.wire.server import HttpServer

        return HttpServer(self, host=host, port=port, allow_hosts=allow_hosts)

    def access(self, path: str) -> Access:
        """What a door has at a path, for pages of other origins."""
        if path in ENDPOINTS:
            return Access.ENDPOINT
        if self._managed_login.has(path):
            return Access.PAGE
        if path == OUTBOX:
            return Access.PRIVATE
        return Access.PUBLIC if self._public(path) else Access.OPERATIONS

    def document(self, path: str, base: str) -> Mapping[str, Any] | None:
        """What a door shows at a path below ``base``: a pool's keys, how to find them, and what
        would have been sent."""
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

    def web(self, request: WebRequest) -> WireResponse | None:
        """What managed login answers; None where it has no such page."""
        if not self._managed_login.has(request.path):
            return None
        with self.changing():
            return self._managed_login.answer(request)

    def _add(self, pool: UserPool) -> None:
        if pool.id in self.account.pools:
            raise ValueError(f"there is a pool {pool.id} already")
        pool.created_at = pool.modified_at = self.clock.now()
        self.account.pools[pool.id] = pool

    def _restored(self) -> Account | None:
        if self._state_file is None or not self._state_file.exists():
            return None
        return persistence.read(self._state_file)

    def _commit(self) -> None:
        if self._state_file is not None:
            persistence.write(self._state_file, self.account)
