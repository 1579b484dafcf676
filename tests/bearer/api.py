"""An API in Django REST framework, one in django-ninja, and a plain view, for callers with access tokens."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path
from ninja import NinjaAPI
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

import cognito_mfa
from cognito_mfa import bearer
from cognito_mfa.contrib.ninja import CognitoAccessToken, add_exception_handler
from cognito_mfa.contrib.rest_framework import CognitoAccessTokenAuthentication, IsMFAVerified
from cognito_mfa.enforcement.gate import Verdict
from tests.urls import urlpatterns as site


class WithScope(CognitoAccessTokenAuthentication):
    scopes = ("orders/read", "aws.cognito.signin.user.admin")


class Api(APIView):
    authentication_classes: Any = [CognitoAccessTokenAuthentication, SessionAuthentication]
    permission_classes: Any = [IsMFAVerified]

    def get(self, request: Request) -> Response:
        verified = cognito_mfa.is_verified(request)
        return Response({"user": request.user.get_username(), "verified": verified})

    post = get


class Scoped(Api):
    authentication_classes = [WithScope]


class ForAnyone(Api):
    permission_classes = [IsAuthenticated]


ninja = NinjaAPI(auth=CognitoAccessToken(), urls_namespace="bearer")
add_exception_handler(ninja)


def _answer(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    return {"user": user.get_username(), "verified": cognito_mfa.is_verified(request)}


@ninja.get("/sync")
def ninja_sync(request: HttpRequest) -> dict[str, Any]:
    return _answer(request)


@ninja.get("/async")
async def ninja_async(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    return {"user": user.get_username(), "verified": await cognito_mfa.ais_verified(request)}


@ninja.get("/scoped", auth=CognitoAccessToken(scopes=WithScope.scopes))
def ninja_scoped(request: HttpRequest) -> dict[str, Any]:
    return _answer(request)


@ninja.get("/anyone", auth=CognitoAccessToken(mfa=False))
def ninja_anyone(request: HttpRequest) -> dict[str, Any]:
    return _answer(request)


async def plain(request: HttpRequest) -> JsonResponse:
    """What code of another kind does."""
    try:
        sign_in = await bearer.aauthenticate(request)
    except bearer.BearerRefused as refused:
        problem = {"detail": refused.detail, "code": refused.code}
        return JsonResponse(problem, status=refused.status, headers=refused.headers)
    if sign_in is None:
        return JsonResponse({}, status=401)
    if await bearer.adecide(request, sign_in) is Verdict.BLOCK:
        return JsonResponse({"code": "mfa_required"}, status=403)
    return JsonResponse({"user": sign_in.user.get_username(), "verified": True})


urlpatterns = [
    path("drf/", Api.as_view()),
    path("drf/scoped/", Scoped.as_view()),
    path("drf/anyone/", ForAnyone.as_view()),
    path("ninja/", ninja.urls),
    path("plain/", plain),
    *site,
]
