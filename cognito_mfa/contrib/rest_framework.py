"""For sites with Django REST framework: a permission class. The one module that imports it.

Its authentication classes put somebody into ``request.user`` after the middleware has decided, so that
an API needs a guard of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import AND, OR, BasePermission, OperandHolder

from cognito_mfa.enforcement import gate, impersonation, observed
from cognito_mfa.enforcement.gate import Verdict
from cognito_mfa.enforcement.responses import SET_UP, SWITCH_BACK

if (
    TYPE_CHECKING
):  # while it is imported, rest_framework.views imports the site's permissions: this module
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsMFAVerified(BasePermission):
    """Lets people through who are signed in and have the second factor that the policy asks for.

    Nobody's token or password is a second factor: a client that must do without needs a policy or an
    exemption that says so. Visitors are refused, as ``IsAuthenticated`` refuses them.
    """

    message: Any = str(SET_UP.title)
    code = SET_UP.code

    def has_permission(self, request: Request, view: APIView) -> bool:
        user: Any = request.user  # None where a site's UNAUTHENTICATED_USER says so
        if not (user and user.is_authenticated):
            return False
        plain = request._request  # noqa: SLF001 - the session is Django's; DRF has no other name for it
        verdict, person = gate.judge_user(plain, user)
        if verdict is Verdict.WOULD_STOP:
            observed.note(plain, person)
        if verdict is Verdict.STOP and impersonation.of(plain, user) is not None:
            self.message = {"detail": str(SWITCH_BACK.title), "code": SWITCH_BACK.code}
        elif verdict is Verdict.STOP:
            self.message = {
                "detail": str(SET_UP.title),
                "code": SET_UP.code,
                "setup_url": request.build_absolute_uri(SET_UP.url()),
            }
        return verdict is not Verdict.STOP


def asks_for_factor(permission: Any) -> bool:
    """Tell whether ``permission``, a class or several composed, never passes without ours.

    For the system check.
    """
    if isinstance(permission, OperandHolder):
        sides = (asks_for_factor(permission.op1_class), asks_for_factor(permission.op2_class))
        operator: Any = permission.operator_class
        return any(sides) if operator is AND else operator is OR and all(sides)
    return isinstance(permission, type) and issubclass(permission, IsMFAVerified)
