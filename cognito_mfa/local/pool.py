"""A user pool with conveniences for tests: clients and users in any state, and current codes.

No operation uses these conveniences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from cognito_mfa.local.clock import Clock
from cognito_mfa.local.functions import Function, Functions
from cognito_mfa.local.rules import (
    attribute_schema,
    credentials,
    directory,
    federation,
    lambda_config,
    totp,
)
from cognito_mfa.local.rules.state import (
    SOFTWARE_TOKEN_MFA,
    Account,
    AppClient,
    IdentityProvider,
    SoftwareToken,
    User,
    UserPool,
)
from cognito_mfa.local.rules.tokens import Tokens, sign_all

DEFAULT_FLOWS = (
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
)


class Emulator(Protocol):
    """What a pool needs of the LocalCognito that it belongs to."""

    @property
    def clock(self) -> Clock: ...

    @property
    def account(self) -> Account: ...

    @property
    def functions(self) -> Functions: ...

    def changing(self) -> AbstractContextManager[None]:
        """Hold the lock of the state; what changed is kept afterwards."""


class LocalPool:
    """A handle on one pool of a LocalCognito."""

    def __init__(self, cognito: Emulator, pool: UserPool) -> None:
        """Wrap a pool.

        Args:
            cognito: The local Cognito that the pool belongs to.
            pool: The user pool.
        """
        self._cognito = cognito
        self.state = pool

    def __repr__(self) -> str:
        return f"LocalPool({self.id!r}, mfa={self.state.mfa!r})"

    @property
    def id(self) -> str:
        """Return the id of the pool."""
        return self.state.id

    def create_client(
        self,
        client_id: str,
        *,
        secret: str | None = None,
        name: str = "local",
        explicit_auth_flows: Sequence[str] = DEFAULT_FLOWS,
        auth_session_validity: int = 3,
        prevent_user_existence_errors: str = "ENABLED",
        enable_token_revocation: bool = True,
        access_token_seconds: int = 3600,
        refresh_token_seconds: int = 30 * 86400,
        settings: Mapping[str, Any] | None = None,
        rotation_grace: float | None = None,
    ) -> AppClient:
        """Create an app client with an id of your choice.

        Args:
            client_id: The id of the app client.
            secret: The secret; none unless given.
            name: The name of the client.
            explicit_auth_flows: The flows that it may use.
            auth_session_validity: How many minutes a challenge can be answered.
            prevent_user_existence_errors: ``ENABLED`` or ``LEGACY``.
            enable_token_revocation: Whether its tokens can be revoked.
            access_token_seconds: How long access and ID tokens are valid.
            refresh_token_seconds: How long refresh tokens are valid.
            settings: Other members of CreateUserPoolClient, such as CallbackURLs.
            rotation_grace: For how many seconds a refresh token works after it was replaced; None
                replaces none.

        Returns:
            The app client.
        """
        now = self._cognito.clock.now()
        client = AppClient(
            id=client_id,
            name=name,
            explicit_auth_flows=list(explicit_auth_flows),
            auth_session_validity=auth_session_validity,
            prevent_user_existence_errors=prevent_user_existence_errors,
            enable_token_revocation=enable_token_revocation,
            access_token_seconds=access_token_seconds,
            id_token_seconds=access_token_seconds,
            refresh_token_seconds=refresh_token_seconds,
            rotation_grace=rotation_grace,
            created_at=now,
            modified_at=now,
            settings=dict(settings or {}),
        )
        client.secret = secret
        with self._cognito.changing():
            self.state.clients[client_id] = client
        return client

    def create_identity_provider(
        self,
        name: str,
        *,
        provider_type: str = "OIDC",
        attribute_mapping: Mapping[str, str] | None = None,
        identifiers: Sequence[str] = (),
    ) -> IdentityProvider:
        """Create an identity provider that managed login leads to.

        Args:
            name: The name of the provider.
            provider_type: Its type, such as ``Google`` or ``SAML``.
            attribute_mapping: Its claims, by the attributes of the pool that they are written to.
            identifiers: Other names of it, such as a domain of email addresses.

        Returns:
            The identity provider.
        """
        now = self._cognito.clock.now()
        provider = IdentityProvider(
            name=name,
            type=provider_type,
            attribute_mapping=dict(attribute_mapping or {"email": "email"}),
            identifiers=list(identifiers),
            created_at=now,
            modified_at=now,
        )
        with self._cognito.changing():
            self.state.identity_providers[name] = provider
            attribute_schema.add_identities(self.state)
        return provider

    def link_identity(self, username: str, provider: str, subject: str) -> None:
        """Let a user of an identity provider sign in as a user of the pool.

        A username such as Cognito gives the provider's users, ``Google_1138``, makes the account the provider's own.

        Args:
            username: The user's name in the pool.
            provider: The name of the provider, which is created unless the pool has it.
            subject: The user's id at the provider.

        Raises:
            LookupError: There is no such user.
        """
        user, known = self.user(username), self.state.identity_providers.get(provider)
        linked = known or self.create_identity_provider(provider)
        with self._cognito.changing():
            now, is_own = self._cognito.clock.now(), username == f"{provider}_{subject}"
            federation.link(self.state, user, linked, subject, now=now, primary=is_own)

    def create_user(
        self,
        username: str,
        *,
        password: str | None = None,
        attributes: Mapping[str, str] | None = None,
        status: str = "CONFIRMED",
        enabled: bool = True,
    ) -> User:
        """Create a user in any status.

        Args:
            username: The name, or the address in a pool whose users sign in with one.
            password: The password, whatever the policy says; none unless given.
            attributes: The attributes, by name.
            status: The UserStatus; with ``FORCE_CHANGE_PASSWORD`` the password is temporary.
            enabled: Whether the user may sign in.

        Returns:
            The user.

        Raises:
            UsernameExistsException: The name is taken.
        """
        now = self._cognito.clock.now()
        with self._cognito.changing():
            user = directory.add_user(
                self.state, username, attributes or {}, status=status, now=now
            )
            user.enabled = enabled
            user.signed_up = status != "FORCE_CHANGE_PASSWORD"
            if password is not None:
                forced = status == "FORCE_CHANGE_PASSWORD"
                give = credentials.give_temporary if forced else credentials.give
                give(self.state, user, password, now)
        return user

    def set_trigger(self, trigger: str, function: Function, *, version: str | None = None) -> str:
        """Have the pool call a function, in place of one of AWS Lambda.

        Args:
            trigger: The trigger as LambdaConfig names it, such as ``PreSignUp``.
            function: A callable that takes an event, or an event and a context, or an HTTP address.
            version: The LambdaVersion of the events of ``PreTokenGeneration``: ``V1_0``, ``V2_0`` or
                ``V3_0``.

        Returns:
            The ARN that LambdaConfig now has.

        Raises:
            ValueError: There is no such trigger or version, or the text is no HTTP address.
            TypeError: The function is neither a callable nor text.
        """
        if trigger not in lambda_config.TRIGGERS:
            raise ValueError(f"{trigger!r} is none of {', '.join(lambda_config.TRIGGERS)}")
        account = self._cognito.account
        arn = f"arn:aws:lambda:{account.region}:{account.id}:function:{self.id}-{trigger}"
        config = lambda_config.entry(trigger, arn, version)
        self._cognito.functions[arn] = function
        with self._cognito.changing():
            self.state.lambda_config = {**self.state.lambda_config, **config}
        return arn

    def user(self, username: str) -> User:
        """Return a user by username, alias or sub. Raises LookupError."""
        user = directory.user_known_as(self.state, username)
        if user is None:
            raise LookupError(f"pool {self.id} has no user {username!r}")
        return user

    def register_software_token(self, username: str, *, friendly_name: str = "") -> str:
        """Give a user an authenticator app, verified and preferred.

        Args:
            username: The user's name.
            friendly_name: The name of the device.

        Returns:
            Its secret in base32.

        Raises:
            LookupError: There is no such user.
        """
        user = self.user(username)
        secret = totp.new_secret(self.state.behavior.secret_bytes)
        with self._cognito.changing():
            user.software_token = SoftwareToken(secret, friendly_name)
            if SOFTWARE_TOKEN_MFA not in user.enabled_factors:
                user.enabled_factors.append(SOFTWARE_TOKEN_MFA)
            user.preferred_factor = SOFTWARE_TOKEN_MFA
        return secret

    def code_for(self, username: str, *, offset: int = 0) -> str:
        """Return the code that a user's authenticator app shows.

        Args:
            username: The user's name.
            offset: How many steps of 30 seconds from now.

        Returns:
            Six digits.

        Raises:
            LookupError: There is no such user, or the user has no authenticator app.
        """
        token = self.user(username).software_token
        if token is None:
            raise LookupError(f"{username!r} has no software token")
        return self._code(token.secret, offset)

    def pending_code_for(self, username: str, *, offset: int = 0) -> str:
        """Return the code of the newest secret of a user that is not verified yet.

        Args:
            username: The user's name.
            offset: How many steps of 30 seconds from now.

        Returns:
            Six digits.

        Raises:
            LookupError: There is no such user, or no such secret.
        """
        secret = self.user(username).pending_secret
        if secret is None:
            raise LookupError(f"{username!r} has no secret waiting to be verified")
        return self._code(secret, offset)

    def issue_tokens(
        self, username: str, client_id: str, *, scopes: Sequence[str]
    ) -> dict[str, Any]:
        """Issue tokens as another way to sign in would, such as managed login.

        Args:
            username: The user's name.
            client_id: The id of the app client.
            scopes: The OAuth scopes.

        Returns:
            An AuthenticationResult.

        Raises:
            LookupError: There is no such user or client.
        """
        account, clock = self._cognito.account, self._cognito.clock
        with self._cognito.changing():
            result = Tokens(account, clock).issue(
                self.state,
                self.state.clients[client_id],
                self.user(username),
                factors=["pwd"],
                scopes=scopes,
            )
        return sign_all(result)

    def _code(self, secret: str, offset: int) -> str:
        return totp.code_at(secret, totp.step_at(self._cognito.clock.now()) + offset)
