"""Everything that talks to Cognito. It doesn't depend on models or requests.

``user_api`` has the operations with the user's own credential, ``admin_api`` those with the site's AWS
keys. Both return values of ``types``, and raise only the family of ``cognito_mfa.exceptions``.
"""

from __future__ import annotations

from cognito_mfa.cognito.clients import make_client

__all__ = ["make_client"]
