"""The look of the classic pages, which is only stored: the pages here look the same for all clients.

See "The look of managed login" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from cognito_mfa.local.errors import InvalidParameterException
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules.state import UiCustomization, UserPool

EVERY_CLIENT = "ALL"


def set_ui_customization(context: Context, parameters: Parameters) -> Payload:
    """Set the look for an app client or for all. Without CSS and image, delete it."""
    pool, client_id = _whose(context, parameters)
    now = context.clock.now()
    before = pool.ui_customizations.pop(client_id, None)
    if not (parameters.get("CSS") or parameters.get("ImageFile")):
        return {"UICustomization": {}}
    customization = UiCustomization(
        client_id=client_id,
        css=parameters.get("CSS"),
        image=parameters.get("ImageFile"),
        created_at=before.created_at if before else now,
        modified_at=now,
    )
    pool.ui_customizations[client_id] = customization
    return {"UICustomization": _described(pool, customization)}


def get_ui_customization(context: Context, parameters: Parameters) -> Payload:
    """Return the look of an app client, or that of all clients if it has none."""
    pool, client_id = _whose(context, parameters)
    looks = pool.ui_customizations
    customization = looks.get(client_id) or looks.get(EVERY_CLIENT)
    return {"UICustomization": _described(pool, customization) if customization else {}}


def _whose(context: Context, parameters: Parameters) -> tuple[UserPool, str]:
    """Return the pool, which needs a domain even for reading, and the client or "ALL"."""
    client_id: str = parameters.get("ClientId", EVERY_CLIENT)
    pool = context.pool(parameters)
    if client_id != EVERY_CLIENT:
        pool, _ = context.client_of_pool(parameters)
    if not pool.domains:
        raise InvalidParameterException(
            "There has to be an existing domain associated with this user pool."
        )
    return pool, client_id


def _described(pool: UserPool, customization: UiCustomization) -> dict[str, Any]:
    version = f"{datetime.fromtimestamp(customization.modified_at, UTC):%Y%m%d%H%M%S}"
    css = {"CSS": customization.css, "CSSVersion": version} if customization.css else {}
    image = {"ImageUrl": _address(pool, customization, version)} if customization.image else {}
    return {
        "UserPoolId": pool.id,
        "ClientId": customization.client_id,
        **image,
        **css,
        "CreationDate": customization.created_at,
        "LastModifiedDate": customization.modified_at,
    }


def _address(pool: UserPool, customization: UiCustomization, version: str) -> str:
    """Return a URL in Cognito's form. It leads to nothing."""
    host = f"d{hashlib.sha256(pool.id.encode()).hexdigest()[:13]}.cloudfront.net"
    path = f"{pool.id}/{customization.client_id}/{version}/assets/images/image.jpg"
    return f"https://{host}/{path}"
