"""The secrets of app clients. A second one makes it possible to replace the first without an outage.

Each secret of a client works, in hashes and at the token endpoint.

See "App clients" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from typing import Any

from cognito_mfa.local.errors import (
    InvalidParameterException,
    LimitExceededException,
    ResourceNotFoundException,
)
from cognito_mfa.local.operations.app_clients import new_secret
from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.operations.paging import check_only_page
from cognito_mfa.local.rules.state import ClientSecret

MOST = 2


def add_user_pool_client_secret(context: Context, parameters: Parameters) -> Payload:
    """Add a second secret to a confidential app client. A generated one is shown only once."""
    _, client = context.client_of_pool(parameters)
    if not client.secrets:
        raise InvalidParameterException(
            f"App client {client.id} is a public client and cannot have a secret."
        )
    if len(client.secrets) >= MOST:
        raise LimitExceededException(f"An app client can have at most {MOST} secrets.")
    given = parameters.get("ClientSecret")
    secret = client.add_secret(given or new_secret(), context.clock.now())
    shown = {} if given else {"ClientSecretValue": secret.value}
    return {"ClientSecretDescriptor": {**_described(secret), **shown}}


def list_user_pool_client_secrets(context: Context, parameters: Parameters) -> Payload:
    """Return the secrets of an app client by their ids, without the values."""
    _, client = context.client_of_pool(parameters)
    check_only_page(parameters.get("NextToken"))
    return {"ClientSecrets": [_described(secret) for secret in client.secrets]}


def delete_user_pool_client_secret(context: Context, parameters: Parameters) -> Payload:
    """Delete one of the two secrets of an app client."""
    _, client = context.client_of_pool(parameters)
    kept = [one for one in client.secrets if one.id != parameters["ClientSecretId"]]
    if len(kept) == len(client.secrets):
        raise ResourceNotFoundException(
            f"Client secret {parameters['ClientSecretId']} does not exist."
        )
    if not kept:
        raise InvalidParameterException("The last secret of an app client cannot be deleted.")
    client.secrets = kept
    return {}


def _described(secret: ClientSecret) -> dict[str, Any]:
    return {"ClientSecretId": secret.id, "ClientSecretCreateDate": secret.created_at}
