"""Tokens as Cognito issues them, and the checks behind operations that accept access tokens.

ID and access tokens are signed with RS256. Refresh tokens are opaque, and only their digest is stored.
No token is accepted because of its form.

See "Tokens" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from cognito_mfa.local.clock import Clock
from cognito_mfa.local.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    RefreshTokenReuseException,
    ResourceNotFoundException,
    UnauthorizedException,
    UnsupportedTokenTypeException,
)
from cognito_mfa.local.random_ids import new_id
from cognito_mfa.local.rules import claims, keys, token_families
from cognito_mfa.local.rules.claims import NO_CHANGES, TokenChanges
from cognito_mfa.local.rules.directory import user_with_sub
from cognito_mfa.local.rules.scopes import SELF_SERVICE
from cognito_mfa.local.rules.side_by_side import side_by_side
from cognito_mfa.local.rules.state import (
    Account,
    AppClient,
    SigningKey,
    TokenFamily,
    User,
    UserPool,
)

INVALID = "Invalid Access Token"
JWT_DOTS = 2
SESSION_PREFIX = "tkn"
#: Where the parts after the header end: a key, a vector, the text, and a tag.
REFRESH_TOKEN_ENDS = (256, 268, 968, 984)
REFRESH_TOKEN_HEADER = base64.urlsafe_b64encode(
    b'{"cty":"JWT","enc":"A256GCM","alg":"RSA-OAEP"}'
).decode()


@dataclass(frozen=True, slots=True)
class UnsignedToken:
    """A token without its signature, which takes too long to be made while a lock is held."""

    claims: Mapping[str, Any] = field(repr=False)
    key: SigningKey

    def sign(self) -> str:
        """Return the token as a JWT."""
        return keys.signed(self.key, self.claims)


def sign_all(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return an AuthenticationResult with its tokens signed."""
    unsigned = {name: value for name, value in result.items() if isinstance(value, UnsignedToken)}
    signed = side_by_side([token.sign for token in unsigned.values()])
    return {**result, **dict(zip(unsigned, signed, strict=True))}


class Tokens:
    """Issues and checks the tokens of an account."""

    def __init__(self, account: Account, clock: Clock) -> None:
        """Issue tokens for an account.

        Args:
            account: The account.
            clock: The account's clock.
        """
        self._account = account
        self._clock = clock

    def issue(
        self,
        pool: UserPool,
        client: AppClient,
        user: User,
        *,
        factors: Sequence[str],
        scopes: Sequence[str] = (SELF_SERVICE,),
        auth_time: float | None = None,
        device_key: str = "",
        audience: str = "",
        changes: TokenChanges = NO_CHANGES,
    ) -> dict[str, Any]:
        """Issue the tokens of a sign-in.

        Args:
            pool: The user pool.
            client: The app client.
            user: The user.
            factors: The answered factors, as ``amr`` names them.
            scopes: The OAuth scopes.
            auth_time: When the user signed in, in Unix seconds; now unless given.
            device_key: The device of the sign-in; "" for none.
            audience: The resource that the access token is for; "" for none.
            changes: What a function of the pool changes in the claims.

        Returns:
            The AuthenticationResult, unsigned.

        Raises:
            NotAuthorizedException: The user was deleted or disabled in the meantime.
            ResourceNotFoundException: The pool or the client was deleted in the meantime.
        """
        self._check_current(pool, client, user)
        now = self._clock.now()
        token_families.forget_expired(pool, now)
        session_id = self._new_session(pool, user) if pool.tracks_sessions else ""
        family = TokenFamily(
            event_id=new_id(),
            origin_jti=new_id(),
            sub=user.sub,
            client_id=client.id,
            auth_time=int(now if auth_time is None else auth_time),
            expires_at=now + client.refresh_token_seconds,
            factors=list(factors),
            scopes=list(scopes),
            device_key=device_key,
            audience=audience,
            session_id=session_id,
            created_at=now,
            active_at=now,
        )
        token_families.add(pool, family)
        result = self._token_pair(pool, client, user, family, changes)
        return {**result, "RefreshToken": _new_refresh_token(pool, family)}

    def issue_to_client(
        self,
        pool: UserPool,
        client: AppClient,
        scopes: Sequence[str],
        changes: TokenChanges = NO_CHANGES,
    ) -> UnsignedToken:
        """Issue the access token of a client itself, without a user.

        Args:
            pool: The user pool.
            client: The app client.
            scopes: The OAuth scopes.
            changes: What a function of the pool changes in the claims.

        Returns:
            The access token, unsigned.
        """
        said = claims.machine(pool, client, scopes, self._clock.now())
        return UnsignedToken(claims.changed_access(said, changes), keys.keys_of(pool).access)

    def refresh(
        self,
        pool: UserPool,
        client: AppClient,
        user: User,
        family: TokenFamily,
        changes: TokenChanges = NO_CHANGES,
    ) -> dict[str, Any]:
        """Issue new ID and access tokens. The refresh token stays the same.

        Args:
            pool: The user pool.
            client: The app client.
            user: The user.
            family: The tokens of one sign-in.
            changes: What a function of the pool changes in the claims.

        Returns:
            The AuthenticationResult, unsigned.

        Raises:
            NotAuthorizedException: The user was deleted or disabled in the meantime.
            ResourceNotFoundException: The pool or the client was deleted in the meantime.
        """
        self._check_current(pool, client, user)
        self._note_activity(family)
        return self._token_pair(pool, client, user, family, changes)

    def rotate(
        self,
        pool: UserPool,
        client: AppClient,
        user: User,
        refresh_token: str,
        changes: TokenChanges = NO_CHANGES,
    ) -> dict[str, Any]:
        """Issue new tokens, including a refresh token. The old one works for the client's grace period.

        Args:
            pool: The user pool.
            client: The app client.
            user: The user.
            refresh_token: The refresh token as it was issued.
            changes: What a function of the pool changes in the claims.

        Returns:
            The AuthenticationResult, unsigned. The new refresh token expires when the old one would
            have.

        Raises:
            NotAuthorizedException: The refresh token does not work, or the user was deleted or
                disabled in the meantime.
            ResourceNotFoundException: The pool or the client was deleted in the meantime.
        """
        self._check_current(pool, client, user)
        family = self.family_of(pool, client, refresh_token)
        digest = token_families.digest(refresh_token)
        if family.refresh_tokens[digest] is None:
            family.refresh_tokens[digest] = self._clock.now()
        self._note_activity(family)
        result = self._token_pair(pool, client, user, family, changes)
        return {**result, "RefreshToken": _new_refresh_token(pool, family)}

    def family_of(self, pool: UserPool, client: AppClient, refresh_token: str) -> TokenFamily:
        """Return the sign-in that a refresh token belongs to.

        Args:
            pool: The user pool.
            client: The app client.
            refresh_token: The refresh token as it was issued.

        Returns:
            The tokens of that sign-in.

        Raises:
            NotAuthorizedException: It is unknown, revoked, expired, or another client's.
            RefreshTokenReuseException: Another one has replaced it. That does not revoke the other
                tokens of the sign-in (measured).
        """
        family = token_families.of_token(pool, refresh_token)
        if family is None or family.client_id != client.id:
            raise NotAuthorizedException("Invalid Refresh Token.")
        if family.revoked:
            raise NotAuthorizedException("Refresh Token has been revoked")
        if self._clock.now() >= family.expires_at:
            raise NotAuthorizedException("Refresh Token has expired")
        replaced_at = family.refresh_tokens[token_families.digest(refresh_token)]
        if replaced_at is not None:
            grace = client.rotation_grace or 0
            if self._clock.now() >= replaced_at + grace:
                raise RefreshTokenReuseException("Refresh token reuse detected")
        return family

    def revoke(self, pool: UserPool, client: AppClient, refresh_token: str) -> None:
        """Revoke all tokens of a refresh token's sign-in. To repeat it is not an error.

        Args:
            pool: The user pool.
            client: The app client.
            refresh_token: The refresh token as it was issued.

        Raises:
            UnsupportedTokenTypeException: It is a token of another kind.
            InvalidParameterException: It is unknown.
            UnauthorizedException: It belongs to another client.
        """
        if refresh_token.count(".") == JWT_DOTS:
            raise UnsupportedTokenTypeException("Only refresh tokens can be revoked")
        family = token_families.of_token(pool, refresh_token)
        if family is None:
            raise InvalidParameterException("Invalid Refresh Token.")
        if family.client_id != client.id:
            raise UnauthorizedException("Invalid client")
        family.revoked = True

    def check_access(
        self, token: str, *, scope: str = SELF_SERVICE
    ) -> tuple[UserPool, User | None]:
        """Check an access token.

        Args:
            token: The access token.
            scope: The scope that the operation needs.

        Returns:
            The pool, and the user if there still is one.

        Raises:
            NotAuthorizedException: The token is invalid, or lacks the scope.
        """
        pool, said = self._verified(token)
        family = pool.families.get(str(said.get("event_id")))
        if said.get("token_use") != "access":
            raise NotAuthorizedException(INVALID)
        if self._clock.now() >= float(said["exp"]):
            raise NotAuthorizedException("Access Token has expired")
        # A client's own token only has scopes of resource servers.
        if "event_id" not in said:
            raise NotAuthorizedException("Access Token does not have required scopes")
        if family is None or family.revoked:
            raise NotAuthorizedException("Access Token has been revoked")
        if scope not in str(said.get("scope")).split():
            raise NotAuthorizedException("Access Token does not have required scopes")
        return pool, user_with_sub(pool, family.sub)

    def scopes_of(self, token: str) -> list[str]:
        """Return the scopes of a valid access token. Raises NotAuthorizedException."""
        _, said = self._verified(token)
        return str(said.get("scope")).split()

    def revoke_all(self, pool: UserPool, user: User) -> None:
        """Revoke all tokens of a user.

        Args:
            pool: The user pool.
            user: The user.
        """
        for family in token_families.of_user(pool, user):
            if not family.revoked:
                family.revoked = True

    def sessions_of(self, pool: UserPool, user: User) -> list[TokenFamily]:
        """Return the active sessions of a user, the oldest first.

        Args:
            pool: The user pool.
            user: The user.

        Returns:
            The tokens of each sign-in that the pool tracks.
        """
        now = self._clock.now()
        return [
            family
            for family in token_families.of_user(pool, user)
            if family.session_id and not family.revoked and now < family.expires_at
        ]

    def session_of(self, token: str) -> str:
        """Return the session of a valid access token; "" if there is none."""
        pool, said = self._verified(token)
        return pool.families[str(said["event_id"])].session_id

    def client_of(self, token: str) -> AppClient:
        """Return the app client of a token.

        Raises:
            NotAuthorizedException: The token is invalid, or the app client was deleted.
        """
        pool, said = self._verified(token)
        client = pool.clients.get(str(said.get("client_id")))
        if client is None:
            raise NotAuthorizedException(INVALID)
        return client

    def _verified(self, token: str) -> tuple[UserPool, dict[str, Any]]:
        """Return the claims, if the pool that is named as the issuer signed them."""
        import jwt

        try:
            # SECURITY: the issuer only says whose key must have signed. Nothing else is trusted yet.
            head = jwt.get_unverified_header(token)
            said = jwt.decode(token, options={"verify_signature": False})
            pool = self._account.pools.get(str(said.get("iss")).rpartition("/")[2])
            if pool is None or said.get("iss") != claims.issuer(pool):
                raise NotAuthorizedException(INVALID)
            pair = keys.keys_of(pool)
            key = {pair.id.kid: pair.id, pair.access.kid: pair.access}.get(str(head.get("kid")))
            if key is None:
                raise NotAuthorizedException(INVALID)
            return pool, keys.verified_claims(key, token)
        except jwt.InvalidTokenError:
            raise NotAuthorizedException(INVALID) from None

    def _check_current(self, pool: UserPool, client: AppClient, user: User) -> None:
        """Refuse tokens if a user, client, or pool was deleted or disabled while a function ran."""
        if self._account.pools.get(pool.id) is not pool or client.id not in pool.clients:
            raise ResourceNotFoundException(f"User pool client {client.id} does not exist.")
        if user_with_sub(pool, user.sub) is None:
            raise NotAuthorizedException("User does not exist.")
        if not user.enabled:
            raise NotAuthorizedException("User is disabled.")

    def _new_session(self, pool: UserPool, user: User) -> str:
        """Return the id of a new session, and drop the least recently used ones beyond the limit."""
        active = sorted(self.sessions_of(pool, user), key=lambda family: family.active_at)
        for family in active[: max(0, len(active) + 1 - pool.most_sessions)]:
            family.revoked = True
        letters = string.ascii_lowercase + string.digits
        return SESSION_PREFIX + "".join(secrets.choice(letters) for _ in range(25))

    def _note_activity(self, family: TokenFamily) -> None:
        if family.session_id:
            family.active_at = self._clock.now()

    def _token_pair(
        self,
        pool: UserPool,
        client: AppClient,
        user: User,
        family: TokenFamily,
        changes: TokenChanges,
    ) -> dict[str, Any]:
        pair, now = keys.keys_of(pool), self._clock.now()
        shared = claims.shared(pool, client, user, family, now)
        access = {**shared, **claims.access(client, user, family, now)}
        identity = {**shared, **claims.identity(pool, client, user, now)}
        return {
            "AccessToken": UnsignedToken(claims.changed_access(access, changes), pair.access),
            "ExpiresIn": client.access_token_seconds,
            "TokenType": "Bearer",
            "IdToken": UnsignedToken(claims.changed_identity(identity, changes), pair.id),
        }


def _new_refresh_token(pool: UserPool, family: TokenFamily) -> str:
    """Return an opaque token in the form of Cognito's encrypted ones, of which only the digest is stored."""
    random, ends = secrets.token_bytes(REFRESH_TOKEN_ENDS[-1]), REFRESH_TOKEN_ENDS
    parts = [keys.base64url(random[start:end]) for start, end in pairwise((0, *ends))]
    token = ".".join([REFRESH_TOKEN_HEADER, *parts])
    token_families.add_token(pool, family, token)
    return token
