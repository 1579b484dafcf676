"""What Django's admin finds: our pages, each imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from cognito_mfa.admin.late import CONFIRM, USUAL, register
from cognito_mfa.models import (
    Census,
    CodeFailures,
    CognitoIdentity,
    MFAEvent,
    MFAExemption,
    MFAReset,
)

if TYPE_CHECKING:
    from cognito_mfa.admin.changelists import FastListMixin
    from cognito_mfa.admin.users import MFAUserAdminMixin

__all__ = ["FastListMixin", "MFAUserAdminMixin"]

PLACE = "cognito_mfa.admin."

DEEDS = (CONFIRM, *USUAL)
register(CognitoIdentity, f"{PLACE}identities.CognitoIdentityAdmin", DEEDS, own_transactions=True)
register(CodeFailures, f"{PLACE}identities.CodeFailuresAdmin", DEEDS, own_transactions=True)
register(MFAReset, f"{PLACE}identities.MFAResetAdmin", USUAL, own_transactions=True)
register(MFAExemption, f"{PLACE}exemptions.MFAExemptionAdmin", DEEDS, own_transactions=True)
register(MFAEvent, f"{PLACE}events.MFAEventAdmin", (("export/", "export"), *USUAL))
register(Census, f"{PLACE}overview.OverviewAdmin", (("", "changelist"), ("count/", "count")))


def __getattr__(name: str) -> Any:
    """Import what sites put into their own admin when they name it."""
    if name in __all__:
        module = "users" if name == "MFAUserAdminMixin" else "changelists"
        return import_string(f"{PLACE}{module}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
