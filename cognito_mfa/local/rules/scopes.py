"""The OAuth scopes that exist in a pool, and the providers that a client can name.

See "Resource servers" and "Identity providers" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from cognito_mfa.local.errors import InvalidParameterException, ScopeDoesNotExistException
from cognito_mfa.local.rules.state import UserPool

OPENID = "openid"
SELF_SERVICE = "aws.cognito.signin.user.admin"
RESERVED = (OPENID, "email", "phone", "profile", SELF_SERVICE)
USERS_OF_THE_POOL = "COGNITO"


def custom_scopes(pool: UserPool) -> set[str]:
    """Return the scopes of a pool's resource servers, as they are in tokens."""
    return {
        f"{server.identifier}/{name}"
        for server in pool.resource_servers.values()
        for name in server.scopes
    }


def check_scopes(pool: UserPool, scopes: Iterable[str]) -> None:
    """Check that the scopes of an app client exist.

    Args:
        pool: The user pool.
        scopes: AllowedOAuthScopes.

    Raises:
        ScopeDoesNotExistException: One is neither Cognito's nor of a resource server in the pool.
    """
    existing = {*RESERVED, *custom_scopes(pool)}
    for scope in scopes:
        if scope not in existing:
            raise ScopeDoesNotExistException(f"Invalid scope requested: {scope}")


def check_providers(pool: UserPool, names: Iterable[str]) -> None:
    """Check that the identity providers of an app client exist.

    Args:
        pool: The user pool.
        names: SupportedIdentityProviders.

    Raises:
        InvalidParameterException: The pool does not have one of them.
    """
    for name in names:
        if name != USERS_OF_THE_POOL and name not in pool.identity_providers:
            raise InvalidParameterException(
                f"The provider {name} does not exist for User Pool {pool.id}."
            )
