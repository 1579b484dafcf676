"""Resource servers: APIs whose scopes clients can have.

See "Resource servers" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.errors import InvalidParameterException, ResourceNotFoundException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import page_start, page_token
from cognito_mfa.local.rules.state import ResourceServer, UserPool

LARGEST_PAGE = 50


def create_resource_server(context: Context, parameters: Parameters) -> Payload:
    """Create a resource server with its scopes."""
    pool, identifier = context.pool(parameters), parameters["Identifier"]
    if identifier in pool.resource_servers:
        raise InvalidParameterException(f"{identifier} already exists in user pool {pool.id}.")
    server = ResourceServer(
        identifier=identifier, name=parameters["Name"], scopes=_scopes(parameters)
    )
    pool.resource_servers[identifier] = server
    return {"ResourceServer": _described(pool, server)}


def update_resource_server(context: Context, parameters: Parameters) -> Payload:
    """Replace the name and all scopes. Scopes that are left out are deleted."""
    pool, server = _server(context, parameters)
    server.name, server.scopes = parameters["Name"], _scopes(parameters)
    return {"ResourceServer": _described(pool, server)}


def describe_resource_server(context: Context, parameters: Parameters) -> Payload:
    """Return one resource server."""
    pool, server = _server(context, parameters)
    return {"ResourceServer": _described(pool, server)}


def delete_resource_server(context: Context, parameters: Parameters) -> Payload:
    """Delete a resource server. Clients keep its scopes in their lists."""
    pool, server = _server(context, parameters)
    del pool.resource_servers[server.identifier]
    return {}


def list_resource_servers(context: Context, parameters: Parameters) -> Payload:
    """Return a page of a pool's resource servers."""
    pool = context.pool(parameters)
    servers = list(pool.resource_servers.values())
    start = page_start(parameters.get("NextToken"), "ListResourceServers", pool.id)
    end = start + (parameters.get("MaxResults") or LARGEST_PAGE)
    page: Payload = {"ResourceServers": [_described(pool, one) for one in servers[start:end]]}
    if len(servers) > end:
        page["NextToken"] = page_token(end, "ListResourceServers", pool.id)
    return page


def _server(context: Context, parameters: Parameters) -> tuple[UserPool, ResourceServer]:
    pool, identifier = context.pool(parameters), parameters["Identifier"]
    if identifier not in pool.resource_servers:
        raise ResourceNotFoundException(f"Resource server {identifier} does not exist.")
    return pool, pool.resource_servers[identifier]


def _scopes(parameters: Parameters) -> dict[str, str]:
    given = parameters.get("Scopes", [])
    names = [scope["ScopeName"] for scope in given]
    for name in names:
        if names.count(name) > 1:
            raise InvalidParameterException(f"Scope {name} is given more than once.")
    return {scope["ScopeName"]: scope["ScopeDescription"] for scope in given}


def _described(pool: UserPool, server: ResourceServer) -> dict[str, Any]:
    scopes = [{"ScopeName": name, "ScopeDescription": text} for name, text in server.scopes.items()]
    return {
        "UserPoolId": pool.id,
        "Identifier": server.identifier,
        "Name": server.name,
        **({"Scopes": scopes} if scopes else {}),
    }
