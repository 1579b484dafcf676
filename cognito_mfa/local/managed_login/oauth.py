"""OAuth 2.0 behind managed login: clients, authorization codes, and their tokens.

It renders no page and sees no password.

See "Managed login" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from cognito_mfa.local.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    RefreshTokenReuseException,
    ResourceNotFoundException,
    UnauthorizedException,
    UnsupportedTokenTypeException,
)
from cognito_mfa.local.json_text import parse
from cognito_mfa.local.operations import refreshing, triggers
from cognito_mfa.local.operations.completion import HOSTED
from cognito_mfa.local.operations.context import Context
from cognito_mfa.local.operations.secret_hash import is_secret
from cognito_mfa.local.rules import attribute_permissions, attribute_schema, directory
from cognito_mfa.local.rules.scopes import OPENID, RESERVED, custom_scopes
from cognito_mfa.local.rules.state import (
    AppClient,
    IdentityProvider,
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
#: Scopes that need openid beside them.
SHOWING = ("email", "phone", "profile")
#: Of PKCE (RFC 7636): SHA-256 in base64url, and what it is made of.
S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
CODE_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
#: Of resource binding: a URL, by plain HTTP for this machine only.
RESOURCE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s#]+")
INSECURE_RESOURCE = re.compile(r"http://(?!localhost(:\d+)?(/|\?|$))", re.IGNORECASE)
#: How attributes of the pool's own begin.
OWN = (attribute_schema.CUSTOM, attribute_schema.DEVELOPER_ONLY)


class OAuthError(Exception):
    """What RFC 6749 calls an error response: its error code, and for some a description."""

    @property
    def code(self) -> str:
        """Return the error code of RFC 6749."""
        return str(self.args[0])

    @property
    def parameters(self) -> dict[str, str]:
        """Return the parameters of the error response."""
        return dict(zip(("error", "error_description"), map(str, self.args), strict=False))


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked authorization request. ``response_type`` is "code" or "token", and ``provider`` is
    the identity provider that it leads to, if it does. ``resource`` is what the access token is for."""

    response_type: str
    pool: UserPool
    client: AppClient
    redirect_uri: str
    scopes: Sequence[str]
    state: str
    nonce: str
    code_challenge: str
    resource: str
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
    resource: str
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
            asked.resource,
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

        Raises:
            CognitoError: A function of the pool says no.
        """
        about = triggers.About(asked.pool, asked.client, user)
        changes = triggers.pre_token_generation(self._context, about, HOSTED, asked.scopes)
        result = self._tokens.issue(
            asked.pool,
            asked.client,
            user,
            factors=factors,
            scopes=asked.scopes,
            audience=asked.resource,
            changes=changes,
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
        grant = self._take_grant(client, form)
        user = directory.user_with_sub(pool, grant.sub)
        if user is None or not user.enabled:
            raise OAuthError("invalid_grant")
        _check_readable(pool, client, grant.scopes)
        changes = triggers.pre_token_generation(
            self._context, triggers.About(pool, client, user), HOSTED, grant.scopes
        )
        try:
            result = self._tokens.issue(
                pool,
                client,
                user,
                factors=grant.factors,
                scopes=grant.scopes,
                auth_time=grant.auth_time,
                audience=grant.resource,
                changes=changes,
            )
        except (NotAuthorizedException, ResourceNotFoundException):
            raise OAuthError("invalid_grant") from None
        return _token_response(result, grant.scopes, nonce=grant.nonce)

    def _take_grant(self, client: AppClient, form: Mapping[str, str]) -> Grant:
        """Return what the user allowed to the client of the code, and forget it."""
        grant = self._grants.pop(form.get("code", ""), None)
        if grant is None or self._clock.now() >= grant.auth_time + CODE_SECONDS:
            raise OAuthError("invalid_grant")
        if grant.client_id != client.id:
            raise OAuthError("invalid_grant")
        if grant.redirect_uri != form.get("redirect_uri"):
            raise OAuthError("unauthorized_client", "invalid_redirect")
        if grant.code_challenge:
            _check_verifier(grant, form.get("code_verifier", ""))
        return grant

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
        scopes = scopes_of_client(pool, client, form.get("scope", ""))
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
        token = form.get("refresh_token", "")
        try:
            family = self._tokens.family_of(pool, client, token)
            user = directory.user_with_sub(pool, family.sub)
            if user is None or not user.enabled:
                raise OAuthError("invalid_grant")
            refreshing.check_device(pool, user, family, None)  # there is no parameter for it here
            result = refreshing.renewed(self._context, pool, client, user, token)
        except (NotAuthorizedException, RefreshTokenReuseException, ResourceNotFoundException):
            raise OAuthError("invalid_grant") from None
        return _token_response(result, family.scopes)

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
            NotAuthorizedException: The token is not valid, does not allow it, or its user is gone.
        """
        pool, user = self._tokens.check_access(access_token, scope=OPENID)
        if user is None:
            raise NotAuthorizedException("User does not exist.")
        scopes = self._tokens.scopes_of(access_token)
        client = self._tokens.client_of(access_token)
        shown = _shown(attribute_permissions.readable(pool, client, user.attributes), scopes)
        return {"sub": user.sub, **shown, "username": user.username}


def check_client(client: AppClient, form: Mapping[str, str], authorization: str) -> None:
    """Check the secret of a client, from the header or the body, and none of a public client.

    Args:
        client: The app client.
        form: The fields of the posted form.
        authorization: The Authorization header; "" for none.

    Raises:
        OAuthError: It is wrong.
    """
    in_header = [_basic(authorization)[1]] if authorization else []
    in_body = [form["client_secret"]] if form.get("client_secret") else []
    if client.secrets:
        right = all(is_secret(client, one) for one in in_header + in_body)
        known = right and bool(in_header or in_body)
    else:
        known = not any(in_header + in_body)
    if not known:
        raise OAuthError("invalid_client")


def client_id_in(form: Mapping[str, str], authorization: str) -> str:
    """Return the client id of a token request.

    Args:
        form: The fields of the posted form.
        authorization: The Authorization header; "" for none.

    Returns:
        The id, from the header or the body; "" where neither names one.

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


def scopes_of_user(pool: UserPool, client: AppClient, asked: str) -> list[str]:
    """Return the scopes of a sign-in.

    Cognito refuses one that is not the client's (measured), which its documentation calls ignored.

    Args:
        pool: The user pool.
        client: The app client.
        asked: The scopes of the request, with spaces between them.

    Returns:
        The ones asked for; all of the client's when none is.

    Raises:
        OAuthError: The client has not all of them, or one needs ``openid`` beside it.
    """
    allowed = _allowed(client, {*RESERVED, *custom_scopes(pool)})
    scopes = list(dict.fromkeys(asked.split())) or allowed
    shows_user = bool(set(SHOWING) & set(asked.split()))
    if not scopes or not set(scopes) <= set(allowed) or (shows_user and OPENID not in scopes):
        raise OAuthError("invalid_request", "invalid_scope")
    return scopes


def scopes_of_client(pool: UserPool, client: AppClient, asked: str) -> list[str]:
    """Return the scopes of a client's own token. One that exists and is not the client's is ignored.

    Args:
        pool: The user pool.
        client: The app client.
        asked: The scopes of the request, with spaces between them.

    Returns:
        Those that the client may have of the ones asked for; all of the client's when none is.

    Raises:
        OAuthError: One of them does not exist, or the client may have none of them.
    """
    existing = custom_scopes(pool)
    allowed = _allowed(client, existing)
    scopes = asked.split() or allowed
    given = [scope for scope in dict.fromkeys(scopes) if scope in allowed]
    if not given or not set(scopes) <= existing:
        raise OAuthError("invalid_scope")
    return given


def _allowed(client: AppClient, existing: Collection[str]) -> list[str]:
    return [one for one in client.settings.get("AllowedOAuthScopes", []) if one in existing]


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


def check_challenge(challenge: str, method: str) -> None:
    """Check what a request says of PKCE. S256 is the only method that Cognito takes.

    Args:
        challenge: code_challenge; "" for none.
        method: code_challenge_method; "" for none.

    Raises:
        OAuthError: One is without the other, or has another form.
    """
    if not challenge and not method:
        return
    if method != "S256" or not S256_CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request")


def check_resource(resource: str) -> None:
    """Check what an access token shall be for.

    Args:
        resource: The parameter of a request; "" for none.

    Raises:
        OAuthError: It is no URL that Cognito takes.
    """
    if resource and (not RESOURCE.fullmatch(resource) or INSECURE_RESOURCE.match(resource)):
        raise OAuthError("invalid_request")


def _check_readable(pool: UserPool, client: AppClient, scopes: Sequence[str]) -> None:
    """Refuse a scope whose attributes the client may not all read: an address without its flag."""
    for scope in scopes:
        for name in SCOPED_ATTRIBUTES.get(scope, ()):
            if not attribute_permissions.may_read(pool, client, name):
                raise OAuthError("invalid_grant")


def _check_verifier(grant: Grant, verifier: str) -> None:
    if not CODE_VERIFIER.fullmatch(verifier):
        raise OAuthError("invalid_request")
    digest = _base64(hashlib.sha256(verifier.encode()).digest())
    if not hmac.compare_digest(digest.encode(), grant.code_challenge.encode()):
        raise OAuthError("invalid_grant")


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
