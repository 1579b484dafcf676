"""REFRESH_TOKEN_AUTH, GetTokensFromRefreshToken, and RevokeToken.

A refresh never asks for a second factor, whatever the pool requires today.

See "Refresh and rotation" and "Revocation" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cognito_mfa.local.errors import (
    InvalidParameterException,
    NotAuthorizedException,
    ResourceNotFoundException,
    UnauthorizedException,
    UnsupportedOperationException,
    UserNotFoundException,
)
from cognito_mfa.local.operations import triggers
from cognito_mfa.local.operations.completion import REFRESH
from cognito_mfa.local.operations.context import Context, Parameters, Payload, required
from cognito_mfa.local.operations.secret_hash import check_secret_hash, is_secret
from cognito_mfa.local.rules import directory
from cognito_mfa.local.rules.state import AppClient, TokenFamily, User, UserPool

INVALID = "Invalid Refresh Token."


def refresh_token_auth(
    context: Context, pool: UserPool, client: AppClient, values: Mapping[str, str]
) -> Payload:
    """Refresh with InitiateAuth, which never returns a new refresh token.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        values: The values of the request, as a map of strings.

    Returns:
        New ID and access tokens.

    Raises:
        NotAuthorizedException: The refresh token is invalid or another client's.
        InvalidParameterException: The client may not refresh in this way.
    """
    _check_refreshes(client)
    family = context.tokens.family_of(pool, client, required(values, "REFRESH_TOKEN"))
    user = directory.user_with_sub(pool, family.sub)
    if user is None:
        raise NotAuthorizedException(INVALID)
    check_secret_hash(client, values, user.username)
    check_device(pool, user, family, values.get("DEVICE_KEY"))
    result = renewed(context, pool, client, user, values["REFRESH_TOKEN"])
    return {"ChallengeParameters": {}, "AuthenticationResult": result}


def get_tokens_from_refresh_token(context: Context, parameters: Parameters) -> Payload:
    """Refresh, with a new refresh token if refresh tokens rotate."""
    pool, client = context.client(parameters)
    if not _is_the_secret(client, parameters.get("ClientSecret")):
        raise NotAuthorizedException(f"Unable to verify secret for client {client.id}")
    token = parameters["RefreshToken"]
    family = context.tokens.family_of(pool, client, token)
    user = directory.user_with_sub(pool, family.sub)
    if user is None:
        raise UserNotFoundException("User does not exist.")
    check_device(pool, user, family, parameters.get("DeviceKey"))
    return {"AuthenticationResult": renewed(context, pool, client, user, token)}


def renewed(
    context: Context, pool: UserPool, client: AppClient, user: User, token: str
) -> dict[str, Any]:
    """Return the tokens for a refresh token, including a new one if refresh tokens rotate.

    Args:
        context: The account, its clock, and its unfinished sign-ins.
        pool: The user pool.
        client: The app client.
        user: The user.
        token: The refresh token.

    Returns:
        The AuthenticationResult, unsigned.

    Raises:
        NotAuthorizedException: The refresh token is invalid.
        RefreshTokenReuseException: Another one has replaced it.
    """
    family = context.tokens.family_of(pool, client, token)
    changes = triggers.pre_token_generation(
        context, triggers.About(pool, client, user), REFRESH, family.scopes
    )
    family = context.tokens.family_of(pool, client, token)  # the function may have revoked it
    if client.rotation_grace is None:
        return context.tokens.refresh(pool, client, user, family, changes)
    return context.tokens.rotate(pool, client, user, token, changes)


def revoke_token(context: Context, parameters: Parameters) -> Payload:
    """Revoke a refresh token and the access tokens that were issued for it."""
    try:
        pool, client = context.client(parameters)
    except ResourceNotFoundException:
        raise UnauthorizedException("Invalid client") from None
    if not _is_the_secret(client, parameters.get("ClientSecret")):
        raise UnauthorizedException("Invalid client")
    if not client.enable_token_revocation:
        raise UnsupportedOperationException("Token revocation is not enabled for the client")
    context.tokens.revoke(pool, client, parameters["Token"])
    return {}


def _check_refreshes(client: AppClient) -> None:
    """Refuse to refresh if refresh tokens rotate, because only GetTokensFromRefreshToken may."""
    flows = client.explicit_auth_flows
    modern = any(flow.startswith("ALLOW_") for flow in flows)
    rotating = client.rotation_grace is not None
    if rotating or (modern and "ALLOW_REFRESH_TOKEN_AUTH" not in flows):
        raise InvalidParameterException("Auth flow not enabled for this client")


def check_device(pool: UserPool, user: User, family: TokenFamily, device_key: str | None) -> None:
    """Check that a refresh token is used on the device that it was issued to, if the pool tracks devices.

    Args:
        pool: The user pool.
        user: The user.
        family: The tokens of the sign-in.
        device_key: The key of the device in the request; None for none.

    Raises:
        NotAuthorizedException: It is another device, or was never confirmed.
    """
    if not family.device_key or not pool.behavior.refresh_needs_tracked_device:
        return
    device = user.devices.get(family.device_key)
    if device is None or not device.verifier or device_key != device.key:
        raise NotAuthorizedException(INVALID)


def _is_the_secret(client: AppClient, sent: str | None) -> bool:
    """Return whether the client sent one of its secrets. This operation expects no hash."""
    return not client.secrets or (sent is not None and is_secret(client, sent))
