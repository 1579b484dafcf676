"""SetUserMFAPreference and AdminSetUserMFAPreference (facts section 6.1)."""

from __future__ import annotations

from cognito_mfa.local.operations.context import Context, Parameters, Payload
from cognito_mfa.local.rules import preferences


class MFAPreference(Context):
    """Which factors a user wants to be asked for."""

    def set_user_mfa_preference(self, parameters: Parameters) -> Payload:
        pool, user = self.caller(parameters)
        preferences.apply(pool, user, parameters, admin=False)
        return {}

    def admin_set_user_mfa_preference(self, parameters: Parameters) -> Payload:
        pool, user = self.user(parameters)
        preferences.apply(pool, user, parameters, admin=True)
        return {}
