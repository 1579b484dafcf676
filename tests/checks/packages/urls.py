"""URLs of the site with other packages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import include, path
from ninja import NinjaAPI
from ninja.security import HttpBearer, django_auth
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView
from unfold.sites import UnfoldAdminSite
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtail_admin_urls

from cognito_mfa.contrib.admin_site import MFAAdminSite
from cognito_mfa.decorators import mfa_required

api = NinjaAPI()


class Bearer(HttpBearer):
    def authenticate(self, request: Any, token: str) -> str:
        return token


def with_token(request: Any) -> str:
    return "secret"


async def with_token_async(request: Any) -> str:
    return "secret"


def with_session(request: Any) -> str:
    return "secret"


def required(request: Any) -> str:
    return "secret"


def with_function(request: Any) -> str:
    return "secret"


api.get("/token", auth=Bearer())(with_token)
api.get("/async-token", auth=Bearer())(with_token_async)
api.get("/session", auth=django_auth)(with_session)
api.get("/required", auth=Bearer())(mfa_required(required))
api.get("/function", auth=lambda request: request.user.is_authenticated)(with_function)


class OnlyAuthenticated(APIView):
    permission_classes = [IsAuthenticated]

    def get(self, _request: Any) -> Response:
        return Response("secret")


class Guarded(APIView):
    def get(self, _request: Any) -> Response:
        return Response("secret")


class Gated(MFAAdminSite, UnfoldAdminSite):
    """Unfold's admin site behind the gate."""


gated, ungated = Gated(name="gated"), UnfoldAdminSite(name="ungated")
urlpatterns = [
    path("account/", include("cognito_mfa.urls")),
    path("gated/", gated.urls),
    path("ungated/", ungated.urls),
    path("plain/", admin.site.urls),
    path("ninja/", api.urls),
    path("jwt/", TokenObtainPairView.as_view()),
    path("jwt/refresh/", TokenRefreshView.as_view()),
    path("api/only/", OnlyAuthenticated.as_view()),
    path("api/guarded/", Guarded.as_view()),
    path("cms/", include(wagtail_admin_urls)),
    path("", include(wagtail_urls)),
]
