"""The gate in front of every view: who must set up a second factor, or answer it, goes there first.

It decides about the view that Django resolved, never about a path, and about every method alike. It
never calls Cognito, touches nothing on exempt views, and runs natively under WSGI and ASGI.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cognito_mfa import answers, gate
from cognito_mfa.models import CognitoIdentity, identity_is_loaded

logger = logging.getLogger(__name__)

GetResponse = (
    Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
)


class RequireMFAMiddleware:
    """Enforces MFA; stands after Django's ``AuthenticationMiddleware``."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            # Django awaits it then, without a thread.
            self.process_view = self.aprocess_view  # type: ignore[assignment, method-assign]

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        if gate.is_exempt(view) or not request.user.is_authenticated:
            return None
        return (
            answers.answer(request, answers.SET_UP) if gate.stops(request, request.user) else None
        )

    async def aprocess_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        if gate.is_exempt(view):
            return None
        user = await request.auser()
        if not user.is_authenticated:
            return None
        if not identity_is_loaded(user):
            await _load_identity(user)
        if gate.is_proven(request, user):
            return None
        # Only now: a policy may ask the database.
        stopped = await sync_to_async(gate.stops)(request, user)
        return answers.answer(request, answers.SET_UP) if stopped else None


async def _load_identity(user: Any) -> None:
    identity = await CognitoIdentity.objects.filter(user=user).afirst()
    user._meta.get_field("cognito_identity").set_cached_value(user, identity)
