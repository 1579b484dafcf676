"""Which identity providers a client's users can choose from on managed login.

See "Federated users" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from cognito_mfa.local.managed_login.oauth import OAuthError
from cognito_mfa.local.rules.scopes import USERS_OF_THE_POOL
from cognito_mfa.local.rules.state import AppClient, IdentityProvider, UserPool

UNAVAILABLE = "Login option is not available. Please try another one"


def has_passwords(client: AppClient) -> bool:
    """Return whether users of the pool itself can sign in at a client."""
    return USERS_OF_THE_POOL in client.settings.get(
        "SupportedIdentityProviders", [USERS_OF_THE_POOL]
    )


def providers_of(pool: UserPool, client: AppClient) -> list[IdentityProvider]:
    """Return the identity providers of a client.

    Args:
        pool: The user pool.
        client: The app client.

    Returns:
        Those that it supports; all of the pool's when it does not say.
    """
    named = client.settings.get("SupportedIdentityProviders", pool.identity_providers)
    return [one for name, one in pool.identity_providers.items() if name in named]


def chosen(pool: UserPool, client: AppClient, query: Mapping[str, str]) -> IdentityProvider | None:
    """Return the identity provider that a request leads to.

    Args:
        pool: The user pool.
        client: The app client.
        query: The query of the request.

    Returns:
        The provider; None for the page on which users choose, or enter a password.

    Raises:
        OAuthError: The client does not support the one that is asked for.
    """
    supported = providers_of(pool, client)
    name, identifier = query.get("identity_provider"), query.get("idp_identifier")
    if name == USERS_OF_THE_POOL and has_passwords(client):
        return None
    if name or identifier:
        for provider in supported:
            if provider.name == name or (not name and identifier in provider.identifiers):
                return provider
        raise OAuthError(UNAVAILABLE)
    if not has_passwords(client) and len(supported) == 1:
        return supported[0]
    return None
