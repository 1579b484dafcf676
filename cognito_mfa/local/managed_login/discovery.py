"""The two public documents of a pool: its keys, and the OpenID configuration.

Nothing private passes through here.

See "Signatures and the issuer" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cognito_mfa.local.rules.claims import issuer
from cognito_mfa.local.rules.keys import jwks
from cognito_mfa.local.rules.state import UserPool

Document = Callable[[UserPool, str], Mapping[str, Any]]


def openid_configuration(pool: UserPool, base: str) -> dict[str, Any]:
    """Return the OpenID configuration of a pool.

    Args:
        pool: The user pool.
        base: The URL that the client knows us by.

    Returns:
        The issuer is Cognito's, as in the tokens, and the addresses are ours. Where the pool has an
        issuer of its own, all addresses begin with it for every client.
    """
    base = (pool.behavior.issuer or base).rstrip("/")
    return {
        "authorization_endpoint": f"{base}/oauth2/authorize",
        "end_session_endpoint": f"{base}/logout",
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": issuer(pool),
        "jwks_uri": f"{base}/{pool.id}/.well-known/jwks.json",
        "response_types_supported": ["code", "token"],
        "revocation_endpoint": f"{base}/oauth2/revoke",
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
        "token_endpoint": f"{base}/oauth2/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "userinfo_endpoint": f"{base}/oauth2/userInfo",
    }


#: By what follows the pool's id in the path.
DOCUMENTS: Mapping[str, Document] = {
    ".well-known/jwks.json": lambda pool, _: jwks(pool),
    ".well-known/openid-configuration": openid_configuration,
}
