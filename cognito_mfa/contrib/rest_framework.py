"""For sites with Django REST framework: a permission class, and authentication by access tokens.

The one module that imports it. Its authentication classes set ``request.user`` after the middleware has decided, so an
API needs its own guard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import AND, OR, BasePermission, OperandHolder

from cognito_mfa.bearer import BearerRefused, BearerSignIn, authenticate, decide
from cognito_mfa.enforcement import gate, impersonation, rollout
from cognito_mfa.enforcement.block_log import record_block
from cognito_mfa.enforcement.gate import Verdict
from cognito_mfa.enforcement.overrides import forgets
from cognito_mfa.enforcement.responses import IMPERSONATING, MFA_REQUIRED

# Not at run time: rest_framework.views imports the site's permissions, among them this module, while it is imported.
if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request
    from rest_framework.views import APIView


class IsMFAVerified(BasePermission):
    """Allows users who are signed in and have passed the MFA that the policy requires.

    An access token of the user pool counts if its sign-in passed MFA; see ``CognitoAccessTokenAuthentication``. Any other
    token, or a password, is not MFA: a client that cannot use MFA needs a policy or an exemption that says so.
    Visitors are refused, as ``IsAuthenticated`` refuses them.
    """

    message: Any = str(MFA_REQUIRED.title)
    code = MFA_REQUIRED.code

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return whether the request may use the API; otherwise set the message that says why.

        Args:
            request: of Django REST framework, whose authentication named the user.
            view: not used.
        """
        user: Any = request.user  # None where a site's UNAUTHENTICATED_USER says so
        if not (user and user.is_authenticated):
            return False
        plain = request._request  # noqa: SLF001 - the session is Django's; DRF has no other name for it
        if isinstance(request.auth, BearerSignIn):
            return self._may_use_token(plain, request.auth)
        verdict, person = gate.decide_for_user(plain, user)
        if verdict is Verdict.WOULD_BLOCK:
            rollout.record_would_block(plain, person)
        elif verdict is Verdict.BLOCK:
            record_block(plain, person)
        if verdict is Verdict.BLOCK and impersonation.find(plain, user) is not None:
            self.message = {"detail": str(IMPERSONATING.title), "code": IMPERSONATING.code}
        elif verdict is Verdict.BLOCK:
            self.message = {"detail": str(MFA_REQUIRED.title), "code": MFA_REQUIRED.code}
            if MFA_REQUIRED.has_page():
                self.message["setup_url"] = request.build_absolute_uri(MFA_REQUIRED.url())
        return verdict is not Verdict.BLOCK

    def _may_use_token(self, request: HttpRequest, sign_in: BearerSignIn) -> bool:
        """Return whether the sign-in of an access token suffices.

        SECURITY: a session beside it has no effect.
        """
        verdict = decide(request, sign_in)
        if verdict is Verdict.WOULD_BLOCK:
            rollout.record_would_block(request, sign_in.user)
        if verdict is Verdict.BLOCK:
            record_block(request, sign_in.user)
            # No address of a page: the user signs in again, with a code, where the client got its token.
            self.message = {"detail": str(MFA_REQUIRED.title), "code": MFA_REQUIRED.code}
        return verdict is not Verdict.BLOCK


class CognitoAccessTokenAuthentication(BaseAuthentication):
    """Authenticates by an access token of the user pool in the Authorization header.

    ``request.user`` is the user who is linked to the token's ``sub``, ``request.auth`` the ``BearerSignIn``. Whether MFA was
    passed is asked by ``IsMFAVerified``, which must be among the permissions.

    Attributes:
        scopes: that the token must have, all of them; for subclasses.
    """

    scopes: tuple[str, ...] = ()

    def authenticate(self, request: Request) -> tuple[Any, BearerSignIn] | None:
        """Return the user and the sign-in; None for a request without an access token.

        Raises:
            TokenRefused: the token is not accepted.
        """
        plain = request._request  # noqa: SLF001 - as above
        try:
            found = authenticate(plain, scopes=self.scopes)
        except BearerRefused as refused:
            raise TokenRefused(refused) from None
        return None if found is None else (found.user, found)

    def authenticate_header(self, request: Request) -> str:
        """Return the header WWW-Authenticate of a response to a request without a token."""
        del request
        return "Bearer"


class TokenRefused(APIException):
    """An access token is not accepted; Django REST framework makes the response of it.

    Args:
        refused: why.
    """

    def __init__(self, refused: BearerRefused) -> None:
        super().__init__({"detail": refused.detail, "code": refused.code}, code=refused.code)
        self.status_code = refused.status
        if refused.challenge:
            self.auth_header = refused.challenge
        if refused.retry_after is not None:
            self.wait = refused.retry_after


def asks_for_factor(permission: Any) -> bool:
    """Return whether ``permission``, a class, an object, or several composed, never passes without ours.

    For the system check and the gate map.
    """
    if isinstance(permission, OperandHolder):
        permission = permission()
    if isinstance(permission, (AND, OR)):
        operands = vars(permission)
        sides = (asks_for_factor(operands["op1"]), asks_for_factor(operands["op2"]))
        return any(sides) if isinstance(permission, AND) else all(sides)
    kind = permission if isinstance(permission, type) else type(permission)
    return issubclass(kind, IsMFAVerified) and not forgets(
        kind, IsMFAVerified, "has_permission", unless=frozenset({"decide_for_user"})
    )
