"""Views of Django REST framework, with every way to say who is there."""

from __future__ import annotations

from typing import Any

from django.urls import path
from rest_framework.authentication import (
    BasicAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.enforcement.site import SECRET
from tests.urls import urlpatterns as site


class Api(APIView):
    """Asks for what the site's settings say."""

    authentication_classes = [SessionAuthentication, BasicAuthentication, TokenAuthentication]

    def get(self, request: Request, **_kwargs: Any) -> Response:
        return Response({"secret": SECRET, "user": str(request.user)})

    post = put = patch = delete = get


class TokenFirst(Api):
    authentication_classes = [TokenAuthentication, SessionAuthentication]


class Open(Api):
    permission_classes = [AllowAny]


urlpatterns = [
    path("api/", Api.as_view()),
    path("api/token-first/", TokenFirst.as_view()),
    path("api/open/", Open.as_view()),
    *site,
]
