"""Styles of managed login, which are only stored: the pages here look the same for all clients.

See "The look of managed login" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from cognito_mfa.local.errors import (
    InvalidParameterException,
    ManagedLoginBrandingExistsException,
    ResourceNotFoundException,
)
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.empty import without_empty
from cognito_mfa.local.rules.state import Branding, UserPool


def create_managed_login_branding(context: Context, parameters: Parameters) -> Payload:
    """Create a style for an app client."""
    pool, client = context.client_of_pool(parameters)
    if _of_client(pool, client.id) is not None:
        raise ManagedLoginBrandingExistsException(
            f"The app client {client.id} already has a managed login branding style."
        )
    _check(parameters)
    now = context.clock.now()
    branding = Branding(
        id=str(uuid.uuid4()),
        client_id=client.id,
        default=parameters.get("UseCognitoProvidedValues", False),
        settings=dict(parameters.get("Settings", {})),
        assets=_merged_assets([], parameters.get("Assets", [])),
        created_at=now,
        modified_at=now,
    )
    pool.brandings[branding.id] = branding
    return {"ManagedLoginBranding": _described(pool, branding)}


def update_managed_login_branding(context: Context, parameters: Parameters) -> Payload:
    """Change a style. Settings and images that are left out stay."""
    for name in ("UserPoolId", "ManagedLoginBrandingId"):  # the model requires neither
        if name not in parameters:
            raise InvalidParameterException(f"{name} is required.")
    pool, branding = _named(context, parameters)
    _check(parameters)
    branding.default = parameters.get("UseCognitoProvidedValues", False)
    settings, assets = (branding.settings, branding.assets) if not branding.default else ({}, [])
    branding.settings = _merged(settings, parameters.get("Settings", {}))
    branding.assets = _merged_assets(assets, parameters.get("Assets", []))
    branding.modified_at = context.clock.now()
    return {"ManagedLoginBranding": _described(pool, branding)}


def describe_managed_login_branding(context: Context, parameters: Parameters) -> Payload:
    """Return a style by its id."""
    pool, branding = _named(context, parameters)
    return {"ManagedLoginBranding": _described(pool, branding)}


def describe_managed_login_branding_by_client(context: Context, parameters: Parameters) -> Payload:
    """Return the style of an app client."""
    pool, client = context.client_of_pool(parameters)
    branding = _of_client(pool, client.id)
    if branding is None:
        raise ResourceNotFoundException(
            f"The app client {client.id} has no managed login branding style."
        )
    return {"ManagedLoginBranding": _described(pool, branding)}


def delete_managed_login_branding(context: Context, parameters: Parameters) -> Payload:
    """Delete a style."""
    pool, branding = _named(context, parameters)
    del pool.brandings[branding.id]
    return {}


def _of_client(pool: UserPool, client_id: str) -> Branding | None:
    return next((one for one in pool.brandings.values() if one.client_id == client_id), None)


def _named(context: Context, parameters: Parameters) -> tuple[UserPool, Branding]:
    pool, branding_id = context.pool(parameters), parameters["ManagedLoginBrandingId"]
    if branding_id not in pool.brandings:
        raise ResourceNotFoundException(
            f"Managed login branding style {branding_id} does not exist."
        )
    return pool, pool.brandings[branding_id]


def _check(parameters: Parameters) -> None:
    """Check a style. Contrary to its documentation, Cognito accepts images with default settings."""
    if parameters.get("UseCognitoProvidedValues") and parameters.get("Settings"):
        raise InvalidParameterException(
            "Settings must be omitted when UseCognitoProvidedValues is true."
        )


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **old,
        **{
            name: _merged(old[name], value)
            if isinstance(value, Mapping) and isinstance(old.get(name), Mapping)
            else value
            for name, value in new.items()
        },
    }


def _merged_assets(
    old: Iterable[Mapping[str, Any]], new: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """There is one image for each use and color mode."""
    by_use = {(one["Category"], one["ColorMode"]): without_empty(one) for one in (*old, *new)}
    return list(by_use.values())


def _described(pool: UserPool, branding: Branding) -> dict[str, Any]:
    own = {"Settings": branding.settings, "Assets": branding.assets}
    return {
        "ManagedLoginBrandingId": branding.id,
        "UserPoolId": pool.id,
        "UseCognitoProvidedValues": branding.default,
        **{name: value for name, value in own.items() if value},
        "CreationDate": branding.created_at,
        "LastModifiedDate": branding.modified_at,
    }
