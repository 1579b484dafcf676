"""GlobalSignOut and AdminUserGlobalSignOut, which revoke refresh and access tokens.

That changes neither MFA nor what other programs find out about tokens without Cognito.

See "Revocation" in docs/cognito-behavior.md.
"""

from __future__ import annotations

from cognito_mfa.local.errors import NotAuthorizedException
from cognito_mfa.local.operations.context import Context, Parameters, Payload


def global_sign_out(context: Context, parameters: Parameters) -> Payload:
    """Revoke the caller's tokens."""
    pool, user = context.caller(parameters, gone=NotAuthorizedException)
    context.tokens.revoke_all(pool, user)
    return {}


def admin_user_global_sign_out(context: Context, parameters: Parameters) -> Payload:
    """Revoke a user's tokens."""
    pool, user = context.user(parameters)
    context.tokens.revoke_all(pool, user)
    return {}
