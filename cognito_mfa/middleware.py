"""The gate in front of every view: who must set up a second factor, or answer it, goes there first.

It decides about the view that Django resolved, never about a path, and about every method alike. It
never calls Cognito, touches nothing on exempt views, and runs natively under WSGI and ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cognito_mfa import answers, gate
from cognito_mfa.gate import Verdict
from cognito_mfa.marks import why_exempt

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
            # SECURITY: a stricter rule of a subclass holds under both servers; Django gives it a thread.
            if type(self).process_view is RequireMFAMiddleware.process_view:
                # Django awaits this one, without a thread.
                self.process_view = self.aprocess_view  # type: ignore[assignment, method-assign]

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        if why_exempt(view):
            return None
        verdict, user = gate.judge(request)
        if verdict is Verdict.WOULD_STOP:
            from cognito_mfa import observed  # sites that enforce never need it

            observed.note(request, user)
        return answers.answer(request, answers.SET_UP) if verdict is Verdict.STOP else None

    async def aprocess_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        if why_exempt(view):
            return None
        verdict, user = await gate.ajudge(request)
        if verdict is Verdict.WOULD_STOP:
            from cognito_mfa import observed

            await sync_to_async(observed.note)(request, user)
        return answers.answer(request, answers.SET_UP) if verdict is Verdict.STOP else None
