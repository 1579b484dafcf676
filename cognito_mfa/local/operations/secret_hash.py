"""The hash with which a client shows that it knows its secret.

See "Secret hash" in docs/cognito-behavior.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from cognito_mfa.local.errors import InvalidParameterException, NotAuthorizedException
from cognito_mfa.local.operations.context import Parameters
from cognito_mfa.local.rules.state import AppClient


def check_secret_hash(client: AppClient, values: Mapping[str, str], username: str) -> None:
    """Check the SECRET_HASH of a request.

    See "Secret hash" in docs/cognito-behavior.md.

    Args:
        client: The app client.
        values: The values of the request, as a map of strings.
        username: The name that the hash is over.

    Raises:
        NotAuthorizedException: It is missing or wrong.
        InvalidParameterException: The client has no secret and must send none (measured).
    """
    sent = values.get("SECRET_HASH")
    if client.secret is None:
        if sent:
            raise InvalidParameterException(
                f"App client {client.id} is not configured for secret but secret hash was received"
            )
        return
    if not sent:
        raise NotAuthorizedException(
            f"Client {client.id} is configured with secret but SECRET_HASH was not received"
        )
    if not any(_same(secret_hash(client, username, one.value), sent) for one in client.secrets):
        raise NotAuthorizedException(f"SecretHash does not match for the client: {client.id}")


def is_secret(client: AppClient, sent: str) -> bool:
    """Return whether a text is one of the secrets of a client.

    Args:
        client: The app client.
        sent: The text.

    Returns:
        Whether the client has this secret.
    """
    return any(_same(one.value, sent) for one in client.secrets)


def secret_hash(client: AppClient, username: str, secret: str) -> str:
    """Return the SECRET_HASH of a client with a secret, for a name.

    Args:
        client: The app client.
        username: The name that the hash is over.
        secret: One of its secrets.

    Returns:
        HMAC-SHA256 over name and client id, in base64.
    """
    message = (username + client.id).encode()
    digest = hmac.digest(secret.encode(), message, hashlib.sha256)
    return base64.b64encode(digest).decode()


def check_secret_hash_member(client: AppClient, parameters: Parameters) -> None:
    """Check the hash of an operation that has it as a member of the request.

    Args:
        client: The app client.
        parameters: The members of the request.

    Raises:
        NotAuthorizedException: It is missing or wrong.
    """
    values = {"SECRET_HASH": parameters.get("SecretHash", "")}
    check_secret_hash(client, values, parameters["Username"])


def _same(known: str, sent: str) -> bool:
    return hmac.compare_digest(known.encode(), sent.encode())
