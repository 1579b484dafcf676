"""GlobalSignOut and AdminUserGlobalSignOut: refresh and access tokens stop working at Cognito
(facts sections 6.3 and 7.3). What others verify offline, and MFA, must not be touched."""

from __future__ import annotations

from cognito_mfa.local.errors import NotAuthorizedException
from cognito_mfa.local.operations.context import Context, Parameters, Payload


class SignOut(Context):
    """The end of every sign-in of a user."""

    def global_sign_out(self, parameters: Parameters) -> Payload:
        pool, user = self.caller(parameters, gone=NotAuthorizedException)
        self.tokens.revoke_all(pool, user)
        return {}

    def admin_user_global_sign_out(self, parameters: Parameters) -> Payload:
        pool, user = self.user(parameters)
        self.tokens.revoke_all(pool, user)
        return {}
