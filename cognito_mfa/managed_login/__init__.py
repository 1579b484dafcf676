"""Users who sign in at Cognito's own pages (managed login), through another package.

The package's sign-in stays, and MFA is ours. ``COGNITO_MFA["TOKEN_PROVIDER"]`` returns the tokens that such
a sign-in left in the session. With them a user sets up an authenticator app here, and at later sign-ins
Cognito asks for the code. What a sign-in proves, and about whom, is decided once, when it happens. Nothing
here runs on an ordinary request.

SECURITY: no package is believed about where a token comes from. Before a user is linked, or anything is
proven, one of the pool's keys must have signed it, for this pool and app client, and for this time.
"""

from __future__ import annotations

from cognito_mfa.managed_login.setup import start_setup
from cognito_mfa.managed_login.tokens import ProvidedTokens, is_active, load, store

__all__ = ["ProvidedTokens", "is_active", "load", "start_setup", "store"]
