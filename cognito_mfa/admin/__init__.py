"""Our pages in Django's admin, one module for each model, and what a site puts into its own ``UserAdmin``.

``authenticator_actions``, ``confirmation`` and ``changelists`` hold what several of them share.
"""

from __future__ import annotations

from cognito_mfa.admin import code_failures, events, exemptions, identities, overview, resets
from cognito_mfa.admin.changelists import FastListMixin
from cognito_mfa.admin.users import MFAUserAdminMixin

__all__ = [
    "FastListMixin",
    "MFAUserAdminMixin",
    "code_failures",
    "events",
    "exemptions",
    "identities",
    "overview",
    "resets",
]
