"""GlobalSignOut and AdminUserGlobalSignOut: refresh and access tokens stop working at Cognito
(facts sections 6.3 and 7.3). What others verify offline, and MFA, must not be touched."""

from __future__ import annotations

from cognito_mfa.local.errors import NotAuthorizedException
from cognito_mfa.local.operations.context import Context, Parameters, Payload


def global_sign_out(context: Context, parameters: Parameters) -> Payload:
    pool, user = context.caller(parameters, gone=NotAuthorizedException)
    context.tokens.revoke_all(pool, user)
    return {}


def admin_user_global_sign_out(context: Context, parameters: Parameters) -> Payload:
    pool, user = context.user(parameters)
    context.tokens.revoke_all(pool, user)
    return {}
