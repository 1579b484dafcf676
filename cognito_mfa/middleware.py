"""The gate in front of every view: who must set up a second factor, or answer it, goes there first.

It decides about the view that Django resolved, never about a path, and about every method alike; and about
answers that no view gave. It never calls Cognito, touches nothing on exempt views, and runs natively under WSGI and ASGI.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from cognito_mfa.enforcement import ended_sessions, gate, impersonation, unrouted_responses
from cognito_mfa.enforcement.exempt_views import VIEW_GAVE_404, why_exempt
from cognito_mfa.enforcement.gate import Verdict

GetResponse = (
    Callable[[HttpRequest], HttpResponseBase] | Callable[[HttpRequest], Awaitable[HttpResponseBase]]
)


RELEASES = "hijack's own"  # django-hijack's way back, as marks.why_exempt says it


class RequireMFAMiddleware:
    """Enforces MFA; stands after Django's ``AuthenticationMiddleware``."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._is_awaited = iscoroutinefunction(get_response)
        hook: Any = self.process_view
        if self._is_awaited:
            markcoroutinefunction(self)
            # SECURITY: a stricter rule of a subclass holds under both servers; Django gives it a thread.
            if type(self).process_view is RequireMFAMiddleware.process_view:
                hook = self.aprocess_view
        self.process_view = _noting(hook)  # type: ignore[method-assign]

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_awaited:
            return self._acall(request)
        response: Any = self.get_response(request)
        if not unrouted_responses.needs_decision(request, response):
            return response
        verdict = _noted(request, gate.decide(request))
        return (
            unrouted_responses.replacement_for(request, response)
            if verdict is Verdict.BLOCK
            else response
        )

    async def _acall(self, request: HttpRequest) -> Any:
        response: Any = await self.get_response(request)  # type: ignore[misc]
        if not unrouted_responses.needs_decision(request, response):
            return response
        if await _anoted(request, await gate.adecide(request)) is not Verdict.BLOCK:
            return response
        # In a thread where a page may have to be rendered.
        replace = unrouted_responses.replacement_for
        acting = impersonation.is_possible(request)
        return (
            await sync_to_async(replace)(request, response)
            if acting
            else replace(request, response)
        )

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        why = why_exempt(view)
        if why:
            if why == RELEASES:
                impersonation.record_before_view(request)
            return None
        judged = gate.decide(request)
        if _noted(request, judged) is Verdict.BLOCK:
            return ended_sessions.deny(request, judged.user)
        impersonation.record_before_view(request)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """Note that the view has no such page, so that it is known where a fallback answers in its place."""
        if isinstance(exception, Http404):
            vars(request)[VIEW_GAVE_404] = True

    async def aprocess_view(
        self, request: HttpRequest, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        why = why_exempt(view)
        if why:
            if why == RELEASES:
                await sync_to_async(impersonation.record_before_view)(request)
            return None
        judged = await gate.adecide(request)
        if await _anoted(request, judged) is Verdict.BLOCK:
            return await sync_to_async(ended_sessions.deny)(request, judged.user)
        impersonation.record_before_view(request)
        return None


def _noted(request: HttpRequest, judged: gate.Decision) -> Verdict:
    """Return the verdict, and note a stop that does not happen because the site only observes."""
    if judged.verdict is Verdict.WOULD_BLOCK:
        from cognito_mfa.enforcement import rollout  # sites that enforce never need it

        rollout.record_would_block(request, judged.user)
    return judged.verdict


async def _anoted(request: HttpRequest, judged: gate.Decision) -> Verdict:
    if judged.verdict is Verdict.WOULD_BLOCK:
        await sync_to_async(_noted)(request, judged)
    return judged.verdict


def _noting(hook: Any) -> Callable[..., Any]:
    """Return ``process_view``, a subclass's own included, so that it is known whether Django came to ask."""
    if iscoroutinefunction(hook):

        async def awaited(request: HttpRequest, *view: Any) -> Any:
            vars(request)[unrouted_responses.VIEW_DECIDED] = True
            return await hook(request, *view)

        return awaited

    def called(request: HttpRequest, *view: Any) -> Any:
        vars(request)[unrouted_responses.VIEW_DECIDED] = True
        return hook(request, *view)

    return called
