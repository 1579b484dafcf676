"""App clients: create, change, delete, describe, and list them.

Only the operations that show a secret at Cognito show it here.

See "App clients" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.empty import without_empty_lists
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.rules import client_settings
from cognito_mfa.local.rules.client_settings import DEFAULT_FLOWS, LIFETIMES, OWN_ROLE
from cognito_mfa.local.rules.state import AppClient, UserPool

EXISTENCE_ERRORS, LEGACY = "PreventUserExistenceErrors", "LEGACY"
ANALYTICS = "AnalyticsConfiguration"
ALPHABET = string.ascii_lowercase + string.digits
#: Members of CreateUserPoolClient that have a field of their own in the client.
UNDERSTOOD = frozenset(
    {
        "AuthSessionValidity",
        "ClientId",
        "ClientName",
        "ClientSecret",
        "EnableTokenRevocation",
        "ExplicitAuthFlows",
        "GenerateSecret",
        "UserPoolId",
    }
)


def create_user_pool_client(context: Context, parameters: Parameters) -> Payload:
    """Create an app client with a new id and, if requested, a new secret."""
    pool, parameters = context.pool(parameters), without_empty_lists(parameters)
    client = AppClient(id=_random(26), created_at=context.clock.now())
    client.secret = _secret(parameters)
    client_settings.check(pool, client, parameters, verb="creating")
    _configure(client, parameters, context.clock.now())
    pool.clients[client.id] = client
    return {"UserPoolClient": _describe(context, pool, client)}


def update_user_pool_client(context: Context, parameters: Parameters) -> Payload:
    """Change an app client. Members that are left out go back to their defaults."""
    pool, client = context.client_of_pool(parameters)
    parameters = without_empty_lists(parameters)
    client_settings.check(pool, client, parameters, verb="updating")
    _configure(client, {"ClientName": client.name, **parameters}, context.clock.now())
    return {"UserPoolClient": _describe(context, pool, client)}


def delete_user_pool_client(context: Context, parameters: Parameters) -> Payload:
    """Delete an app client, and what was configured only for it."""
    pool, client = context.client_of_pool(parameters)
    del pool.clients[client.id]
    pool.ui_customizations.pop(client.id, None)
    pool.risk_configurations.pop(client.id, None)
    styles = [one.id for one in pool.brandings.values() if one.client_id == client.id]
    for style in styles:
        del pool.brandings[style]
    return {}


def describe_user_pool_client(context: Context, parameters: Parameters) -> Payload:
    """Return all members of an app client, including its secret."""
    pool, client = context.client_of_pool(parameters)
    return {"UserPoolClient": _describe(context, pool, client)}


def list_user_pool_clients(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a pool's app clients, without their secrets."""
    pool = context.pool(parameters)
    start = page_start(parameters.get("NextToken"), "ListUserPoolClients", pool.id)
    # The local Cognito has no dynamic client registration, so all clients are regular ones.
    regular = parameters.get("ClientType") != "DCR"
    clients = list(pool.clients.values())[start:] if regular else []
    size = parameters.get("MaxResults", 60)
    page: Payload = {"UserPoolClients": [_listed(pool, one) for one in clients[:size]]}
    if len(clients) > size:
        page["NextToken"] = page_token(start + size, "ListUserPoolClients", pool.id)
    return page


def _configure(client: AppClient, parameters: Parameters, now: float) -> None:
    """Set everything that an update can change. The caller has checked the parameters."""
    client.name = parameters["ClientName"]
    client.explicit_auth_flows = list(parameters.get("ExplicitAuthFlows", DEFAULT_FLOWS))
    client.auth_session_validity = parameters.get("AuthSessionValidity", 3)
    client.prevent_user_existence_errors = parameters.get(EXISTENCE_ERRORS, LEGACY)
    client.enable_token_revocation = parameters.get("EnableTokenRevocation", True)
    access, identity, refresh = client_settings.lifetimes(parameters)
    client.access_token_seconds, client.id_token_seconds = access, identity
    client.refresh_token_seconds = refresh
    client.rotation_grace = _rotation_grace(parameters)
    zero = {f"{token}Validity" for token in LIFETIMES if not parameters.get(f"{token}Validity")}
    client.settings = {k: v for k, v in parameters.items() if k not in UNDERSTOOD | zero}
    client.modified_at = now


def _secret(parameters: Parameters) -> str | None:
    given: str | None = parameters.get("ClientSecret")
    if not parameters.get("GenerateSecret"):
        return given
    if given is not None:
        raise InvalidParameterException("GenerateSecret and ClientSecret exclude each other")
    return new_secret()


def _rotation_grace(parameters: Parameters) -> float | None:
    rotation = parameters.get("RefreshTokenRotation", {})
    if rotation.get("Feature") != "ENABLED":
        return None
    return float(rotation.get("RetryGracePeriodSeconds", 0))


def _describe(context: Context, pool: UserPool, client: AppClient) -> dict[str, Any]:
    secret = {"ClientSecret": client.secret} if client.secret is not None else {}
    return {
        **_described_lifetimes(client),
        **_described_rotation(client),
        "AllowedOAuthFlowsUserPoolClient": False,
        "EnablePropagateAdditionalUserContextData": False,
        **_described_existence_errors(client),
        **client.settings,
        **_described_analytics(context, client),
        "UserPoolId": pool.id,
        "ClientName": client.name,
        "ClientId": client.id,
        **secret,
        "ExplicitAuthFlows": client.explicit_auth_flows,
        "AuthSessionValidity": client.auth_session_validity,
        "EnableTokenRevocation": client.enable_token_revocation,
        "CreationDate": client.created_at,
        "LastModifiedDate": client.modified_at,
    }


def _described_lifetimes(client: AppClient) -> dict[str, Any]:
    """Return the lifetimes of a client that Python code created. Others have them in their settings."""
    seconds = {
        "AccessToken": client.access_token_seconds,
        "IdToken": client.id_token_seconds,
        "RefreshToken": client.refresh_token_seconds,
    }
    own = {
        name: value
        for name, value in seconds.items()
        if f"{name}Validity" not in client.settings and value != LIFETIMES[name].default
    }
    return {
        "RefreshTokenValidity": 30,
        **{f"{name}Validity": value for name, value in own.items()},
        "TokenValidityUnits": dict.fromkeys(own, "seconds"),
    }


def _described_rotation(client: AppClient) -> dict[str, Any]:
    if client.rotation_grace is None:
        return {}
    grace = int(client.rotation_grace)
    return {"RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": grace}}


def _described_existence_errors(client: AppClient) -> dict[str, str]:
    """Return the setting of a client that Python code created. Others have it in their settings."""
    if client.prevent_user_existence_errors == LEGACY:
        return {}
    return {EXISTENCE_ERRORS: client.prevent_user_existence_errors}


def _described_analytics(context: Context, client: AppClient) -> dict[str, Any]:
    given: dict[str, Any] | None = client.settings.get(ANALYTICS)
    if not given:
        return {}
    role = f"arn:aws:iam::{context.account.id}:role/{OWN_ROLE}"
    own = {"RoleArn": role} if "ApplicationArn" in given else {}
    return {ANALYTICS: {"UserDataShared": False, **own, **given}}


def _listed(pool: UserPool, client: AppClient) -> dict[str, Any]:
    return {"ClientId": client.id, "UserPoolId": pool.id, "ClientName": client.name}


def new_secret() -> str:
    """Return a secret as Cognito generates one."""
    return _random(52)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
