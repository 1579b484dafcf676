"""A pytest plugin with fixtures: a local Cognito, a user, codes, a clock, and an HTTP server.

It is loaded only where it is named, with ``pytest_plugins = ["cognito_mfa.local.pytest"]`` in the
conftest.py beside the project's pytest settings (or with ``-p cognito_mfa.local.pytest``). An entry
point would load it into every test run of every project that has the app installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from cognito_mfa.local.clock import Clock
from cognito_mfa.local.cognito import LocalCognito
from cognito_mfa.local.pool import LocalPool
from cognito_mfa.local.rules import totp
from cognito_mfa.local.rules.state import User
from cognito_mfa.local.wire.client import DUMMY_CREDENTIALS
from cognito_mfa.local.wire.server import HttpServer

MARKER = "cognito_pool"
POOL: Mapping[str, Any] = {
    "pool_id": "us-east-1_Example00",
    "client_id": "exampleclient0000000000000",
    "client_secret": None,
    "mfa": "ON",
}
USERNAME = "ada"
#: In a pool whose people sign in with an address, that is the name.
ADDRESSES = {"email": "ada@example.com", "phone_number": "+15555550100"}
PASSWORD = "Correct-Horse-7"  # noqa: S105 - of a person who exists in tests only
ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(**settings): what this test's pool has otherwise than cognito_pool_settings "
        'says, for example mfa="OPTIONAL"',
    )


@dataclass(frozen=True)
class CognitoUser:
    """A user of the pool, confirmed, with a password and an email address.

    ``username`` is what is typed.
    """

    username: str
    password: str = field(repr=False)
    email: str
    sub: str
    pool: LocalPool = field(repr=False)

    def register_software_token(self, friendly_name: str = "Phone") -> str:
        """Give the user an authenticator app, and return its secret."""
        return self.pool.register_software_token(self.username, friendly_name=friendly_name)


class TotpCode:
    """The codes of a user's authenticator app; those of ``cognito_user``, unless a username is given."""

    def __init__(self, pool: LocalPool, username: str, clock: Clock) -> None:
        """Show codes of a user of the pool.

        Args:
            pool: The user pool.
            username: The user whose codes are shown unless another one is named.
            clock: The time that it lives in.
        """
        self._pool = pool
        self._username = username
        self._clock = clock

    def __call__(self, username: str | None = None) -> str:
        """A code that Cognito will take: of the registered authenticator, and of the one that is
        being set up where there is none. Cognito takes a code once, so where it has taken this
        step's the clock moves on to the next. Raises LookupError where there is no secret."""
        user = self._user(username)
        if user.software_token is None:
            return self.pending(username)
        while max(user.software_token.used_steps, default=0) >= self._step():
            self._clock.advance(totp.PERIOD)
        return self._pool.code_for(user.username)

    def pending(self, username: str | None = None) -> str:
        """Return a code of the secret that waits to be verified, as when one authenticator replaces another.
        Raises LookupError where there is none."""
        return self._pool.pending_code_for(self._user(username).username)

    def wrong(self, username: str | None = None) -> str:
        """Return six digits that are not a code of any of the user's secrets at any nearby time."""
        user = self._user(username)
        secrets = [user.pending_secret or "", user.software_token and user.software_token.secret]
        near = range(self._step() - 3, self._step() + 4)
        taken = {totp.code_at(secret, step) for secret in secrets if secret for step in near}
        return next(code for code in (f"{n:06d}" for n in count()) if code not in taken)

    def _user(self, username: str | None) -> User:
        return self._pool.user(username or self._username)

    def _step(self) -> int:
        return totp.step_at(self._clock.now())


@pytest.fixture
def cognito_clock() -> Clock:
    """The clock of the local Cognito. It starts at the present and stands still until
    the test moves it: ``cognito_clock.advance(180)``, in seconds."""
    return Clock(ticking=False)


@pytest.fixture
def local_cognito(cognito_clock: Clock) -> Iterator[LocalCognito]:
    """A local Cognito of this test's own, without a pool. Clients of
    ``cognito_mfa.local.make_client`` reach it until the test ends."""
    cognito = LocalCognito(cognito_clock)
    with cognito.installed():
        yield cognito


@pytest.fixture
def cognito_pool_settings() -> Mapping[str, Any]:
    """The settings of ``cognito_pool``: ``pool_id``, ``client_id``, ``client_secret``, and anything
    that ``LocalCognito.create_pool`` takes. A project overrides this fixture; a test differs with
    ``@pytest.mark.cognito_pool(mfa="OPTIONAL")``."""
    return POOL


@pytest.fixture
def cognito_pool(
    request: pytest.FixtureRequest,
    local_cognito: LocalCognito,
    cognito_pool_settings: Mapping[str, Any],
) -> LocalPool:
    """A pool with an app client and no user."""
    settings = {**POOL, **cognito_pool_settings}
    for marker in reversed(list(request.node.iter_markers(MARKER))):
        settings |= marker.kwargs
    client_id, secret = settings.pop("client_id"), settings.pop("client_secret")
    pool = local_cognito.create_pool(settings.pop("pool_id"), **settings)
    pool.create_client(client_id, secret=secret)
    return pool


@pytest.fixture
def cognito_user(cognito_pool: LocalPool) -> CognitoUser:
    """A user of the pool with a password and no authenticator app yet.

    To create more: ``cognito_pool.create_user("grace", password=...)``.
    """
    kinds = cognito_pool.state.username_attributes
    username = ADDRESSES[kinds[0]] if kinds else USERNAME
    attributes = {"email": ADDRESSES["email"], "email_verified": "true"}
    user = cognito_pool.create_user(username, password=PASSWORD, attributes=attributes)
    return CognitoUser(username, PASSWORD, attributes["email"], user.sub, cognito_pool)


@pytest.fixture
def totp_code(cognito_pool: LocalPool, cognito_user: CognitoUser, cognito_clock: Clock) -> TotpCode:
    """The codes of ``cognito_user``, or of another user by name: ``totp_code()``."""
    return TotpCode(cognito_pool, cognito_user.username, cognito_clock)


@pytest.fixture
def cognito_live_server(
    local_cognito: LocalCognito, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HttpServer]:
    """The same local Cognito over HTTP at ``cognito_live_server.url``, for other processes.

    AWS SDKs that start during the test find it through environment variables.
    """
    with local_cognito.serve() as server:
        monkeypatch.setenv(ENDPOINT_VARIABLE, server.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", local_cognito.account.region)
        for name, value in DUMMY_CREDENTIALS.items():
            monkeypatch.setenv(name.upper(), value)
        yield server
