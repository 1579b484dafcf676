"""For sites with django-ninja: authentication by the user pool's access tokens, MFA included.

::

    from cognito_mfa.contrib.ninja import CognitoAccessToken, add_exception_handler

    api = NinjaAPI(auth=CognitoAccessToken())
    add_exception_handler(api)
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.security.http import HttpAuthBase

from cognito_mfa.bearer import BearerRefused, BearerSignIn, authenticate, decide
from cognito_mfa.enforcement import rollout
from cognito_mfa.enforcement.block_log import record_block
from cognito_mfa.enforcement.gate import Verdict
from cognito_mfa.enforcement.request_user import set_user
from cognito_mfa.enforcement.responses import MFA_REQUIRED


class TokenRefused(HttpError):
    """The token is not accepted, or its sign-in did not pass MFA.

    Args:
        status: of the HTTP response.
        code: for scripts; frozen.
        detail: the same for people.
        headers: of the HTTP response.
    """

    def __init__(self, status: int, code: str, detail: str, headers: dict[str, str]) -> None:
        super().__init__(status, detail)
        self.code, self.headers = code, headers


class CognitoAccessToken(HttpAuthBase):
    """Authenticates by the access token in the Authorization header; requires MFA as the policy does.

    ``request.auth`` is the ``BearerSignIn``, ``request.user`` its user. Serves synchronous and asynchronous operations.

    Args:
        scopes: that the token must have, all of them.
        mfa: False for an operation that users without MFA may use, too.
    """

    openapi_scheme = "bearer"
    openapi_bearerFormat = "JWT"  # noqa: N815 - OpenAPI's name

    def __init__(self, *, scopes: Collection[str] = (), mfa: bool = True) -> None:
        super().__init__()
        self.scopes, self.mfa = tuple(scopes), mfa

    def __call__(self, request: HttpRequest) -> BearerSignIn | None:
        """Return the sign-in that the request's token stems from; None without a token.

        Raises:
            TokenRefused: the token is not accepted, or MFA is missing.
        """
        try:
            found = authenticate(request, scopes=self.scopes)
        except BearerRefused as refused:
            raise _refused(refused) from None
        if found is None:
            return None
        if self.mfa:
            _require_mfa(request, found)
        set_user(request, found.user)
        return found


def _require_mfa(request: HttpRequest, found: BearerSignIn) -> None:
    verdict = decide(request, found)
    if verdict is Verdict.WOULD_BLOCK:
        rollout.record_would_block(request, found.user)
    if verdict is Verdict.BLOCK:
        record_block(request, found.user)
        raise TokenRefused(403, MFA_REQUIRED.code, str(MFA_REQUIRED.title), {})


def _refused(refused: BearerRefused) -> TokenRefused:
    return TokenRefused(refused.status, refused.code, refused.detail, refused.headers)


def add_exception_handler(api: NinjaAPI) -> None:
    """Let ``api`` answer a refusal with its ``code`` and headers.

    Without it, responses have only ``detail``.
    """
    api.add_exception_handler(TokenRefused, _respond)


def _respond(_request: HttpRequest, refused: Any) -> HttpResponse:
    problem = {"detail": str(refused), "code": refused.code}
    return JsonResponse(problem, status=refused.status_code, headers=refused.headers)
