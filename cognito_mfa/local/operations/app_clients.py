"""App clients: create, change, delete, describe, and list them.

A secret is shown where Cognito shows it, and nowhere else.

See "App clients" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import Any

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.rules.scopes import check_providers, check_scopes
from cognito_mfa.local.rules.state import AppClient, UserPool

DEFAULT_FLOWS = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"]


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a kind of token is valid, in seconds, and the unit where a request names none."""

    default: int
    unit: str
    shortest: int
    longest: int


LIFETIMES = {
    "AccessToken": Lifetime(3600, "hours", 300, 86400),
    "IdToken": Lifetime(3600, "hours", 300, 86400),
    "RefreshToken": Lifetime(30 * 86400, "days", 3600, 315360000),
}
SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
ALPHABET = string.ascii_lowercase + string.digits
#: Members of CreateUserPoolClient that the client acts on itself.
UNDERSTOOD = frozenset(
    {
        "AuthSessionValidity",
        "ClientId",
        "ClientName",
        "ClientSecret",
        "EnableTokenRevocation",
        "ExplicitAuthFlows",
        "GenerateSecret",
        "PreventUserExistenceErrors",
        "UserPoolId",
    }
)


def create_user_pool_client(context: Context, parameters: Parameters) -> Payload:
    """Create an app client with an id, and if wanted a secret, of its own."""
    pool = context.pool(parameters)
    client = AppClient(id=_random(26), created_at=context.clock.now())
    client.secret = _secret(parameters)
    _configure(pool, client, parameters, context.clock.now())
    pool.clients[client.id] = client
    return {"UserPoolClient": _describe(pool, client)}


def update_user_pool_client(context: Context, parameters: Parameters) -> Payload:
    """Change an app client; what is left out goes back to its default."""
    pool, client = context.client_of_pool(parameters)
    _configure(pool, client, {"ClientName": client.name, **parameters}, context.clock.now())
    return {"UserPoolClient": _describe(pool, client)}


def delete_user_pool_client(context: Context, parameters: Parameters) -> Payload:
    """Delete an app client."""
    pool, client = context.client_of_pool(parameters)
    del pool.clients[client.id]
    return {}


def describe_user_pool_client(context: Context, parameters: Parameters) -> Payload:
    """Return all members of an app client, its secret among them."""
    pool, client = context.client_of_pool(parameters)
    return {"UserPoolClient": _describe(pool, client)}


def list_user_pool_clients(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a pool's app clients, without their secrets."""
    pool = context.pool(parameters)
    start = page_start(parameters.get("NextToken"))
    clients = list(pool.clients.values())[start:]
    size = parameters.get("MaxResults", 60)
    page: Payload = {"UserPoolClients": [_listed(pool, one) for one in clients[:size]]}
    if len(clients) > size:
        page["NextToken"] = page_token(start + size)
    return page


def _configure(pool: UserPool, client: AppClient, parameters: Parameters, now: float) -> None:
    """Everything that can be changed later. Nothing is, when a part of it is refused."""
    flows = parameters.get("ExplicitAuthFlows", DEFAULT_FLOWS)
    _check_flows(flows)
    check_scopes(pool, parameters.get("AllowedOAuthScopes", []))
    check_providers(pool, parameters.get("SupportedIdentityProviders", []))
    lifetimes = [_seconds(parameters, token) for token in LIFETIMES]
    client.name = parameters["ClientName"]
    client.explicit_auth_flows = list(flows)
    client.auth_session_validity = parameters.get("AuthSessionValidity", 3)
    client.prevent_user_existence_errors = parameters.get("PreventUserExistenceErrors", "LEGACY")
    client.enable_token_revocation = parameters.get("EnableTokenRevocation", True)
    client.access_token_seconds, client.id_token_seconds, client.refresh_token_seconds = lifetimes
    client.rotation_grace = _rotation_grace(parameters)
    client.settings = {k: v for k, v in parameters.items() if k not in UNDERSTOOD}
    client.modified_at = now


def _check_flows(flows: list[str]) -> None:
    modern = [flow.startswith("ALLOW_") for flow in flows]
    if any(modern) and not all(modern):
        raise InvalidParameterException(
            "Legacy explicit auth flows cannot be set together with those that begin with ALLOW_"
        )


def _secret(parameters: Parameters) -> str | None:
    given: str | None = parameters.get("ClientSecret")
    if not parameters.get("GenerateSecret"):
        return given
    if given is not None:
        raise InvalidParameterException("GenerateSecret and ClientSecret exclude each other")
    return new_secret()


def _seconds(parameters: Parameters, token: str) -> int:
    """How long a kind of token is valid; 0 means the default."""
    lifetime = LIFETIMES[token]
    given = parameters.get(f"{token}Validity")
    if not given:
        return lifetime.default
    unit = parameters.get("TokenValidityUnits", {}).get(token, lifetime.unit)
    seconds: int = given * SECONDS[unit]
    if not lifetime.shortest <= seconds <= lifetime.longest:
        raise InvalidParameterException(f"Invalid range for {token}Validity.")
    return seconds


def _rotation_grace(parameters: Parameters) -> float | None:
    rotation = parameters.get("RefreshTokenRotation", {})
    if rotation.get("Feature") != "ENABLED":
        return None
    return float(rotation.get("RetryGracePeriodSeconds", 0))


def _describe(pool: UserPool, client: AppClient) -> dict[str, Any]:
    secret = {"ClientSecret": client.secret} if client.secret is not None else {}
    return {
        "RefreshTokenValidity": 30,
        "TokenValidityUnits": {},
        "AllowedOAuthFlowsUserPoolClient": False,
        **client.settings,
        "UserPoolId": pool.id,
        "ClientName": client.name,
        "ClientId": client.id,
        **secret,
        "ExplicitAuthFlows": client.explicit_auth_flows,
        "AuthSessionValidity": client.auth_session_validity,
        "PreventUserExistenceErrors": client.prevent_user_existence_errors,
        "EnableTokenRevocation": client.enable_token_revocation,
        "CreationDate": client.created_at,
        "LastModifiedDate": client.modified_at,
    }


def _listed(pool: UserPool, client: AppClient) -> dict[str, Any]:
    return {"ClientId": client.id, "UserPoolId": pool.id, "ClientName": client.name}


def new_secret() -> str:
    """Return a secret as Cognito generates one."""
    return _random(52)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
