"""OAuth 2.0 behind managed login: clients, authorization codes, and their tokens.

It renders no page and sees no password.

See "Managed login" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from cognito_mfa.local.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    UnauthorizedException,
    UnsupportedTokenTypeException,
)
from cognito_mfa.local.json_text import parse
from cognito_mfa.local.operations import triggers
from cognito_mfa.local.operations.completion import HOSTED, REFRESH
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.operations.secret_hash import is_secret
from cognito_mfa.local.rules import attribute_permissions, attribute_schema, directory
from cognito_mfa.local.rules.scopes import OPENID, RESERVED, custom_scopes
from cognito_mfa.local.rules.state import (
    AppClient,
    IdentityProvider,
    TokenFamily,
    User,
    UserPool,
)
from cognito_mfa.local.rules.tokens import UnsignedToken

CODE_SECONDS = 300.0
#: The userName of an event without a user.
MACHINE = "ClientCredentials"
#: What a scope shows of a user; "profile" and "openid" alone show everything that the client may read.
SCOPED_ATTRIBUTES = {
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
}
ALWAYS_SHOWN = ("identities",)
#: How attributes of the pool's own begin.
OWN = (attribute_schema.CUSTOM, attribute_schema.DEVELOPER_ONLY)


class OAuthError(Exception):
    """What RFC 6749 calls an error response; the text is its error code."""

    @property
    def code(self) -> str:
        """Return the error code of RFC 6749."""
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked authorization request. ``response_type`` is "code" or "token", and ``provider`` is
    the identity provider that it leads to, if it does."""

    response_type: str
    pool: UserPool
    client: AppClient
    redirect_uri: str
    scopes: Sequence[str]
    state: str
    nonce: str
    code_challenge: str
    provider: IdentityProvider | None


@dataclass(frozen=True, slots=True)
class Grant:
    """What a code stands for."""

    pool_id: str
    client_id: str
    sub: str
    redirect_uri: str
    scopes: Sequence[str]
    nonce: str = field(repr=False)
    code_challenge: str = field(repr=False)
    factors: Sequence[str]
    auth_time: float


class Authorization:
    """The authorization server of an account."""

    def __init__(self, context: Context) -> None:
        """Serve an account.

        Args:
            context: The account, as its operations see it.
        """
        self._context = context
        self._account = context.account
        self._clock = context.clock
        self._tokens = context.tokens
        self._grants: dict[str, Grant] = {}

    def client(self, client_id: str) -> tuple[UserPool, AppClient]:
        """Return an app client and its pool.

        Raises:
            OAuthError: No pool has it.
        """
        found = self._context.client_with_id(client_id)
        if found is None:
            raise OAuthError("invalid_client")
        return found

    def give_code(self, asked: Asked, user: User, factors: Sequence[str]) -> str:
        """Return a code for a user who just signed in, which works once and for five minutes.

        Args:
            asked: The client's request.
            user: The user.
            factors: What was answered, as ``amr`` names it.

        Returns:
            The code.
        """
        code = str(uuid.uuid4())
        self._grants[code] = Grant(
            asked.pool.id,
            asked.client.id,
            user.sub,
            asked.redirect_uri,
            asked.scopes,
            asked.nonce,
            asked.code_challenge,
            factors,
            self._clock.now(),
        )
        return code

    def give_tokens(self, asked: Asked, user: User, factors: Sequence[str]) -> dict[str, Any]:
        """Return the tokens of an implicit grant, for a user who just signed in.

        Args:
            asked: The client's request.
            user: The user.
            factors: What was answered, as ``amr`` names it.

        Returns:
            The token response of RFC 6749, without a refresh token.
        """
        result = self._tokens.issue(
            asked.pool, asked.client, user, factors=factors, scopes=asked.scopes
        )
        del result["RefreshToken"]
        return _token_response(result, asked.scopes, nonce=asked.nonce)

    def tokens_for_code(
        self, pool: UserPool, client: AppClient, form: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return the tokens for a code; its first use consumes it, right or wrong.

        Args:
            pool: The user pool.
            client: The app client.
            form: The fields of the posted form.

        Returns:
            The token response of RFC 6749.

        Raises:
            OAuthError: The code does not work, or not for this client.
        """
        grant = self._grants.pop(form.get("code", ""), None)
        if grant is None or self._clock.now() >= grant.auth_time + CODE_SECONDS:
            raise OAuthError("invalid_grant")
        bound = (grant.client_id, grant.redirect_uri)
        if bound != (client.id, form.get("redirect_uri")):
            raise OAuthError("invalid_grant")
        if grant.code_challenge and not _proves(grant, form.get("code_verifier", "")):
            raise OAuthError("invalid_grant")
        user = directory.user_with_sub(pool, grant.sub)
        if user is None or not user.enabled:
            raise OAuthError("invalid_grant")
        changes = triggers.pre_token_generation(
            self._context, triggers.About(pool, client, user), HOSTED, grant.scopes
        )
        result = self._tokens.issue(
            pool,
            client,
            user,
            factors=grant.factors,
            scopes=grant.scopes,
            auth_time=grant.auth_time,
            changes=changes,
        )
        return _token_response(result, grant.scopes, nonce=grant.nonce)

    def token_for_client(
        self, pool: UserPool, client: AppClient, form: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return an access token for a client itself, without a user.

        Args:
            pool: The user pool.
            client: The app client, whose secret was right.
            form: The fields of the posted form.

        Returns:
            The token response of RFC 6749.

        Raises:
            OAuthError: The client may have none, or not with these scopes.
        """
        if not client.secrets:
            raise OAuthError("invalid_client")
        check_flow(client, "client_credentials")
        scopes = scopes_asked(pool, client, form.get("scope", ""), among=custom_scopes(pool))
        context = self._context.with_metadata(_metadata(form))
        changes = triggers.pre_client_token_generation(
            context, triggers.About(pool, client, None, MACHINE), scopes
        )
        return {
            "access_token": self._tokens.issue_to_client(pool, client, scopes, changes).sign(),
            "expires_in": client.access_token_seconds,
            "token_type": "Bearer",
        }

    def refreshed_tokens(
        self, pool: UserPool, client: AppClient, form: Mapping[str, str]
    ) -> dict[str, Any]:
        """Return new tokens for a refresh token.

        Args:
            pool: The user pool.
            client: The app client.
            form: The fields of the posted form.

        Returns:
            The token response of RFC 6749.

        Raises:
            OAuthError: The refresh token does not work.
        """
        family = self._family(pool, client, form)
        user = directory.user_with_sub(pool, family.sub)
        if user is None or not user.enabled:
            raise OAuthError("invalid_grant")
        changes = triggers.pre_token_generation(
            self._context, triggers.About(pool, client, user), REFRESH, family.scopes
        )
        family = self._family(pool, client, form)  # the function may have signed the user out
        result = self._tokens.refresh(pool, client, user, family, changes)
        return _token_response(result, family.scopes)

    def _family(self, pool: UserPool, client: AppClient, form: Mapping[str, str]) -> TokenFamily:
        try:
            return self._tokens.family_of(pool, client, form.get("refresh_token", ""))
        except NotAuthorizedException:
            raise OAuthError("invalid_grant") from None

    def revoke(self, pool: UserPool, client: AppClient, form: Mapping[str, str]) -> None:
        """Revoke a refresh token and all tokens that came of it; an unknown one is no error.

        Args:
            pool: The user pool.
            client: The app client.
            form: The fields of the posted form.

        Raises:
            OAuthError: There is no token, it is of another kind, or the client does not revoke any.
        """
        token = form.get("token", "")
        if not token or not client.enable_token_revocation:
            raise OAuthError("invalid_request")
        try:
            self._tokens.revoke(pool, client, token)
        except UnsupportedTokenTypeException:
            raise OAuthError("unsupported_token_type") from None
        except UnauthorizedException:
            raise OAuthError("invalid_client") from None
        except InvalidParameterException:
            return

    def user_info(self, access_token: str) -> dict[str, Any]:
        """Return the claims of an access token's user.

        Raises:
            NotAuthorizedException: The token is no good, does not allow it, or its user is gone.
        """
        pool, user = self._tokens.check_access(access_token, scope=OPENID)
        if user is None:
            raise NotAuthorizedException("User does not exist.")
        scopes = self._tokens.scopes_of(access_token)
        client = self._tokens.client_of(access_token)
        shown = _shown(attribute_permissions.readable(pool, client, user.attributes), scopes)
        return {"sub": user.sub, **shown, "username": user.username}


def check_client(client: AppClient, form: Mapping[str, str], authorization: str) -> None:
    """Check the secret of a client, from the header or the body.

    Args:
        client: The app client.
        form: The fields of the posted form.
        authorization: The Authorization header; "" for none.

    Raises:
        OAuthError: It is wrong.
    """
    if not client.secrets:
        return
    sent = _basic(authorization)[1] if authorization else form.get("client_secret", "")
    if not is_secret(client, sent):
        raise OAuthError("invalid_client")


def client_id_in(form: Mapping[str, str], authorization: str) -> str:
    """Return the client id of a token request.

    Args:
        form: The fields of the posted form.
        authorization: The Authorization header; "" for none.

    Returns:
        The id, from the header or the body.

    Raises:
        OAuthError: Header and body name two clients.
    """
    named = form.get("client_id", "")
    if not authorization:
        return named
    by_header = _basic(authorization)[0]
    if named not in ("", by_header):
        raise OAuthError("invalid_client")
    return by_header


def check_flow(client: AppClient, flow: str) -> None:
    """Check that an app client may use a grant.

    Args:
        client: The app client.
        flow: One of AllowedOAuthFlows.

    Raises:
        OAuthError: It may not.
    """
    allowed = client.settings.get("AllowedOAuthFlows", [])
    if not client.settings.get("AllowedOAuthFlowsUserPoolClient") or flow not in allowed:
        raise OAuthError("unauthorized_client")


def scopes_asked(
    pool: UserPool, client: AppClient, asked: str, *, among: Collection[str] | None = None
) -> list[str]:
    """Return the scopes that a request is given.

    A scope that exists and is not the client's is ignored.

    Args:
        pool: The user pool.
        client: The app client.
        asked: The scopes of the request, with spaces between them.
        among: The scopes that the grant can give; all that exist unless given.

    Returns:
        Those that the client may have of the ones asked for; all of the client's when none is.

    Raises:
        OAuthError: One of them does not exist, or the client may have none of them.
    """
    existing = {*RESERVED, *custom_scopes(pool)} if among is None else among
    allowed = [one for one in client.settings.get("AllowedOAuthScopes", []) if one in existing]
    scopes = asked.split() or allowed
    given = [scope for scope in scopes if scope in allowed]
    if not given or not set(scopes) <= set(existing):
        raise OAuthError("invalid_scope")
    return given


def _token_response(
    result: Mapping[str, Any], scopes: Sequence[str], *, nonce: str = ""
) -> dict[str, Any]:
    response = {
        "access_token": result["AccessToken"].sign(),
        "expires_in": result["ExpiresIn"],
        "token_type": result["TokenType"],
    }
    if "RefreshToken" in result:
        response["refresh_token"] = result["RefreshToken"]
    if OPENID in scopes:
        token = _id_token(result["IdToken"], scopes, nonce, response["access_token"])
        response["id_token"] = token.sign()
    return response


def _id_token(
    token: UnsignedToken, scopes: Sequence[str], nonce: str, access_token: str
) -> UnsignedToken:
    digest = hashlib.sha256(access_token.encode()).digest()[:16]
    more = {"at_hash": _base64(digest), **({"nonce": nonce} if nonce else {})}
    return replace(token, claims={**_shown(token.claims, scopes, claims=True), **more})


def _shown(
    values: Mapping[str, Any], scopes: Sequence[str], *, claims: bool = False
) -> dict[str, Any]:
    """What the scopes show of a user's attributes, or of claims with the attributes among them."""
    narrowing = [scope for scope in SCOPED_ATTRIBUTES if scope in scopes]
    if "profile" in scopes or not narrowing:
        return dict(values)
    kept = {*ALWAYS_SHOWN, *(name for scope in narrowing for name in SCOPED_ATTRIBUTES[scope])}
    attributes = set(attribute_schema.STANDARD) - {attribute_schema.SUB}
    return {
        name: value
        for name, value in values.items()
        if name in kept or (claims and name not in attributes and not name.startswith(OWN))
    }


def _metadata(form: Mapping[str, str]) -> dict[str, str]:
    """What a client tells the pool's function, as JSON. Raises OAuthError."""
    try:
        values = parse(form.get("aws_client_metadata", "{}").encode())
    except ValueError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(one, str) for one in values.values()):
        raise OAuthError("invalid_request")
    return values


def _proves(grant: Grant, verifier: str) -> bool:
    """PKCE with S256, the only method that Cognito takes."""
    digest = _base64(hashlib.sha256(verifier.encode()).digest())
    return hmac.compare_digest(digest.encode(), grant.code_challenge.encode())


def _basic(authorization: str) -> tuple[str, str]:
    kind, _, encoded = authorization.partition(" ")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    name, colon, password = text.partition(":")
    if kind.lower() != "basic" or not colon:
        raise OAuthError("invalid_client")
    return unquote(name), unquote(password)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
